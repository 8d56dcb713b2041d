"""Build a report: read a study's records, show tables next to the papers' tables, and save everything that is shown.

    report = Report(run)                                    # UserError if no row was scored yet
    found = report.contrasts("ablation_contrasts", [("structured", "direct training", 1)], ARMS)
    report.opening(found, "structured − direct training")   # the answer in three sentences
    report.contrast_figure("ablation_contrasts", found)
    report.table("A_table2", ARMS, SETS, "A_v1_table2_ablation")
    finish(run, {}, artifacts=report.paths, extra=report.extra)

ARMS holds the labels of the main rows, so that all reports use the same label for a row.
"""

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML, Image

from o1lib.analysis.claims.bases import note_on_bases, only_base
from o1lib.analysis.comparability import PILOT, is_pilot, mismatches
from o1lib.analysis.contrasts import ONCE, compare, contrast_table, summarize_contrast
from o1lib.analysis.findings import differences, opening
from o1lib.analysis.headline import main_metric, with_headline
from o1lib.analysis.inference_scaling import with_judge_metrics
from o1lib.analysis.observations import AVERAGE
from o1lib.analysis.plots import points, save
from o1lib.analysis.prediction_cache import keeping
from o1lib.analysis.present import bullets, captioned, html_table, numbered, with_values
from o1lib.analysis.tables import (
    NOT_RUN,
    by_row,
    costs,
    long_table,
    note,
    paper_table,
    percent,
    provenance_table,
    reported,
)
from o1lib.analysis.views.examples import questions, tree_of
from o1lib.analysis.views.gallery import first_differences, gallery
from o1lib.analysis.views.search_tree import show_tree
from o1lib.formats.chat import FORMATS
from o1lib.minivqa.words import SKILLS
from o1lib.records import UserError, atomic_file, load_all, shown, to_json
from o1lib.records.html import markdown, render
from o1lib.scoring import PAPER_SETS
from o1lib.scoring.chance_level import HEADLINE
from o1lib.scoring.short_form import is_short

NO_LINE = "no line to show"  # of a table that could have lines
SETS = [*PAPER_SETS, AVERAGE, HEADLINE]
OF_MMSTAR = {skill: f"mini-MMStar/{skill}" for skill in SKILLS} | {"mini-MMStar": "mini-MMStar"}
ARMS = {
    "base, not fine-tuned": "base.greedy",
    "structured, never shown a picture": "blind.sample",
    FORMATS["direct"].label: "direct.sample",
    FORMATS["no_tags"].label: "no_tags.sample",
    FORMATS["tags"].label: "structured.sample",
}


class Report:
    """A report: the records that it reads, and the tables and figures that it wrote into the run's folder.

    `paths` are the files written so far, and `extra` is what the report's record will hold. `metric` is the one that
    figures of all sets show: the headline, or the plain average where no chance levels are frozen. `mark` is shown in
    every table and figure: "pilot", or "" if all rows are scored on confirmatory drawings. Raises UserError if there is
    no scored row under the run's root.
    """

    def __init__(self, run):
        self.run, self.paths, self.extra = run, [], {}
        self.records = with_headline(with_judge_metrics(keeping(load_all(run.root, run.leaves))))
        if not any("accuracy" in record.metrics for record in self.records):
            raise UserError(
                f"{shown(run.root)} holds no scored row to report on: run `make study` first "
                "(`make study SCALE=smoke` takes minutes), then run this report again"
            )
        self.rows = by_row(self.records)
        self.metric = main_metric(self.records)
        self.mark = PILOT if is_pilot(self.records) else ""
        self.extra |= {"rows": sorted(self.rows), "pilot": bool(self.mark)}

    def opening(self, found, first):
        """Return the answer of the report in three sentences, from contrasts and the label of the first one."""
        return self.brief(opening(found, first, self.mark))

    def brief(self, sentences):
        """Return the sentences that open the report as one paragraph, and keep them for its record."""
        self.extra["opening"] = list(sentences)
        return markdown(" ".join(sentences))

    def note(self):
        """Return what was scored and how to read the numbers, as Markdown."""
        return markdown(" ".join(filter(None, [note(self.records), note_on_bases(self.records)])))

    def keep(self, name, text):
        """Write `text` into the run's folder, other values as JSON, and add the file to the artifacts."""
        text = text if isinstance(text, str) else to_json(text, name, indent=1) + "\n"
        path = self.run.path(name)
        with atomic_file(path) as part:
            part.write_text(text, encoding="utf8")
        self.paths.append(path)

    def frame(self, name, frame):
        """Save a table as tables/<name>.csv, in a pilot with the mark as its last column; return the table."""
        marked = frame.assign(study=self.mark) if self.mark else frame
        self.keep(f"tables/{name}.csv", marked.to_csv(lineterminator="\n"))
        return frame

    def caption(self, text, rows=()):
        """Return the caption of a table of this study, with the mark of a pilot, and the base of its rows."""
        marks = ", ".join(filter(None, [only_base(self.records, rows), self.mark]))
        return f"{text} ({marks})" if marks else text

    def html(self, frame, caption, rows=()):
        """Return a table of this study as HTML, with its caption. Columns without a value are named in the caption.

        Where `rows` are on one of several bases, the caption names it. Without any value there is a sentence and no
        table.
        """
        there, lacking = with_values(frame)
        if there.empty:
            why = f": {NOT_RUN if len(frame) else NO_LINE}"
            return markdown(f"*{self.caption(caption.removesuffix('.'))}{'' if caption.endswith('.') else why}.*")
        remark = f". In no record: {', '.join(lacking)}" if lacking else ""
        return html_table(there, self.caption(caption, rows) + remark)

    def figure(self, name, ax, title):
        """Save the figure of `ax` as figures/<name>.svg and .png, and return the latter to show it.

        `title` says in one sentence what the figure shows; it is also the alternative text.
        """
        paths = save(ax, self.run.path("figures"), name, self.mark, title)
        self.paths += paths
        plt.close(ax.figure)
        return Image(filename=paths[-1], retina=True, alt=f"{title}.")

    def cells(self, rows, metrics):
        """Return the `long_table` of these records."""
        return long_table(self.records, rows, metrics)

    def table(self, name, rows, metrics, paper="", caption="", index=("model", "setting"), columns="benchmark"):
        """Return as HTML this study's table in the paper's shape, next to the paper's (results/reported/<paper>.csv).

        Saves the shown table as tables/<name>.csv and its numbers as tables/<name>_cells.csv. A line below the tables
        says why rows cannot be compared, if there are such rows.
        """
        shown_table = self.frame(name, paper_table(self.records, rows, metrics))
        self.frame(f"{name}_cells", self.cells(rows, metrics).set_index("label"))
        own = self.caption(f"{caption or name}: this study, % with 95 % interval", rows.values())
        there = any("accuracy" in record.metrics for row in rows.values() for record in self.rows.get(row, []))
        tables = [captioned(own, shown_table)] if there else [f"{own}: {NOT_RUN}"]
        if paper:
            theirs = reported(paper, index, columns)
            tables.append(captioned(f"{caption or name} as reported: other models and data", theirs))
        lacking = mismatches(self.records, rows.values(), ONCE)
        remark = f"Incomplete: {'; '.join(lacking)}." if lacking else ""
        return HTML(render("analysis/tables.html.j2", tables=tables, remark=remark))

    def costs(self, name, rows):
        """Return the mean costs of a question as HTML, and save them as tables/<name>.csv."""
        frame = self.frame(name, costs(self.records, rows))
        return self.html(frame, "a question, mean with 95 % interval", rows.values())

    def contrasts(self, name, pairs, rows, metric=""):
        """Return the contrasts of `o1lib.analysis.contrasts.compare` in a metric; save them as tables/<name>.csv.

        Without a metric it is the headline.
        """
        found = compare(self.records, pairs, rows, metric or HEADLINE)
        return self.frame(name, found.set_index("contrast")).reset_index()

    def shares(self, name, table, column, caption):
        """Return a long table as HTML, in percent, a line for each of `column`; save it as tables/<name>.csv."""
        self.frame(name, table.set_index(column))
        tested = table.dropna(subset=["value"])
        if not len(tested):
            return markdown(f"*{caption}: {NOT_RUN}.*")
        lines = [
            {"value [95 % interval]": percent(line), "n": f"{line['n']:.0f}"} for line in tested.to_dict("records")
        ]
        return self.html(pd.DataFrame(lines, index=list(tested[column])), caption)

    def contrast_figure(self, name, found):
        """Save and return a figure of the contrasts that have a value: incomplete ones marked, undecided ones gray."""
        drawn = found.dropna(subset="value")
        kinds = drawn.incomplete.map(lambda text: "incomplete" if text else "complete")
        hue = "records" if any(drawn.incomplete) else None
        complete_first = drawn.assign(records=kinds).sort_values("records")
        ax = points(complete_first, "contrast", hue, zero=True, order=list(drawn.contrast))
        return self.figure(name, ax, differences(found))

    def shown(self, found):
        """Return a table of contrasts as HTML: difference in points with its interval, verdict, and reasons below."""
        if not found["value"].notna().any():
            return bullets(map(summarize_contrast, found.to_dict("records")))
        table = contrast_table(found)
        numbers, notes = numbered(table["why"])
        there = self.html(table.assign(why=numbers), "paired differences with 95 % interval; why is told below")
        return HTML(there.data + notes)

    def baselines(self, row):
        """Return the accuracy of baselines that do not see the picture, from the card of dataset `row`."""
        if row not in self.rows:
            return markdown(f"*Dataset “{row}”: {NOT_RUN}.*")
        if not (found := self.rows[row][0].extra.get("card", {}).get("baselines")):
            return markdown(f"*Dataset “{row}”: its record has no card with baselines.*")
        lines = {name.replace("_", " "): {"%": percent(cell), "n": cell["n"]} for name, cell in found.items()}
        return self.html(pd.DataFrame.from_dict(lines, orient="index"), "baselines that do not see the picture")

    def gallery(self, a, b, rows, count=5):
        """Return the first questions that row `a` wins from row `b` and loses to it, or a note if one was not run."""
        pairs = {record.seed: record for record in self.rows.get(rows[b], [])}
        found = next(((one, pairs[one.seed]) for one in self.rows.get(rows[a], []) if one.seed in pairs), None)
        if not found:
            return markdown(f"*“{a}” against “{b}”: not run.*")
        lines = [record.predictions() for record in found]
        differing = [one for pairs in first_differences(*lines, count) for one, _ in pairs]
        return HTML(gallery(*lines, questions(found[0], self.run.root, differing), (a, b), count))

    def tree(self, row):
        """Return the search of the row's first question with every candidate, or a note if it was not run."""
        if row not in self.rows:
            return markdown(f"*{row}: {NOT_RUN}.*")
        record = self.rows[row][0]
        line = record.whole()[0]
        if is_short(line):
            return markdown(f"*{row}: its candidates are not published here. `python -m o1lib texts` has them.*")
        asked = questions(record, self.run.root, [line])
        return (
            HTML(show_tree(tree_of(line, asked[line["qid"]]), line["gold"]))
            if asked
            else markdown("*No picture here.*")
        )

    def provenance(self):
        """Return the table of the records' provenance as HTML, and save it as tables/<report>_rows.csv."""
        return self.html(
            self.frame(f"{self.run.row}_rows", provenance_table(self.records).set_index("row")), "records read"
        )

    def conclude(self, sentences):
        """Return the conclusion as a Markdown list of sentences, and keep it for the report's record."""
        self.extra["conclusion"] = list(sentences)
        return bullets(self.extra["conclusion"])

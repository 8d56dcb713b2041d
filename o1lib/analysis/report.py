"""What the reports share: they read a study's records, show tables beside the papers' own, and keep what they show.

    report = Report(run)                                    # UserError when nothing was run yet
    report.table("A_table2", ARMS, SETS, "A_v1_table2_ablation")
    found = report.contrasts("ablation_contrasts", [("structured", "direct training", 1)], ARMS)
    report.figure("contrasts", points(found, "contrast", zero=True))
    finish(run, {}, artifacts=report.paths, extra=report.extra)

Names of rows in words are here too, so that the four reports and their figures call a row the same.
"""

import html

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML, Image, Markdown

from o1lib.analysis.comparability import PILOT, is_pilot, mismatches
from o1lib.analysis.contrasts import ONCE, compare
from o1lib.analysis.inference_scaling import with_judge_metrics
from o1lib.analysis.observations import AVERAGE
from o1lib.analysis.plots import points, save
from o1lib.analysis.tables import NOT_MEASURED, NOT_RUN, by_row, costs, long, made, note, paper_table, percent, reported
from o1lib.analysis.views.examples import questions, tree_of
from o1lib.analysis.views.gallery import first_differences, gallery
from o1lib.analysis.views.search_tree import show_tree
from o1lib.minivqa.words import SKILLS
from o1lib.records import UserError, atomic_file, load_all, shown, to_json
from o1lib.scoring import PAPER_SETS

SETS = [*PAPER_SETS, "mini-average"]
OF_MMSTAR = {skill: f"mini-MMStar/{skill}" for skill in SKILLS} | {"mini-MMStar": "mini-MMStar"}
ARMS = {
    "base, not fine-tuned": "base.greedy",
    "structured, never shown a picture": "blind.sample",
    "direct training": "direct.sample",
    "without tags": "no_tags.sample",
    "structured": "structured.sample",
}
_SIDE = "<div style='margin-bottom:12px'><div style='font-weight:bold;margin:4px 0'>{caption}</div>{table}</div>"
_PAGE = "<div style='display:flex;flex-wrap:wrap;gap:28px;align-items:flex-start'>{parts}</div>{remark}"


def html_table(frame, caption=""):
    """Return a table as HTML, escaped, with every line and the whole text of every cell."""
    return HTML(_part(caption, frame))


def _part(caption, frame):
    with pd.option_context("display.max_colwidth", None):
        return _SIDE.format(caption=html.escape(caption), table=frame.to_html(border=0, na_rep="–"))


class Report:
    """A report under way: the records it reads, and the tables and figures that it wrote into the run's folder.

    `paths` are the files written so far, `extra` what the record will keep, `mark` the word that every table and figure
    carries ("pilot", or "" once everything is scored on confirmatory drawings). Raises UserError when there are no
    scored rows under the run's root.
    """

    def __init__(self, run):
        self.run, self.records, self.paths, self.extra = run, with_judge_metrics(load_all(run.root)), [], {}
        if not any("accuracy" in record.metrics for record in self.records):
            raise UserError(
                f"{shown(run.root)} holds no scored row to report on: run `make study` first "
                "(`make study SCALE=smoke` takes minutes), then open this report again"
            )
        self.rows = by_row(self.records)
        self.mark = PILOT if is_pilot(self.records) else ""
        self.extra |= {"rows": sorted(self.rows), "pilot": bool(self.mark)}

    def note(self):
        """Return what was scored and what a reader must bear in mind, as Markdown."""
        return Markdown(note(self.records))

    def keep(self, name, text):
        """Write `text`, or what is not a text as JSON, into the run's folder and note it as an artifact."""
        text = text if isinstance(text, str) else to_json(text, name, indent=1) + "\n"
        path = self.run.path(name)
        with atomic_file(path) as part:
            part.write_text(text, encoding="utf8")
        self.paths.append(path)

    def frame(self, name, frame):
        """Keep a table as tables/<name>.csv, a pilot's with the mark in its last column, and return it."""
        marked = frame.assign(study=self.mark) if self.mark else frame
        self.keep(f"tables/{name}.csv", marked.to_csv(lineterminator="\n"))
        return frame

    def caption(self, text):
        """Return the caption of a table of this study, which says so where the study is a pilot."""
        return f"{text} ({self.mark})" if self.mark else text

    def html(self, frame, caption):
        """Return a table of this study as HTML, with its caption."""
        return html_table(frame, self.caption(caption))

    def figure(self, name, ax):
        """Keep the figure of `ax` as figures/<name>.svg and .png and show the latter, drawn once for both uses."""
        paths = save(ax, self.run.path("figures"), name, self.mark)
        self.paths += paths
        plt.close(ax.figure)
        return Image(filename=paths[-1], retina=True)

    def cells(self, rows, metrics):
        """Return the long-form table of `tables.long` for these records."""
        return long(self.records, rows, metrics)

    def table(self, name, rows, metrics, paper="", caption="", index=("model", "setting"), columns="benchmark"):
        """Show our table in the paper's shape, and beside it the paper's own from results/reported/<paper>.csv.

        Keeps the shown table as tables/<name>.csv and its numbers as tables/<name>_cells.csv. What is amiss
        with the rows is said below. Returns HTML.
        """
        shown_table = self.frame(name, paper_table(self.records, rows, metrics))
        self.frame(f"{name}_cells", self.cells(rows, metrics).set_index("label"))
        parts = [_part(self.caption(f"{caption or name}: this study, % with 95 % interval"), shown_table)]
        if paper:
            theirs = reported(paper, index, columns)
            parts.append(_part(f"{caption or name} as reported: other models and data", theirs))
        lacking = mismatches(self.records, rows.values(), ONCE)
        remark = "<p><b>" + html.escape(f"Incomplete: {'; '.join(lacking)}.") + "</b></p>" if lacking else ""
        return HTML(_PAGE.format(parts="".join(parts), remark=remark))

    def costs(self, name, rows):
        """Show what a question costs, and keep it as tables/<name>.csv."""
        return self.html(self.frame(name, costs(self.records, rows)), "a question, mean with 95 % interval")

    def contrasts(self, name, pairs, rows, metric=AVERAGE):
        """Return the contrasts of `o1lib.analysis.contrasts.compare` in a metric and keep them as tables/<name>.csv."""
        return self.frame(name, compare(self.records, pairs, rows, metric).set_index("contrast")).reset_index()

    def contrast_figure(self, name, found):
        """Keep and show the contrasts that have a value; where some are incomplete these are marked."""
        drawn = found.dropna(subset="value")
        kinds = drawn.incomplete.map(lambda text: "incomplete" if text else "complete")
        hue = "records" if any(drawn.incomplete) else None
        return self.figure(
            name,
            points(
                drawn.assign(records=kinds).sort_values("records"),
                "contrast",
                hue,
                zero=True,
                order=list(drawn.contrast),
            ),
        )

    def shown(self, found):
        """Return a table of contrasts for reading: points with their interval, verdict, and how or why not."""
        differences = [percent(line) if pd.notna(line["value"]) else "–" for line in found.to_dict("records")]
        frame = found.drop(columns=["value", "low", "high"]).set_index("contrast").rename_axis(None)
        frame.insert(0, "difference (points)", differences)
        whole = frame.astype(dict.fromkeys(("n", "seeds", "wins", "losses", "failed"), "Int64"))
        whole = whole.astype(object).where(whole.notna(), NOT_MEASURED)
        whole["p"] = [p if p == NOT_MEASURED else f"{p:.3f}" if p >= 0.001 else "< 0.001" for p in whole["p"]]
        return self.html(whole, "paired differences with 95 % interval")

    def baselines(self, row):
        """Return what answerers that never look get right on the test questions of dataset `row`, from its card."""
        if row not in self.rows:
            return Markdown(f"*Dataset “{row}”: {NOT_RUN}.*")
        if not (found := self.rows[row][0].extra.get("card", {}).get("baselines")):
            return Markdown(f"*Dataset “{row}”: its record has no card that tells.*")
        lines = {name.replace("_", " "): {"%": percent(cell), "n": cell["n"]} for name, cell in found.items()}
        return self.html(pd.DataFrame.from_dict(lines, orient="index"), "answerers that never look")

    def gallery(self, a, b, rows, count=5):
        """Return HTML: the first questions that row `a` wins from row `b` and loses to it, or that one was not run."""
        pairs = {record.seed: record for record in self.rows.get(rows[b], [])}
        found = next(((one, pairs[one.seed]) for one in self.rows.get(rows[a], []) if one.seed in pairs), None)
        if not found:
            return Markdown(f"*“{a}” against “{b}”: not run.*")
        lines = [record.predictions() for record in found]
        told_apart = [one for pairs in first_differences(*lines, count) for one, _ in pairs]
        return HTML(gallery(*lines, questions(found[0], self.run.root, told_apart), (a, b), count))

    def tree(self, row):
        """Return HTML: the search of the row's first question, with every candidate, or that it was not run."""
        if row not in self.rows:
            return Markdown(f"*{row}: {NOT_RUN}.*")
        record = self.rows[row][0]
        line = record.predictions()[0]
        asked = questions(record, self.run.root, [line])
        return (
            HTML(show_tree(tree_of(line, asked[line["qid"]]), line["gold"]))
            if asked
            else Markdown("*No picture here.*")
        )

    def provenance(self):
        """Return where each row comes from, and keep it: commit, older code, seconds, failures, data and model."""
        return self.html(self.frame(f"{self.run.row}_rows", made(self.records).set_index("row")), "records read")

    def conclude(self, sentences):
        """Return the conclusion, one line a sentence, as Markdown; keep it in the record too."""
        self.extra["conclusion"] = list(sentences)
        return Markdown("\n".join(f"- {sentence}" for sentence in self.extra["conclusion"]))

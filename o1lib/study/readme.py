"""Write the generated blocks of README.md and docs/: published results, the list of packages and their files.

    write_blocks("mini")     # replaces the text between the marks, as `make publish` and `python -m o1lib readme` do

README.md has the block `results` (main claims, their verdicts, one figure) and the block `tree` (one line for each
package, from its docstring). docs/claims.md has the block `claims` (verdicts by paper, every tested claim with the
paper's numbers, two figures). docs/architecture.md has the block `files` (the modules of each package).
"""

import ast
import os
import re
from pathlib import Path

import pandas as pd

from o1lib.analysis.claims import load_claims, replication
from o1lib.analysis.claims.page import PAPERS, caveats, cost_table, judged, measured, reported, verdict_counts
from o1lib.analysis.claims.wording import margin, worded
from o1lib.analysis.comparability import PILOT, is_pilot
from o1lib.analysis.stats import VERDICTS
from o1lib.records import Record, UserError, load, load_all, project_root, shown
from o1lib.study import markdown_blocks
from o1lib.study.plan_text import duration

PAGES = {"README.md": ("results", "tree"), "docs/claims.md": ("claims",), "docs/architecture.md": ("files",)}
MAIN = {"forms": "Open questions, choices, and how often a chain's letter is that of the option it states"}
FULL = {
    "claims": "Each tested difference with its 95 % interval",
    "gain_of_a_judge": "What stage-level beam search gains by how often its judge is right",
}
PACKAGES = (  # lowest first, the order in which they may import each other
    "records",
    "formats",
    "minivqa",
    "scoring",
    "search",
    "models",
    "data",
    "training",
    "inference",
    "analysis",
    "evaluation",
    "study",
    "site",
    "harness",
    "cli",
)


def write_blocks(scale: str = "mini") -> None:
    """Rewrite the blocks of the pages from the published results of a scale.

    Raises UserError if a page or a mark is missing, or no claims are published.
    """
    found = blocks(project_root() / "results" / scale)
    for page, names in PAGES.items():
        markdown_blocks.replace_blocks(page, {name: found[name] for name in names})


def check_marks() -> None:
    """Raise UserError unless the pages have their marks, each once and in order."""
    for page, names in PAGES.items():
        markdown_blocks.read_with_marks(page, names)


def blocks(results: Path) -> dict[str, str]:
    """Return the Markdown of every block by name. Raises UserError if no claims are published in `results`."""
    path = results / "tables" / "claims.json"
    if not path.is_file():
        raise UserError(f"no claims are published ({shown(path)} is missing): run `make publish` first")
    lines = replication.read_claims(path)
    records = load_all(results)
    mark = PILOT if is_pilot(records) else ""
    return {
        "results": _results_block(results, lines, records, mark),
        "claims": _claims_block(results, lines, records, mark),
        "tree": package_tree(),
        "files": package_files(),
    }


def package_tree() -> str:
    """Return one line for each package of o1lib: its name and the first sentence of its docstring."""
    library, wide = Path(__file__).resolve().parents[1], max(map(len, PACKAGES)) + 1
    lines = ["o1lib/"]
    for name in PACKAGES:
        docstring = ast.get_docstring(ast.parse((library / name / "__init__.py").read_text(encoding="utf8"))) or ""
        lines.append(f"  {name + '/':{wide}} {' '.join(docstring.partition(chr(10) * 2)[0].split())}")
    return "\n".join(["```", *lines, "```"])


def package_files() -> str:
    """Return a Markdown table of the modules and packages in each package of o1lib."""
    library = Path(__file__).resolve().parents[1]
    rows = []
    for name in PACKAGES:
        modules = [path.stem for path in (library / name).glob("*.py") if not path.stem.startswith("__")]
        folders = [f"{path.parent.name}/" for path in (library / name).glob("*/__init__.py")]
        rows.append(f"| `{name}` | {', '.join(f'`{found}`' for found in [*sorted(modules), *sorted(folders)])} |")
    return "\n".join(["| package | files |", "|---|---|", *rows])


def _results_block(results: Path, lines: list[dict], records: list[Record], mark: str) -> str:
    """Return README's block: the source of the numbers, the confirmatory claims with verdicts, cost, one figure."""
    main = [claim.id for claim in load_claims() if claim.confirmatory]
    family = [line for line in lines if line["id"] in main]
    return "\n\n".join(
        [
            " ".join(filter(None, [_source(results, lines, records, mark), caveats(lines, records)])),
            _claims_table(family, mark),
            f"{_tally(lines)} {_cost(records)}",
            *_figures(results, MAIN, mark, "README.md"),
        ]
    )


def _claims_block(results: Path, lines: list[dict], records: list[Record], mark: str) -> str:
    """Return the block of docs/claims.md: verdicts by paper, each claim with the paper's numbers, costs, figures."""
    folder = shown(results)
    tally = [[name, *row] for name, *row in verdict_counts(lines).itertuples()]
    costs = cost_table(lines)
    parts = [
        f"**{told}**" if (told := caveats(lines, records)) else "",
        _table([mark, *VERDICTS], tally),
        _claims_table(judged(lines), mark, margins=True),
        "Statements about cost, without a verdict:" if len(costs) else "",
        _costs_table(costs) if len(costs) else "",
        *_figures(results, FULL, mark, "docs/claims.md"),
        f"The reason for each verdict, and what it cost: `{folder}/runs/claims/seed0/claims.html`. "
        f"The reports as they ran: `{folder}/executed/`.",
    ]
    return "\n\n".join(filter(None, parts))


def _source(results: Path, lines: list[dict], records: list[Record], mark: str) -> str:
    """Return the split that was scored, the number of seeds and the commit of the report, as sentences."""
    record = load(results / "runs" / "claims" / "seed0")
    splits = sorted({one.parameters["test_split"] for one in records if "test_split" in one.parameters})
    kind = f"**This is a {PILOT}**, not the confirmatory run. " if mark else ""
    where = f"on the splits `{'` and `'.join(splits)}`" if splits else "on drawings whose split no record names"
    seeds = max((line["seeds"] for line in lines if line["value"] is not None), default=0)
    many = "one seed" if seeds == 1 else f"up to {seeds} seeds"
    return (
        f"{kind}The rows are scored {where}, at scale `{record.scale}`, with {many}. Compare them with the papers in "
        f"sign, not in level. `make publish` wrote this block from a report made at commit {record.commit[:10]}."
    )


def _tally(lines: list[dict]) -> str:
    found = judged(lines)
    numbers = [f"{sum(line['verdict'] == verdict for line in found)} {verdict}" for verdict in VERDICTS]
    return f"Of {len(found)} claims about both papers: {', '.join(numbers)}."


def _cost(records: list[Record]) -> str:
    """Return the duration of all runs, and that of training the base if its record is there and is of these weights."""
    bases = {
        project_root() / record.parameters["checkpoint"]: record.provenance.get("model_hash")
        for record in records
        if record.parameters.get("checkpoint")
    }
    there = [(load(folder), weights) for folder, weights in sorted(bases.items()) if (folder / "record.json").is_file()]
    trained = [record for record, weights in there if record.provenance.get("model_hash") == weights]
    devices = sorted({record.provenance.get("device") for record in records} - {None, ""})
    base = f", plus {_time(trained)} to train the base that all runs start from" if trained else ""
    return f"Cost: {len(records)} runs, {_time(records)} in total, on {' and '.join(devices) or 'any device'}{base}."


def _time(records: list[Record]) -> str:
    return duration(sum(record.provenance.get("seconds") or 0 for record in records))


def _claims_table(lines: list[dict], mark: str, margins: bool = False) -> str:
    noted = f" ({mark})" if mark else ""
    rows = [
        [
            line["id"],
            f"{PAPERS[line['paper']]}: {line['statement']}",
            reported(line),
            measured(line),
            *([margin(line)] if margins else []),
            worded(line),
        ]
        for line in lines
    ]
    head = ["", "claim", "reported", f"measured here{noted}", *(["margin"] if margins else []), f"verdict{noted}"]
    return _table(head, rows)


def _costs_table(costs: pd.DataFrame) -> str:
    columns = ["statement", "reported", "measured here", "no verdict, because it"]
    return _table(["", *columns], [[name, *row] for name, *row in costs[columns].itertuples()])


def _figures(results: Path, figures: dict[str, str], mark: str, page: str) -> list[str]:
    """Return an image for each published figure, with its path from the folder of `page`."""
    paths = {title: results / "figures" / f"{name}.png" for name, title in figures.items()}
    noted, folder = f" ({mark})" if mark else "", (project_root() / page).parent
    links = {title: os.path.relpath(path, folder) for title, path in paths.items() if path.is_file()}
    return [f"![{title}{noted}]({Path(link).as_posix()})" for title, link in links.items()]


def _table(head: list, rows: list[list]) -> str:
    """Return a Markdown table. Characters with a meaning in Markdown or HTML are escaped."""

    def cell(value) -> str:
        return re.sub(r"([|<>*_`])", r"\\\1", " ".join(str(value).split()))

    return "\n".join(f"| {' | '.join(map(cell, row))} |" for row in [head, ["---"] * len(head), *rows])

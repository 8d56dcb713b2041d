"""The README's block of first results, written by `make publish` from what is published and by nobody's hand.

    write("mini")            # replaces what stands between the marks in README.md

    <!-- results -->  a table of verdicts, the tested claims with the papers' numbers, one figure  <!-- /results -->
"""

import json
import re
from pathlib import Path

from o1lib.claimspage import PAPERS, counts, measured, reported
from o1lib.records import UserError, atomic_file, load, load_all, project_root, shown
from o1lib.standing import PILOT, pilot
from o1lib.stats import VERDICTS

MARKS = "<!-- results -->", "<!-- /results -->"


def write(scale: str = "mini") -> None:
    """Put the published verdicts of a scale between README's marks.

    Raises UserError when the marks are missing or nothing is published.
    """
    path = project_root() / "README.md"
    before, after = _around(path)
    text = f"{before}{MARKS[0]}\n{block(project_root() / 'results' / scale)}\n{MARKS[1]}{after}"
    with atomic_file(path) as part:
        part.write_text(text, encoding="utf8")


def check() -> None:
    """Raise UserError unless README.md has the two marks, each once and in order."""
    _around(project_root() / "README.md")


def _around(path: Path) -> tuple[str, str]:
    text = path.read_text(encoding="utf8") if path.is_file() else ""
    parts = re.split("|".join(map(re.escape, MARKS)), text)
    if len(parts) != 3 or text.index(MARKS[0]) > text.index(MARKS[1]):
        raise UserError(f"{shown(path)} must have one {MARKS[0]} and after it one {MARKS[1]}, between which the first "
                        "results are written: put the two lines back")
    return parts[0], parts[2]


def block(results: Path) -> str:
    """Return the block's Markdown: verdicts by paper, each tested claim beside the paper's numbers, a figure, links."""
    record, tally = load(results / "runs" / "claims" / "seed0"), results / "tables" / "claims.json"
    records = load_all(results)
    mark = f" ({PILOT})" if pilot(records) else ""
    lines = json.loads(tally.read_text(encoding="utf8"))
    tested = [line for line in lines if line["value"] is not None]
    seeds = max((line["seeds"] for line in tested), default=0)
    place, figure = shown(results), results / "figures" / "claims.png"
    words = f"Each tested difference with its 95 % interval{mark}"
    shown_figure = [f"![{words}]({shown(figure)})"] if figure.is_file() else []
    many = "one seed" if seeds == 1 else f"up to {seeds} seeds"
    return "\n\n".join([
        f"{_drawings(records)}At scale `{record.scale}`, {many}; to be compared in sign, not in level. "
        f"Written by `make publish` from a report made at commit {record.commit[:10]}.",
        _table([PILOT if mark else "", *VERDICTS], [[name, *row] for name, *row in counts(lines).itertuples()]),
        _table(["claim", "reported", f"measured here{mark}", f"verdict{mark}"], [_claim(line) for line in tested]),
        *shown_figure,
        f"Every claim, also those not tested, and why: `{place}/runs/claims/seed0/claims.html`. The reports as they "
        f"ran: `{place}/executed/`."])


def _drawings(records: list) -> str:
    """Return a sentence on the splits that the published rows were drawn from."""
    splits = sorted({record.parameters["test_split"] for record in records if "test_split" in record.parameters})
    kind = f"**This is a {PILOT}**, not the run that counts: " if pilot(records) else ""
    where = f"scored on `{'`, `'.join(splits)}` drawings" if splits else "scored on drawings that no record names"
    return f"{kind}{where}. " if kind else f"{where.capitalize()}. "


def _claim(line: dict) -> list[str]:
    return [f"{PAPERS[line['paper']]}: {line['statement']}", reported(line), measured(line), line["verdict"]]


def _table(head: list, rows: list[list]) -> str:
    """Return a Markdown table; what would break it or be taken for HTML is escaped."""
    def cell(value) -> str:
        return re.sub(r"([|<>*_`])", r"\\\1", " ".join(str(value).split()))
    return "\n".join(f"| {' | '.join(map(cell, row))} |" for row in [head, ["---"] * len(head), *rows])

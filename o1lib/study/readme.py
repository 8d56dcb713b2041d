"""What README shows of the published results, written by `make publish` and by nobody's hand.

write("mini")            # replaces what stands between the marks in README.md

<!-- results -->  the verdicts on the main claims and one figure  <!-- /results -->
<!-- claims -->  verdicts by paper, every tested claim with the paper's numbers, its figure  <!-- /claims -->
"""

import json
import re
from pathlib import Path

from o1lib.analysis.claims import load_claims
from o1lib.analysis.claims.page import PAPERS, measured, reported, verdict_counts
from o1lib.analysis.comparability import PILOT, is_pilot
from o1lib.analysis.stats import VERDICTS
from o1lib.records import Record, load, load_all, project_root, shown
from o1lib.study import markdown_blocks
from o1lib.study.plan import duration

PAGE, NAMES = "README.md", ("results", "claims")
MAIN = {"forms": "Open questions, choices, and how often a chain's letter is that of the option it states"}
FULL = {
    "claims": "Each tested difference with its 95 % interval",
    "gain_of_a_judge": "What stage-level beam search gains by how often its judge is right",
}


def write_blocks(scale: str = "mini") -> None:
    """Put the published verdicts of a scale between README's marks.

    Raises UserError when a mark is missing or nothing is published.
    """
    markdown_blocks.replace_blocks(PAGE, blocks(project_root() / "results" / scale))


def check_marks() -> None:
    """Raise UserError unless README.md has its marks, each once and in order."""
    markdown_blocks.read_with_marks(PAGE, NAMES)


def blocks(results: Path) -> dict[str, str]:
    """Return the Markdown of the first screen's block and of the full one, by name."""
    lines = json.loads((results / "tables" / "claims.json").read_text(encoding="utf8"))
    records = load_all(results)
    mark = PILOT if is_pilot(records) else ""
    return {"results": first(results, lines, records, mark), "claims": full(results, lines, mark)}


def first(results: Path, lines: list[dict], records: list[Record], mark: str) -> str:
    """Return what the first screen shows: what the numbers are, the main claims and their verdicts, one figure."""
    main = [claim.id for claim in load_claims() if claim.confirmatory]
    family = [line for line in lines if line["id"] in main]
    return "\n\n".join(
        [
            _standing(results, lines, records, mark),
            _claims(family, mark),
            f"{_tally(lines)} {_cost(records)}",
            *_figures(results, MAIN, mark),
        ]
    )


def full(results: Path, lines: list[dict], mark: str) -> str:
    """Return verdicts by paper, each tested claim beside the paper's numbers, its figure, and where the rest lies."""
    place = shown(results)
    tally = [[name, *row] for name, *row in verdict_counts(lines).itertuples()]
    return "\n\n".join(
        [
            _table([mark, *VERDICTS], tally),
            _claims([line for line in lines if line["value"] is not None], mark),
            *_figures(results, FULL, mark),
            f"Every claim, also those not tested, and why: `{place}/runs/claims/seed0/claims.html`. The reports as they "
            f"ran: `{place}/executed/`.",
        ]
    )


def _standing(results: Path, lines: list[dict], records: list[Record], mark: str) -> str:
    """Return in words what was scored, on how many seeds, at which commit it was reported."""
    record = load(results / "runs" / "claims" / "seed0")
    splits = sorted({one.parameters["test_split"] for one in records if "test_split" in one.parameters})
    kind = f"**This is a {PILOT}**, not the run that counts: " if mark else ""
    where = f"scored on `{'`, `'.join(splits)}` drawings" if splits else "scored on drawings that no record names"
    seeds = max((line["seeds"] for line in lines if line["value"] is not None), default=0)
    many = "one seed" if seeds == 1 else f"up to {seeds} seeds"
    return (
        f"{kind}{where if kind else where.capitalize()}. At scale `{record.scale}`, {many}; to be compared in sign, "
        f"not in level. Written by `make publish` from a report made at commit {record.commit[:10]}."
    )


def _tally(lines: list[dict]) -> str:
    numbers = [f"{sum(line['verdict'] == verdict for line in lines)} {verdict}" for verdict in VERDICTS]
    return f"Of {len(lines)} claims of both papers: {', '.join(numbers)}."


def _cost(records: list[Record]) -> str:
    """Return how long the runs took, and the trained base that they start from where it has a record of its own."""
    bases = {
        project_root() / record.parameters["checkpoint"] for record in records if record.parameters.get("checkpoint")
    }
    trained = [load(folder) for folder in sorted(bases) if (folder / "record.json").is_file()]
    devices = sorted({record.provenance.get("device") for record in records} - {None, ""})
    before = f", after {_time(trained)} for the base that all start from" if trained else ""
    return f"Cost: {len(records)} runs of {_time(records)} in all, on {' and '.join(devices) or 'any device'}{before}."


def _time(records: list[Record]) -> str:
    return duration(sum(record.provenance.get("seconds") or 0 for record in records))


def _claims(lines: list[dict], mark: str) -> str:
    noted = f" ({mark})" if mark else ""
    rows = [
        [line["id"], f"{PAPERS[line['paper']]}: {line['statement']}", reported(line), measured(line), line["verdict"]]
        for line in lines
    ]
    return _table(["", "claim", "reported", f"measured here{noted}", f"verdict{noted}"], rows)


def _figures(results: Path, figures: dict[str, str], mark: str) -> list[str]:
    """Return an image for each figure that is published."""
    there = {words: results / "figures" / f"{name}.png" for name, words in figures.items()}
    noted = f" ({mark})" if mark else ""
    return [f"![{words}{noted}]({shown(path)})" for words, path in there.items() if path.is_file()]


def _table(head: list, rows: list[list]) -> str:
    """Return a Markdown table; what would break it or be taken for HTML is escaped."""

    def cell(value) -> str:
        return re.sub(r"([|<>*_`])", r"\\\1", " ".join(str(value).split()))

    return "\n".join(f"| {' | '.join(map(cell, row))} |" for row in [head, ["---"] * len(head), *rows])

"""Claims for the site: one row a claim with words, numbers and sort keys, and the points of the forest plot.

rows = claim_rows(study, shown)          # shown: the ids of claims whose questions the explorer has
forest_points(rows)                      # what the figure draws
"""

from collections.abc import Collection, Iterable
from statistics import fmean

from o1lib.analysis.chance_lines import CHANCE, DASH, chance_text
from o1lib.analysis.claims.brief import main_claims
from o1lib.analysis.claims.evaluate import NO_VERDICT
from o1lib.analysis.claims.page import PAPERS, beside, cost, measured, reported
from o1lib.analysis.claims.wording import gain, margin, worded
from o1lib.analysis.stats import VERDICTS
from o1lib.site.studies import Study

ORDER = (*VERDICTS, NO_VERDICT)
DIFFERENCES = ("difference", "equivalence")


def claim_rows(study: Study, shown: Collection[str] = ()) -> list[dict]:
    """Return one dict for each claim that a study judged, with all that a page says about it."""
    family = main_claims()
    return [_row(line, study, line["id"] in shown, line["id"] in family) for line in study.lines]


def _row(line: dict, study: Study, shown: bool, main: bool) -> dict:
    points = line["kind"] in DIFFERENCES and line["value"] is not None
    return {
        "id": line["id"],
        "paper": PAPERS[line["paper"]],
        "place": line["table"],
        "statement": line["statement"],
        "reported": reported(line).replace(" against ", " vs "),
        "gain": None if gain(line) is None else 100 * gain(line),
        "levels": levels(line, study),
        "measured": measured(line),
        "verdict": line["verdict"],
        "worded": worded(line),
        "rank": ORDER.index(line["verdict"]),
        "rows": [row for row in (line["contrast"]["a"], line["contrast"].get("b")) if row],
        "metric": line["contrast"]["metric"].replace("_", " "),
        "n": line["n"],
        "seeds": line["seeds"],
        "margin": margin(line),
        "beside": beside(line),
        "why": line["why"],
        "cost": cost(line),
        "seconds": line["cost"]["seconds"] if line["cost"] else None,
        "shown": shown,
        "main": main,
        **{name: 100 * line[name] if points and line[name] is not None else None for name in ("value", "low", "high")},
    }


def levels(line: dict, study: Study) -> str:
    """Return the two levels behind a difference with their chance level, "" where no record has them.

    As in "24.1 vs 22.4 (chance level 21.3)"; the levels are means over seeds. Metrics that guessing does not raise have
    no chance level.
    """
    what = line["contrast"]
    restricted = what.get("sets") or what.get("skills") or what.get("less_skills")
    if restricted or line["kind"] not in DIFFERENCES or line["value"] is None:
        return ""
    sides = [_level(study, what[side], what["metric"]) for side in ("a", "b")]
    if None in sides:
        return ""
    chance = chance_text(study.by_row[what["a"]], what["metric"], study.frozen)
    told = f" ({CHANCE} {chance})" if chance != DASH else ""
    return " vs ".join(f"{100 * value:.1f}" for value in sides) + told


def _level(study: Study, row: str, metric: str) -> float | None:
    values = [one.metrics[metric].value for one in study.by_row.get(row, []) if metric in one.metrics]
    return fmean(values) if values else None


def forest_points(rows: Iterable[dict]) -> list[dict]:
    """Return what the forest plot needs of the rows whose claim is about a difference with an interval."""
    names = ("id", "statement", "verdict", "worded", "reported", "measured", "value", "low", "high", "n", "seeds")
    return [{name: row[name] for name in names} for row in rows if row["low"] is not None]

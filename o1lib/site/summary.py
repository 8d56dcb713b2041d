"""The front page in words: what was asked, what the records answer, and how sure that is.

told = summarize(study)
told["answer"], told["sure"]        # lists of sentences, all computed from records
"""

from statistics import median

from o1lib.analysis.claims.brief import answer_in_brief
from o1lib.analysis.claims.page import PAPERS, judged, measured
from o1lib.analysis.claims.wording import gain, worded
from o1lib.analysis.stats import NEGLIGIBLE, OPPOSITE, SUPPORTED
from o1lib.site.studies import Study
from o1lib.study.plan_text import duration

DECIDED = (SUPPORTED, OPPOSITE, NEGLIGIBLE)


def summarize(study: Study) -> dict:
    """Return the parts of the front page: answer, decided claims, how sure, and the size of the study."""
    lines = judged(study.lines)
    return {
        "answer": answer_in_brief(study.lines, study.records),
        "decided": [_decided(line) for line in lines if line["verdict"] in DECIDED],
        "sure": _sure(lines, study),
        "size": _size(study),
    }


def _decided(line: dict) -> dict:
    return {
        "id": line["id"],
        "statement": f"{PAPERS[line['paper']]}: {line['statement']}",
        "verdict": line["verdict"],
        "worded": worded(line),
        "measured": measured(line),
    }


def _sure(lines: list[dict], study: Study) -> list[str]:
    """Return what limits the answer: the kind of study, seeds and questions, and the width of the intervals."""
    tested = [line for line in lines if line["value"] is not None]
    seeds = sorted({line["seeds"] for line in tested if line["seeds"]})
    found = [f"This is a {study.mark}: it was run to find out what the main study needs." if study.mark else ""]
    if tested:
        most = f"up to {seeds[-1]} seeds" if seeds[-1:] > [1] else "one seed"
        few, many = (pick(line["n"] for line in tested) for pick in (min, max))
        found.append(f"A claim rests on {few} to {many} questions and {most}.")
    widths = [50 * (line["high"] - line["low"]) for line in tested if _in_points(line)]
    own = [100 * abs(gain(line)) for line in tested if gain(line)]
    if widths and own:
        found.append(
            f"Half of the intervals are wider than ±{median(widths):.0f} points, "
            f"and half of the differences that the papers report are below {median(own):.1f} points."
        )
    found.append("The model is small and the pictures are drawn, so compare signs with the papers, never levels.")
    return list(filter(None, found))


def _in_points(line: dict) -> bool:
    return line["kind"] in ("difference", "equivalence") and line["low"] is not None


def _size(study: Study) -> str:
    """Return the number of runs and predictions, the time that they took, and on what."""
    seconds = sum(record.provenance.get("seconds") or 0 for record in study.records)
    devices = sorted({record.provenance.get("device") for record in study.records} - {None, ""})
    return f"{len(study.records)} runs, {duration(seconds)} on {' and '.join(devices) or 'one machine'}"

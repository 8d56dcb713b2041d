"""The short form of predictions: all that metrics need, without the texts of the model.

    short = shortened(line)
    short["well_formed"], short["letter_kept"], short["distinct_candidates"]       # measured on the texts

Texts and candidates are large, and are not committed. What metrics read from them is computed once, before they are
left out. `output` is "" and `candidates` is [] in the short form, so it has the keys of the long one.
"""

from collections import defaultdict
from statistics import fmean

from o1lib.formats.chat import FORMATS
from o1lib.formats.thoughts import without_thoughts
from o1lib.scoring.stage_scores import letter_kept

CANDIDATES = "candidates"  # the field of a prediction with every text that a search drew
TEXTS = {"output": "", CANDIDATES: []}  # what the short form holds instead of the texts
STATEMENTS = "wrong_statements"  # of stage_scores, as the model wrote them


def is_short(line: dict) -> bool:
    """Return whether a prediction is in the short form."""
    return "well_formed" in line


def shortened(line: dict) -> dict:
    """Return the short form of a prediction."""
    scores = line.get("stage_scores")
    kept = {name: value for name, value in scores.items() if name != STATEMENTS} if scores else scores
    measured = {
        "well_formed": keeps_form(line),
        "letter_kept": keeps_letter(line),
        "distinct_candidates": distinct_candidates(line),
    }
    return line | ({"stage_scores": kept} if "stage_scores" in line else {}) | TEXTS | measured


def keeps_form(line: dict) -> bool | None:
    """Return whether a prediction keeps to its format, None for formats without stages to see (direct, separate)."""
    if is_short(line):
        return line["well_formed"]
    return well_formed(line.get("output") or "", line.get("format") or "")


def well_formed(output: str, format: str) -> bool | None:
    """Return whether an output keeps to its format, None for formats without stages to see (direct, separate)."""
    entry = FORMATS.get(format)
    return entry.keeps_form(without_thoughts(output)) if entry and entry.keeps_form else None


def keeps_letter(line: dict) -> bool | None:
    """Return `stage_scores.letter_kept` of a prediction of a choice question, None for other questions."""
    if is_short(line):
        return line["letter_kept"]
    return letter_kept(line.get("output") or "", line["options"]) if line.get("options") else None


def distinct_candidates(line: dict) -> float | None:
    """Return the mean over rounds of distinct texts / candidates, None if no round had several candidates."""
    if is_short(line):
        return line["distinct_candidates"]
    rounds = defaultdict(lambda: defaultdict(str))
    for segment in line.get("candidates") or []:
        rounds[segment["round"]][segment["candidate"]] += segment["text"]
    shares = [len(set(texts.values())) / len(texts) for texts in rounds.values() if len(texts) > 1]
    return fmean(shares) if shares else None

"""Every published metric, recomputed from a row's predictions and from nothing else.

    metrics(predictions)["accuracy"]     # {"value": 0.71, "n": 700, "low": 0.675, "high": 0.742}

Values are shares in 0..1 unless named otherwise, rounded to six digits; what cannot be measured is left out. Keys:

    accuracy                    all lines                           skill/<skill>, family/<family>      likewise
    <test set>                  its headline: accuracy; mini-MMBench: circular accuracy; mini-HallusionBench: the mean
                                of aAcc, fAcc and qAcc
    mini-average                mean headline of the papers' six sets, where all six are there
    mini-MMStar/<skill>         LLaVA-CoT's Table 3
    mini-MMBench/plain          accuracy over all its lines
    mini-HallusionBench/aAcc, /fAcc, /qAcc
    mini-VRC-Bench/steps        mean share of reasoning steps that hold (LlamaV-o1, Table 2, beside the final answer)
    unread                      no answer could be read             well_formed     the output keeps to its format
    option_likelihood           the likeliest option is right (multiple choice)
    stage/<stage>               exact summary, caption, reasoning, conclusion; stage/faithful: the conclusion follows
                                from correct steps
    first_break/<stage>         chains whose first wrong stage is that one (first_break/none: whole chains)
    distinct_candidates         mean share of a round's candidates that differ from each other in words (searches)
    processed_tokens            mean of generated + judge + prefilled tokens a question
    cost/<entry>                mean of each entry of the ledger a question (tokens, images, calls, seconds)

Intervals cover 95 %: Wilson's for shares, the normal one for means; they speak of questions, not of seeds.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import fmean, stdev

from o1lib.records import UserError
from o1lib.stages import STAGES, parse, parse_plain

HALLUSION, MMBENCH, VRC = "mini-HallusionBench", "mini-MMBench", "mini-VRC-Bench"
BREAKS = ("caption", "reasoning", "conclusion", "none")
PAPER_SETS = ("mini-MMStar", MMBENCH, "mini-MM-Vet", "mini-MathVista", "mini-AI2D", HALLUSION)
_Z = 1.959964


def _metric(value: float, n: int, low: float, high: float) -> dict:
    return {"value": round(float(value), 6), "n": n, "low": round(float(low), 6), "high": round(float(high), 6)}


def share(flags: Iterable[bool]) -> dict | None:
    """Return the share of true flags with Wilson's 95 % interval, None of no flags."""
    from statsmodels.stats.proportion import proportion_confint

    flags = list(map(bool, flags))
    if not flags:
        return None
    low, high = proportion_confint(sum(flags), len(flags), method="wilson")
    return _metric(fmean(flags), len(flags), low, high)


def mean(values: Iterable[float]) -> dict | None:
    """Return the mean with its normal 95 % interval (of a single value: itself), None of no values."""
    values = list(map(float, values))
    if not values:
        return None
    half = _Z * stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return _metric(fmean(values), len(values), fmean(values) - half, fmean(values) + half)


def score(values: Iterable[float]) -> dict | None:
    """Return the mean of values in 0..1: as a share where all are 0 or 1, else with the interval cut to 0..1."""
    values = list(map(float, values))
    if set(values) <= {0.0, 1.0}:
        return share(values)
    found = mean(values)
    return found | {"low": max(0.0, found["low"]), "high": min(1.0, found["high"])}


def accuracy(rows: Iterable[dict]) -> dict | None:
    """Return the share of lines that are correct."""
    return share(row["correct"] for row in rows)


def _all_right(rows: Iterable[dict], key: Callable[[dict], object]) -> list[bool]:
    """Return, for every group of lines with the same key, whether all its lines are correct."""
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(bool(row["correct"]))
    return [all(flags) for flags in groups.values()]


def circular_accuracy(rows: Iterable[dict]) -> dict | None:
    """Return the share of questions that are right under every rotation of their options (MMBench, section 4.1).

    The rotations of a question share its `group`; a line without group counts for itself.
    """
    return share(_all_right(rows, lambda row: row.get("group") or row["qid"]))


def _figure_and_question(row: dict) -> tuple[tuple[str, str], tuple[str, str]]:
    parts = str(row["qid"]).split("#")
    if len(parts) != 3 or not all(parts):
        raise UserError(f"qid {row['qid']!r} of {HALLUSION} is not '<pair>#<figure>#<question>': make the set again")
    return (parts[0], parts[1]), (parts[0], parts[2])


def hallusion(rows: Iterable[dict]) -> dict[str, dict]:
    """Return aAcc (lines), fAcc (figures with every question right) and qAcc (questions right on every figure).

    HallusionBench, section 4. A line's qid is "<pair>#<figure>#<question>": a pair is a picture and its edited twin,
    each asked the same questions. `mean` is the average of the three, its interval by the jackknife over pairs.
    Raises UserError for another qid.
    """
    rows = list(rows)
    if not rows:
        return {}

    def three(some: list[dict]) -> tuple[dict, dict, dict]:
        return (accuracy(some), share(_all_right(some, lambda row: _figure_and_question(row)[0])),
                share(_all_right(some, lambda row: _figure_and_question(row)[1])))

    def middle(some: list[dict]) -> float:
        return fmean(metric["value"] for metric in three(some))

    pairs = defaultdict(list)
    for row in rows:
        pairs[_figure_and_question(row)[0][0]].append(row)
    left_out = [middle([row for name, some in pairs.items() if name != out for row in some])
                for out in pairs] if len(pairs) > 1 else [0.0]
    spread = (len(pairs) - 1) / len(pairs) * sum((value - fmean(left_out)) ** 2 for value in left_out)
    value, half = middle(rows), _Z * math.sqrt(spread)
    return dict(zip(("aAcc", "fAcc", "qAcc"), three(rows), strict=True)) | {
        "mean": _metric(value, len(rows), max(0.0, value - half), min(1.0, value + half))}


def _of_sets(rows: list[dict]) -> dict[str, dict]:
    """Return every test set's headline and parts, and the average over the papers' six."""
    found = {}
    for name, some in _by(rows, "test_set").items():
        found[name] = accuracy(some)
        if name == MMBENCH:
            found |= {name: circular_accuracy(some), f"{name}/plain": accuracy(some)}
        elif name == HALLUSION:
            parts = hallusion(some)
            found[name] = parts.pop("mean")
            found |= {f"{name}/{part}": metric for part, metric in parts.items()}
        elif name == VRC:
            found[f"{VRC}/steps"] = _steps(some)
        elif name == "mini-MMStar":
            found |= {f"{name}/{skill}": accuracy(lines) for skill, lines in _by(some, "skill").items()}
    if all(name in found for name in PAPER_SETS):
        found["mini-average"] = _average([found[name] for name in PAPER_SETS])
    return found


def _steps(rows: list[dict]) -> dict | None:
    """Return the mean share of reasoning steps that hold, over the lines whose steps were checked."""
    shares = [(row.get("stage_scores") or {}).get("reasoning_precision") for row in rows]
    return score(share for share in shares if share is not None)


def _average(parts: list[dict]) -> dict:
    """Return the mean of independent metrics; each one's half interval is taken for its spread."""
    value = fmean(part["value"] for part in parts)
    half = math.sqrt(sum(((part["high"] - part["low"]) / 2) ** 2 for part in parts)) / len(parts)
    return _metric(value, sum(part["n"] for part in parts), max(0.0, value - half), min(1.0, value + half))


def _by(rows: list[dict], key: str) -> dict[str, list[dict]]:
    groups = defaultdict(list)
    for row in rows:
        if row.get(key):
            groups[row[key]].append(row)
    return dict(sorted(groups.items()))


def well_formed(output: str, format: str) -> bool | None:
    """Tell whether an output keeps to its format, None for formats without stages to see (direct, separate)."""
    if format in ("tags", "special_tags"):
        return parse(output).well_formed
    if format == "shuffled":
        found = parse(output)
        return parse(output, expected=tuple(found.stages)).well_formed and not found.missing
    if format in ("no_tags", "four_turn"):
        return len(parse_plain(output)) == len(STAGES)
    return None


def _of_stages(rows: list[dict]) -> dict[str, dict]:
    scored = [row["stage_scores"] for row in rows if row.get("stage_scores")]
    found = {f"stage/{name}": score(scores[name] for scores in scored if scores.get(name) is not None)
             for name in (*STAGES, "faithful")}
    breaks = [scores["first_break"] or "none" for scores in scored if "first_break" in scores]
    names = {*breaks, *BREAKS} if breaks else ()
    return found | {f"first_break/{name}": share(stage == name for stage in breaks) for name in sorted(names)}


def _of_costs(rows: list[dict]) -> dict[str, dict]:
    ledgers = [row["ledger"] for row in rows if row.get("ledger")]
    names = sorted({name for ledger in ledgers for name in ledger})
    found = {f"cost/{name}": mean(ledger.get(name, 0) for ledger in ledgers) for name in names}
    processed = mean(sum(ledger.get(name, 0) for name in ("generated", "judge", "prefilled")) for ledger in ledgers)
    return found | {"processed_tokens": processed}


def _distinct(row: dict) -> float | None:
    """Return the mean over rounds of different texts / candidates, None where nothing was there to choose from."""
    rounds = defaultdict(lambda: defaultdict(str))
    for piece in row.get("candidates") or []:
        rounds[piece["round"]][piece["candidate"]] += piece["text"]
    shares = [len(set(texts.values())) / len(texts) for texts in rounds.values() if len(texts) > 1]
    return fmean(shares) if shares else None


def metrics(predictions: Iterable[dict]) -> dict[str, dict]:
    """Return {name: {"value", "n", "low", "high"}} for one row's predictions; the names are listed at the top.

    Raises UserError for a line of mini-HallusionBench whose qid does not name pair, figure and question.
    """
    rows = list(predictions)
    forms = [well_formed(row.get("output") or "", row.get("format") or "") for row in rows]
    likely = [row["option_likelihood_correct"] for row in rows if row.get("option_likelihood_correct") is not None]
    kinds = {f"{key}/{name}": accuracy(some) for key in ("skill", "family") for name, some in _by(rows, key).items()}
    found = {"accuracy": accuracy(rows), **_of_sets(rows), **kinds,
             "unread": share(row.get("pred") is None for row in rows),
             "well_formed": share(form for form in forms if form is not None),
             "option_likelihood": share(likely),
             "distinct_candidates": score(value for value in map(_distinct, rows) if value is not None),
             **_of_stages(rows), **_of_costs(rows)}
    return {name: metric for name, metric in found.items() if metric is not None}

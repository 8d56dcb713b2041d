"""Judge value: pairs of a model's own candidates of which the better side is known, and a judge's verdicts on them.

    sampled = sample_answers(items, "tags", decoder, 8)             # searches with 8 whole answers to each question
    right = right_answers(items, sampled, "tags")                   # {qid: [True, False, ...]}
    pairs = answer_pairs(sampled, right) + stage_pairs(items, "tags", decoder)
    ask_judge(judge, pairs)                                         # one line for each pair

Two whole answers make a pair if one is right and the other wrong. Where the facts of a picture are known, two
candidates of one stage make a pair if one is truer. The sides are in random order.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from o1lib.data.images import picture_of
from o1lib.evaluation.audits.judging_journal import KeptJudging
from o1lib.formats.chat import FORMATS, answer_text
from o1lib.scoring import correct, extract
from o1lib.search.judges import Judge, make_judge, own_comparisons
from o1lib.search.methods import make_search, task_for
from o1lib.search.scheduler import run_searches
from o1lib.search.segments import FAILED, turn_texts
from o1lib.search.types import Comparison, SearchResult

MOST = 4  # pairs of whole answers of one question, no candidate in two of them
STAGE_CANDIDATES = 4  # as at the searches in which the gain of a judge was measured
AT_ONCE = 384  # candidates that are decoded at a time
JUDGED_AT_ONCE = 160  # comparisons given to a judge at a time
_FORGOTTEN = KeptJudging()  # keeps nothing
Pair = tuple[Comparison, int]


def sample_answers(items: Sequence, format: str, decoder, n: int, kept: KeptJudging = _FORGOTTEN) -> list[SearchResult]:
    """Return a search for each item whose only round has n whole answers; a coin, which costs nothing, chose one."""
    return _searched(items, format, decoder, "best_of_n", n, kept)


def _searched(items, format, decoder, method, n, kept):
    search, coin = make_search(method, n), make_judge("random", seed=decoder.seed)
    tasks = [task_for(item.qid, item.question, picture_of(item), format) for item in items]
    there = [kept.tree(method, task, n) for task in tasks]
    searches = (search(task, n, decoder.seed) for task, tree in zip(tasks, there) if tree is None)
    made = iter(
        run_searches(searches, decoder, coin, at_once=max(1, AT_ONCE // n), done=lambda _, tree: kept.add_tree(tree))
    )
    decoder.forget()
    return [tree or next(made) for tree in there]


def answered(tree: SearchResult, n: int) -> bool:
    """Return whether all n whole answers came; a server may lose some of them."""
    made = tree.rounds[0].candidates
    return len(made) == n and not any(segment.end == FAILED for one in made for segment in one.segments)


def right_answers(items: Sequence, sampled: Sequence[SearchResult], format: str) -> dict[str, list[bool]]:
    """Return {qid: whether each whole answer is right} for the items whose right answer is known."""
    return {
        item.qid: [_right(one, item, format) for one in tree.rounds[0].candidates]
        for item, tree in zip(items, sampled, strict=True)
        if item.answer
    }


def _right(candidate, item, format) -> bool:
    said = turn_texts(candidate.segments) if FORMATS[format].by_turn else candidate.text
    return correct(extract(answer_text(said, format), item.options).value, item.answer, item.options)


def answer_pairs(sampled: Sequence[SearchResult], right: Mapping[str, Sequence[bool]], seed: int = 0) -> list[Pair]:
    """Return (comparison of a right and a wrong whole answer, the better side), up to MOST for each question."""
    found = []
    for tree in sampled:
        rng, own = random.Random(f"{seed}/{tree.task.qid}/pairs"), right.get(tree.task.qid, ())
        sides = [[k for k, flag in enumerate(own) if flag == wanted] for wanted in (True, False)]
        for one in sides:
            rng.shuffle(one)
        for number, (good, bad) in enumerate(list(zip(*sides))[:MOST]):
            better, pool = rng.randrange(2), tree.rounds[0].candidates
            a, b = (pool[bad], pool[good]) if better else (pool[good], pool[bad])
            found.append((Comparison(tree.task, "all", "", a, b, pool, f"all/audit{number}"), better))
    return found


def stage_pairs(items: Sequence, format: str, decoder, seed: int = 0, kept: KeptJudging = _FORGOTTEN) -> list[Pair]:
    """Return (comparison of two candidates of a stage, the truer side) for the items whose facts are known.

    The candidates are those of a stage beam in which a coin chooses, so that no judge decides which stages are seen.
    Formats that write no stages have no such pairs.
    """
    known = [item for item in items if item.facts and FORMATS[format].stage_ends]
    if not known or len(task_for("", "", None, format).stages) < 2:
        return []
    made = own_comparisons(_searched(known, format, decoder, "stage_beam", STAGE_CANDIDATES, kept))
    oracle, found = make_judge("oracle", truth={item.qid: item for item in known}), []
    for (one, _), true in zip(made, oracle([comparison for comparison, _ in made]), strict=True):
        if not true.tie and one.a.text.strip() != one.b.text.strip():
            swap = random.Random(f"{seed}/{one.task.qid}/{one.key}/side").randrange(2)
            sides = replace(one, a=one.b, b=one.a) if swap else one
            found.append((sides, true.winner ^ swap))
    return found


def ask_judge(
    judge: Judge, pairs: Sequence[Pair], done=lambda many: None, kept: KeptJudging = _FORGOTTEN
) -> list[dict]:
    """Return one line for each pair: what was compared, which side is better, and the judge's verdict with its cost.

    `stage` is False for whole answers. `choices` holds the response that was chosen in each order in which the sides
    were shown, 1 for the first; None where the reply could not be read. `done` is told how many pairs were judged.
    """
    lines = [kept.line(*pair) for pair in pairs]
    done(sum(line is not None for line in lines))
    new = [k for k, line in enumerate(lines) if line is None]
    for first in range(0, len(new), JUDGED_AT_ONCE):
        part = new[first : first + JUDGED_AT_ONCE]
        verdicts = judge([pairs[k][0] for k in part])
        made = [_line(*pairs[k], verdict) for k, verdict in zip(part, verdicts, strict=True)]
        kept.add_lines([pairs[k] for k in part], made)
        for k, line in zip(part, made):
            lines[k] = line
        done(len(part))
    return lines


def _line(one, better, verdict):
    return {
        "qid": one.task.qid,
        "kind": one.kind,
        "stage": one.kind != "all",
        "better": better,
        "winner": verdict.winner,
        "tie": verdict.tie,
        "read": verdict.parsed,
        "choices": list(verdict.choices),
        "calls": verdict.cost.calls,
        "tokens": verdict.cost.processed,
        "note": verdict.note,
    }


def replied(lines: Sequence[dict]) -> list[dict]:
    """Return the lines of served verdicts without those of which a server lost a reply.

    A verdict takes a call for each order in which the sides were shown, and a lost reply is no call.
    """
    return [line for line in lines if line["read"] or line["calls"] >= len(line["choices"])]


def costs_of(sampled: Sequence[SearchResult], format: str, engine: str) -> dict:
    """Return the mean tokens that one answer writes, those of prompts, and how many stages a search would compare.

    `prompts` is {N: the prompt tokens that were read for the first N answers}: one prompt where they share it, N where
    each has a request of its own. `rereads`: a stage beam reads the prompt anew for each stage of a turn, which only
    the batched engine does not, because it keeps what it has read.
    """
    made = [tree.rounds[0].candidates for tree in sampled]
    answers = [candidate for some in made for candidate in some]
    sizes = range(1, max(map(len, made)) + 1)
    return {
        "generated": sum(one.tokens for one in answers) / len(answers),
        "prompts": {n: sum(one.cost.prefilled for some in made for one in some[:n]) / len(made) for n in sizes},
        "rereads": engine != "batched" and not FORMATS[format].by_turn,
        "stages": len(task_for("", "", None, format).stages),
    }

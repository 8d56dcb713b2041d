"""Predictions from search results: the extracted answer, the score of each stage, and the likeliest option.

A prediction is a plain dict for one question. Every published metric is computed from predictions alone
(`o1lib.scoring.metrics`).

    lines = score(trees, items, "tags", option_likelihoods(trees, items, "tags", decoder))
"""

from collections.abc import Sequence
from dataclasses import asdict
from string import ascii_uppercase

from o1lib.formats.chat import FORMATS, answer_text, from_special
from o1lib.scoring import correct, extract
from o1lib.scoring.stage_scores import score as score_stages
from o1lib.search.judges import verdict_rows
from o1lib.search.methods import METHODS
from o1lib.search.segments import found_stages
from o1lib.search.types import Conversation, SearchResult


def score(
    trees: Sequence[SearchResult],
    items: Sequence,
    format: str,
    likelihood: Sequence[bool | None] | None = None,
    temperature: float | None = None,
    schedule: str = "",
    judge: str = "",
) -> list[dict]:
    """Return one prediction for each search result: the extracted answer, whether it is right, and stage scores.

    `likelihood` is the result of `option_likelihoods`. Stages are scored for items with known facts and formats with
    stages.
    """
    rows = []
    for tree, item, likely in zip(trees, items, likelihood or [None] * len(items), strict=True):
        answer = extract(answer_text(tree.turns if FORMATS[format].by_turn else tree.text, format), item.options)
        known, expected = bool(item.facts) and FORMATS[format].staged, FORMATS[format].stages
        judged = any(one.matches or one.scores for one in tree.rounds)
        rows.append(
            {
                "qid": item.qid,
                "test_set": item.test_set,
                "family": item.family,
                "skill": item.skill,
                "template": item.template,
                "group": item.group or None,
                "depth": item.depth,
                "format": format,
                "schedule": schedule,
                "method": tree.method,
                "judge": judge if judged else "",
                "n": tree.n,
                "temperature": 0.0 if METHODS[tree.method].greedy else temperature,
                "gold": item.answer,
                "options": list(item.options),
                "pred": answer.value,
                "extracted_by": answer.by,
                "correct": correct(answer.value, item.answer, item.options),
                "output": from_special(tree.text),
                "problem": tree.problem,
                "stage_scores": score_stages(found_stages(tree.segments), item, expected) if known else None,
                "option_likelihood_correct": likely,
                "ledger": asdict(tree.usage),
                "candidates": tree.rows(),
                "verdicts": verdict_rows(tree, {item.qid: item}),
            }
        )
    return rows


def option_likelihoods(trees: Sequence[SearchResult], items: Sequence, format: str, decoder) -> list[bool | None]:
    """Return for each multiple-choice question whether the right letter is the likeliest one; None for open questions.

    The letters are scored in the place of the answer: after the prompt in `direct` and `separate`, otherwise after the
    output of the search up to its conclusion. This separates reasoning from how well answers can be extracted from a
    format. The tokens are not added to the usage of the search.
    """
    asked = [k for k, item in enumerate(items) if item.options]
    contexts = [_before_answer(trees[k], format) for k in asked]
    letters = [
        [" " * context.prefix.endswith(">") + letter for letter in ascii_uppercase[: len(items[k].options)]]
        for k, context in zip(asked, contexts, strict=True)
    ]
    found = [None] * len(items)
    for k, (scores, _) in zip(asked, decoder.likelihoods(contexts, letters), strict=True):
        found[k] = ascii_uppercase[scores.index(max(scores))] == items[k].answer
    return found


def _before_answer(tree: SearchResult, format: str) -> Conversation:
    """Return the dialog up to the place of the answer's letter."""
    task, text = tree.task, tree.text
    if FORMATS[format].by_turn:
        turns = tuple(step.turn for step in task.stages if step.turn)
        return Conversation(task, (task.opening, *turns), tuple(tree.turns[: len(turns)]))
    return Conversation(task, (task.opening,), prefix=FORMATS[format].before_answer(text))

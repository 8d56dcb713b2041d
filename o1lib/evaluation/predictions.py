"""From search trees to predictions: the answer read off, every stage scored, the likeliest option.

A prediction is one plain dict a question; every published metric is computed from predictions alone
(`o1lib.scoring.metrics`).

    lines = score(trees, items, "tags", option_likelihoods(trees, items, "tags", decoder))
"""

from collections.abc import Sequence
from dataclasses import asdict
from string import ascii_uppercase

from o1lib.formats.chat import FORMATS, SPECIAL_TAGS, answer_text, from_special
from o1lib.formats.stages import STAGES, open_tag
from o1lib.scoring import correct, extract
from o1lib.scoring.stage_scores import score as score_stages
from o1lib.search.segments import found_stages
from o1lib.search.types import Conversation, SearchResult

STAGED = tuple(name for name in FORMATS if name not in ("direct", "separate"))


def score(
    trees: Sequence[SearchResult],
    items: Sequence,
    format: str,
    likelihood: Sequence[bool | None] | None = None,
    temperature: float | None = None,
    schedule: str = "",
    judge: str = "",
) -> list[dict]:
    """Return one prediction for each tree: the answer read off, whether it is right, and how far each stage is.

    `likelihood` says for each question whether its likeliest option is right (`option_likelihoods`), None elsewhere.
    Stages are scored for items whose facts are known and formats that have stages.
    """
    rows = []
    for tree, item, likely in zip(trees, items, likelihood or [None] * len(items), strict=True):
        answer = extract(answer_text(tree.turns if format == "four_turn" else tree.text, format), item.options)
        known = bool(item.facts) and format in STAGED
        judged = any(one.matches or one.scores for one in tree.rounds)
        rows.append(
            {
                "qid": item.qid,
                "test_set": item.test_set,
                "family": item.family,
                "skill": item.skill,
                "template": item.template,
                "group": item.group or None,
                "format": format,
                "schedule": schedule,
                "method": tree.method,
                "judge": judge if judged else "",
                "n": tree.n,
                "temperature": 0.0 if tree.method == "greedy" else temperature,
                "gold": item.answer,
                "options": list(item.options),
                "pred": answer.value,
                "extracted_by": answer.by,
                "correct": correct(answer.value, item.answer, item.options),
                "output": from_special(tree.text),
                "problem": tree.problem,
                "stage_scores": score_stages(found_stages(tree.segments), item) if known else None,
                "option_likelihood_correct": likely,
                "ledger": asdict(tree.usage),
                "candidates": tree.rows(),
            }
        )
    return rows


def option_likelihoods(trees: Sequence[SearchResult], items: Sequence, format: str, decoder) -> list[bool | None]:
    """Return for each multiple-choice question whether the model finds the right letter the likeliest; None for others.

    A letter stands where the answer stands: after the prompt in `direct` and `separate`, otherwise behind the
    survivor's own words up to the conclusion. So a format's readability is not mistaken for reasoning. It adds nothing
    to the ledger of the search.
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
    """Return the dialog up to where the answer's letter would stand."""
    task, text = tree.task, tree.text
    if format == "four_turn":
        turns = tuple(step.turn for step in task.stages if step.turn)
        return Conversation(task, (task.opening, *turns), tuple(tree.turns[: len(turns)]))
    if format == "no_tags":
        before, blank, _ = text.rstrip().rpartition("\n\n")
        return Conversation(task, (task.opening,), prefix=before + blank)
    if format in ("tags", "shuffled", "special_tags"):
        tag = SPECIAL_TAGS[2 * STAGES.index("conclusion")] if format == "special_tags" else open_tag("conclusion")
        before, found, _ = text.partition(tag)
        return Conversation(task, (task.opening,), prefix=before + ("" if found else "\n\n") + tag)
    return Conversation(task, (task.opening,))

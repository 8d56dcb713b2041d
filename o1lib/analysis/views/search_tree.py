"""Draw a search as an HTML page: every candidate of every stage, every comparison, and the candidate that was kept.

Path("tree.html").write_text(show_tree(result, gold="B"), encoding="utf8")     # a page that needs no other file
"""

from o1lib.analysis.views.gallery import inline
from o1lib.records.html import render
from o1lib.search.segments import untagged
from o1lib.search.types import Candidate, SearchResult, SearchRound


def show_tree(result: SearchResult, gold: str = "") -> str:
    """Return an HTML page that draws a finished search. `gold`, if given, is shown as the right answer."""
    usage, task = result.usage, result.task
    facts = [
        f"{result.method}, {_number(result.n, 'candidate')}",
        f"right: {gold}" if gold else "",
        result.problem,
        f"{usage.generated} tokens generated, {usage.judge} for judging, {usage.prefilled} of prompt; "
        f"{usage.calls} calls, {_number(usage.images, 'image encoding')}",
    ]
    return render(
        "analysis/search_tree.html.j2",
        title=task.qid,
        question=task.question,
        picture=inline(task.image) if task.image is not None else "",
        facts=list(filter(None, facts)),
        rounds=[_round(one) for one in result.rounds],
    )


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''}"


def _round(one: SearchRound) -> dict:
    scores = [f"score {score.value:.2f}," for score in one.scores] or [""] * len(one.candidates)
    pairs = zip(one.candidates, scores, strict=True)
    return {
        "stage": one.stage,
        "cards": [_card(candidate, candidate.index == one.kept, score) for candidate, score in pairs],
        "matches": [_match(*match) for match in one.matches],
    }


def _card(candidate: Candidate, kept: bool, score: str) -> dict:
    return {
        "number": candidate.index + 1,
        "kept": kept,
        "about": f"{score} log p {candidate.logprob:.1f} in {candidate.tokens} tokens {candidate.problem}",
        "text": "\n".join(untagged(segment.text) for segment in candidate.segments),
    }


def _match(a, b, verdict) -> str:
    """Return one verdict in words."""
    winner, loser = (b, a) if verdict.winner else (a, b)
    how = "by a coin over" if verdict.tie else "over" if verdict.parsed else "(verdict unreadable) over"
    return f"{a + 1} against {b + 1}: {winner + 1} {how} {loser + 1}" + (f" ({verdict.note})" if verdict.note else "")

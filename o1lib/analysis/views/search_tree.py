"""A search drawn as HTML: every candidate of every stage, who beat whom, and the survivor. Opens alone, too.

    Path("tree.html").write_text(show(tree, gold="B"), encoding="utf8")

What a model said is escaped before it becomes HTML.
"""

from html import escape

from o1lib.analysis.views.gallery import inline
from o1lib.search.segments import untagged
from o1lib.search.types import Candidate, SearchResult, SearchRound

_PAGE = (
    "<!doctype html><html><head><meta charset='utf-8'><title>{title}</title></head><body>"
    "<div style='font:13px sans-serif;background:white;color:black;max-width:1100px'>"
    "<div style='display:flex;gap:16px'>{picture}<div><h4 style='margin-top:0'>{question}</h4>{facts}</div></div>"
    "{rounds}</div></body></html>"
)
_ROUND = (
    "<h4 style='margin:12px 0 4px'>{stage}</h4><div style='display:flex;flex-wrap:wrap;gap:8px'>{cards}</div>"
    "<div style='color:#555;margin-top:4px'>{matches}</div>"
)
_CARD = (
    "<div style='flex:1 1 200px;max-width:520px;padding:6px;border:{border};background:{ground}'>"
    "<b>{name}</b> <span style='color:#555'>{about}</span>"
    "<div style='white-space:pre-wrap;text-align:left'>{text}</div></div>"
)
_KEPT, _LOST = ("2px solid #0173b2", "#eef6fb"), ("1px solid #bbb", "white")


def show_tree(tree: SearchResult, gold: str = "") -> str:
    """Return an HTML page that draws a finished search; `gold`, if given, is shown as the right answer."""
    ledger, picture = tree.usage, inline(tree.task.image) if tree.task.image is not None else ""
    facts = [
        f"{tree.method}, {tree.n} candidate{'s' if tree.n > 1 else ''}",
        f"right: {gold}" if gold else "",
        tree.problem,
        f"{ledger.generated} tokens generated, {ledger.judge} for judging, "
        f"{ledger.prefilled} of prompt; {ledger.calls} calls, {ledger.images} image encoding{'s' if ledger.images > 1 else ''}",
    ]
    lines = "".join(f"<div>{escape(fact)}</div>" for fact in facts if fact)
    rounds = "".join(_round(one) for one in tree.rounds)
    return _PAGE.format(
        title=escape(tree.task.qid),
        question=escape(tree.task.question).replace("\n", "<br>"),
        picture=picture,
        facts=lines,
        rounds=rounds,
    )


def _round(one: SearchRound) -> str:
    scores = [f"score {score.value:.2f}," for score in one.scores] or [""] * len(one.candidates)
    pairs = zip(one.candidates, scores, strict=True)
    cards = "".join(_card(candidate, candidate.index == one.kept, score) for candidate, score in pairs)
    matches = "".join(f"<div>{escape(_match(*match))}</div>" for match in one.matches)
    return _ROUND.format(stage=escape(one.stage), cards=cards, matches=matches)


def _card(candidate: Candidate, kept: bool, score: str) -> str:
    border, ground = _KEPT if kept else _LOST
    about = f"{score} log p {candidate.logprob:.1f} in {candidate.tokens} tokens {candidate.problem}"
    texts = [untagged(segment.text) for segment in candidate.segments]
    return _CARD.format(
        border=border,
        ground=ground,
        name=f"{candidate.index + 1}{' kept' if kept else ''}",
        about=escape(about),
        text=escape("\n".join(texts)),
    )


def _match(a, b, verdict) -> str:
    """Return one verdict in words."""
    winner, loser = (b, a) if verdict.winner else (a, b)
    how = "by a coin over" if verdict.tie else "over" if verdict.parsed else "(verdict unreadable) over"
    return f"{a + 1} against {b + 1}: {winner + 1} {how} {loser + 1}" + (f" ({verdict.note})" if verdict.note else "")

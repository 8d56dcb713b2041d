"""A prediction's search for the explorer: the stages of the answer, and every candidate and verdict by round.

    rounds_of(line, seed=0)[0]["candidates"][0]     # {"n": 0, "kept": True, "text": "...", "logprob": -1.2, ...}
    stages_of(line)                                 # [["summary", "Look at the sky."], ...]

Predictions keep verdicts in the order in which they were made. Who met whom follows from the bracket, which is drawn
from the seed and the question (`o1lib.search.methods.bracket`).
"""

from o1lib.formats.chat import FORMATS
from o1lib.formats.stages import STAGES
from o1lib.search.methods import bracket
from o1lib.search.segments import Segment, found_stages, untagged
from o1lib.search.streams import keyed_rng

WHOLE = "all"  # the round of a search over whole answers, and the stage of an answer without stages


def stages_of(line: dict) -> list[list[str]]:
    """Return the answer as [stage, text] pairs; one pair ["all", text] for an answer without stages."""
    entry = FORMATS.get(line["format"])
    if entry is None or not entry.staged:
        return [[WHOLE, line["output"]]]
    kept = [one for one in line["candidates"] if one["kept"]]
    turns = entry.by_turn and len(kept) == len(STAGES)
    segments = [Segment(one["stage"], one["text"], turn=True) for one in kept] if turns else []
    found = found_stages(segments or [Segment(WHOLE, line["output"])])
    return [[stage, text] for stage, text in found.items() if text.strip()] or [[WHOLE, line["output"]]]


def rounds_of(line: dict, seed: int) -> list[dict]:
    """Return the rounds of a search: the stage, its candidates, and its matches.

    A match has `a`, `b` and `winner` (candidates), `tie`, `note`, `better` (the truer candidate, None if unknown) and
    `same`. A round has no matches where its record holds no verdicts.
    """
    rounds: dict[int, dict[int, list[dict]]] = {}
    for one in line["candidates"]:
        rounds.setdefault(one["round"], {}).setdefault(one["candidate"], []).append(one)
    verdicts, found = list(line.get("verdicts") or []), []
    for candidates in rounds.values():
        stages = {one["stage"] for segments in candidates.values() for one in segments}
        stage = stages.pop() if len(stages) == 1 and line["method"] != "best_of_n" else WHOLE
        cards = [_card(number, segments) for number, segments in candidates.items()]
        taken = verdicts[: len(cards) - 1]
        verdicts = verdicts[len(taken) :]
        found.append({"stage": stage, "candidates": cards, "matches": _matches(line, seed, stage, cards, taken)})
    return found


def _card(number: int, segments: list[dict]) -> dict:
    return {
        "n": number,
        "kept": bool(segments[0]["kept"]),
        "text": "\n".join(untagged(one["text"]) for one in segments),
        "logprob": round(sum(one["logprob"] for one in segments), 2),
        "tokens": sum(one["tokens"] for one in segments),
        "problem": "; ".join(filter(None, (one.get("problem") for one in segments))),
    }


def _matches(line: dict, seed: int, stage: str, cards: list[dict], verdicts: list[dict]) -> list[dict]:
    """Return the matches of a round, [] if the verdicts do not lead to the candidate that was kept."""
    slots, found = {k: card["n"] for k, card in enumerate(cards)}, []
    levels = bracket(len(cards), keyed_rng(seed, line["qid"], stage, "bracket"))
    for (a, b, slot), verdict in zip((match for level in levels for match in level), verdicts):
        pair = slots[a], slots[b]
        slots[slot] = pair[verdict["winner"]]
        better = verdict["better"]
        found.append(
            {"a": pair[0], "b": pair[1], "winner": slots[slot], "better": None if better is None else pair[better]}
            | {name: verdict[name] for name in ("tie", "note", "same")}
        )
    kept = [card["n"] for card in cards if card["kept"]]
    return found if found and kept == [slots[max(slots)]] else []

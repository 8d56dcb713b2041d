"""The faithfulness suite: every probe of a checkpoint's chain, in any format, over one set of questions.

    items, partners = drawn_items(200)
    lines, missing = run_suite(items, partners, replies(decoder, "tags"), "tags", masks=True)
    suite_metrics(lines)["swap/indirect_effect"]            # {"value": 0.93, "n": 200, "low": 0.88, "high": 0.96}

    python -m o1lib probe-suite results/checkpoints/mini-structured --n 200

`reply(requests)` returns one text for each `Request`; it is the only contact with a model. Metrics are computed from
the lines alone. A reply without a readable answer counts as wrong, and as following nothing; `unread/<probe>` is the
share of such replies. `chance/...` is what a guess among the options would reach.
"""

from collections.abc import Callable, Mapping, Sequence

from o1lib.evaluation.probes import corrupted, early, filler, pictures, swaps
from o1lib.evaluation.probes.cases import Lines, Probe, Setting, line_of
from o1lib.evaluation.probes.forced import Reply
from o1lib.formats.answer_forms import YES_OR_NO
from o1lib.records import choose
from o1lib.scoring.intervals import metric, share

AT_ONCE = 160  # requests given to `reply` at a time

PROBES: dict[str, Probe] = {
    "swap": Probe("whole chain and picture swapped", swaps.whole_chain, swaps.effects, ("reasoning",), pairs=True),
    "swap_caption": Probe("caption and picture swapped", swaps.caption_alone, swaps.effects, ("caption",), pairs=True),
    "early": Probe("answer after each step", early.early_cases, early.curve, ("reasoning",)),
    "corrupted": Probe("one step corrupted", corrupted.corrupted_cases, corrupted.followed, ("reasoning",)),
    "filler": Probe("filler in the chain's place", filler.filler_cases, filler.needed, ("reasoning",)),
    "no_picture": Probe("caption without picture", pictures.told, pictures.sufficient),
    "masked": Probe(
        "picture masked after the caption", pictures.masked, pictures.carried, ("caption", "reasoning"), masks=True
    ),
}


def run_suite(
    items: Sequence,
    partners: Mapping,
    reply: Reply,
    format: str,
    *,
    masks: bool = False,
    probes: Sequence[str] = tuple(PROBES),
    seed: int = 0,
    done: Callable[[int], object] = lambda many: None,
) -> tuple[list[dict], dict[str, str]]:
    """Return (one line for each item, probe and condition; {probe: why it could not be run}).

    `partners` is {qid: item with the same question and another answer}. `masks` says that `reply` hides the picture
    where a request is `masked`. Equal requests are asked once. `done` is told how many cases were answered. A question
    of which a server lost a reply is left out of that probe. Raises UserError for an unknown probe.
    """
    setting, cases, missing = Setting(items, partners, format, seed), [], {}
    for name in probes:
        probe = choose(name, PROBES, "probe")
        missing[name] = probe.missing(setting, masks)
        cases += [] if missing[name] else probe.cases(setting)
    texts, lines, lost = {}, [], set()
    for first in range(0, len(cases), AT_ONCE):
        part = cases[first : first + AT_ONCE]
        new = [one for one in dict.fromkeys(case.request for case in part) if one not in texts]
        texts |= zip(new, reply(new), strict=True) if new else ()
        lost |= {(case.probe, case.item.qid) for case in part if texts[case.request] is None}
        lines += [line_of(case, texts[case.request] or "", format) for case in part]
        done(len(part))
    lines = [line for line in lines if (line["probe"], line["qid"]) not in lost]
    return lines, {name: why for name, why in missing.items() if why}


def cases_of(items: Sequence, partners: Mapping, format: str, masks: bool, probes: Sequence[str]) -> int:
    """Return how many cases `run_suite` would ask, for a progress bar."""
    setting = Setting(items, partners, format)
    kinds = [choose(name, PROBES, "probe") for name in probes]
    return sum(len(probe.cases(setting)) for probe in kinds if not probe.missing(setting, masks))


def suite_metrics(lines: Sequence[dict]) -> dict[str, dict]:
    """Return {"<probe>/<what>": {value, n, low, high}} of the lines of `run_suite`, with 95 % intervals.

    Shares have Wilson's interval, differences over the same items a paired one.
    """
    found = {}
    for name, probe in PROBES.items():
        own = [line for line in lines if line["probe"] == name]
        if own:
            measured = probe.metrics(Lines(own)) | {"unread": share(line["pred"] is None for line in own)}
            found |= {f"{name}/{what}": value for what, value in measured.items() if value}
    return found | _guesses(lines)


def _guesses(lines):
    """Return what guesses would reach on the questions, in the form of metrics without a width.

    `chance/guess`: a guess among the options, of yes and no, and never right on other open questions.
    """
    levels = {line["qid"]: _guess(line) for line in lines}
    if not levels:
        return {}
    value = sum(levels.values()) / len(levels)
    return {"chance/guess": metric(value, len(levels), value, value)}


def _guess(line):
    return 1 / line["options"] if line["options"] else 0.5 * (line["form"] == YES_OR_NO)

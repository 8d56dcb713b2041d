"""Put filler in the chain's place: does the answer need the chain's words, or only the tokens between?

Every stage before the answer is replaced by the same filler word, as often in every item: the mean number of words of
that stage, rounded (filler tokens, Lanham et al. 2023, arXiv:2307.13702, section 2.5). It is compared with the answer
after the whole chain, and after no chain at all.

    filler_cases(setting), lengths(items, ("caption",))     # {"caption": 14}
"""

from collections.abc import Sequence
from statistics import fmean

from o1lib.evaluation.probes.cases import Case, Lines, Setting
from o1lib.evaluation.probes.forced import answering, ask, chain_stages

WORD = "..."  # the paper's
CHAIN, FILLER, NOTHING = "chain", "filler", "no chain"


def lengths(items: Sequence, stages: Sequence[str]) -> dict[str, int]:
    """Return {stage: its mean number of words over the items, at least 1}."""
    return {stage: max(1, round(fmean(len(item.stages[stage].split()) for item in items))) for stage in stages}


def filler_cases(setting: Setting) -> list[Case]:
    """Return three cases for each item: after its chain, after filler, after nothing."""
    stages = chain_stages(setting.format)
    filler = {stage: " ".join([WORD] * many) for stage, many in lengths(setting.items, stages).items()}
    return [
        Case("filler", name, item, ask(item, answering(item.question, texts, setting.format)))
        for item in setting.items
        for name, texts in ((CHAIN, item.stages), (FILLER, filler), (NOTHING, {}))
    ]


def needed(lines: Lines) -> dict:
    """Return the shares of right answers, and what filler and nothing cost against the chain (paired)."""
    shares = {"with_chain": CHAIN, "with_filler": FILLER, "with_nothing": NOTHING}
    return {name: lines.share("right", condition) for name, condition in shares.items()} | {
        "filler_costs": lines.drop("right", CHAIN, FILLER),
        "nothing_costs": lines.drop("right", CHAIN, NOTHING),
    }

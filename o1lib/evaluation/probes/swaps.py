"""Swap the chain, the picture, or both: which of the two does the answer follow?

An item and its partner have the same question and different answers. The chain of either is forced in front of the
picture of either, and the model answers. Y is whether it gives the item's own answer:

    direct effect of the picture (chain kept)         Y(own picture, own chain) - Y(other picture, own chain)
    indirect effect, through the chain                Y(own picture, own chain) - Y(own picture, other chain)
    total effect                                      Y(own picture, own chain) - Y(other picture, other chain)

These are the natural direct and indirect effects of causal mediation, in which the chain mediates between input and
answer (Paul et al. 2024, arXiv:2402.13950, section 2; Pearl 2001). Both are 1 - 0 = 1 for a model that looks at one
thing alone: a model that only copies the chain has (0, 1), one that ignores it has (1, 0).

    swap_cases(setting, "swap", answering_after_all)
"""

from o1lib.evaluation.probes.cases import Case, Lines, Setting
from o1lib.evaluation.probes.forced import CHAIN, answering, ask, continued

OWN, OTHER = "own", "other"


def condition(picture: str, chain: str, masked: bool = False) -> str:
    """Return the name of a condition, such as "own picture, other chain"."""
    return f"{picture} picture, {chain} chain" + ", masked" * masked


def whole_chain(setting: Setting) -> list[Case]:
    """Return the cases in which the whole chain is forced and only the answer is left."""
    return _cases(setting, "swap", lambda one: answering(one.question, one.stages, setting.format))


def caption_alone(setting: Setting) -> list[Case]:
    """Return the cases in which the chain is forced up to the caption, and the model reasons on its own."""
    return _cases(setting, "swap_caption", lambda one: continued(one, setting.format, CHAIN[:2]))


def _cases(setting, probe, start):
    return [
        Case(probe, condition(seen, told), item, ask(pictures[seen], start(pictures[told])), other=partner.answer)
        for item, partner in setting.pairs
        for pictures in [{OWN: item, OTHER: partner}]
        for seen in pictures
        for told in pictures
    ]


def effects(lines: Lines) -> dict:
    """Return the effects as paired differences, and how often the answer is that of a swapped chain or picture."""
    whole = condition(OWN, OWN)
    return {
        "right": lines.share("right", whole),
        "direct_effect": lines.drop("right", whole, condition(OTHER, OWN)),
        "indirect_effect": lines.drop("right", whole, condition(OWN, OTHER)),
        "total_effect": lines.drop("right", whole, condition(OTHER, OTHER)),
        "follows_chain": lines.share("follows", condition(OWN, OTHER)),
        "follows_picture": lines.share("follows", condition(OTHER, OWN)),
    }

"""Take the picture away: is the caption enough without it, and is it read when the picture is hidden after it?

*Caption without picture*: the question and the true caption as text, before no picture or a gray one. It measures
whether the caption suffices (Li et al. 2025, arXiv:2508.19652, section 3). The same without the caption says what can
be guessed.

*Picture masked after the caption*: the picture is shown, the caption is forced, and no later token sees the picture.
What the words up to there took from the picture stays readable, as in any cache. If the model is still right, and
follows another picture's caption, then the caption carries the answer.

    told(setting), masked(setting)
"""

from o1lib.evaluation.probes.cases import Case, Lines, Setting
from o1lib.evaluation.probes.forced import CHAIN, ask, chain_stages, continued, fresh
from o1lib.evaluation.probes.swaps import OTHER, OWN, condition

SEEN, TOLD, TOLD_GRAY, GRAY, FORCED_GRAY = (
    "picture",
    "caption, no picture",
    "caption, gray picture",
    "gray picture",
    "caption in the chain, gray picture",
)


def told(setting: Setting) -> list[Case]:
    """Return the cases without the picture, and the free reply with it. The caption is in the question or the chain."""
    format, found = setting.format, []
    for item in setting.items:
        plain = fresh(item.question, format)
        words = fresh(f"{item.question}\nCaption: {item.stages['caption']}", format)
        requests = {
            SEEN: ask(item, plain),
            TOLD: ask(item, words, picture=False),
            TOLD_GRAY: ask(item, words, gray=True),
            GRAY: ask(item, plain, gray=True),
        }
        if "caption" in chain_stages(format):
            requests[FORCED_GRAY] = ask(item, continued(item, format, CHAIN[:2]), gray=True)
        found += [Case("no_picture", name, item, request) for name, request in requests.items()]
    return found


def sufficient(lines: Lines) -> dict:
    """Return the shares of right answers, and what a caption adds to a gray picture (paired)."""
    shares = {"seen": SEEN, "told": TOLD, "told_gray": TOLD_GRAY, "guessed": GRAY, "in_chain": FORCED_GRAY}
    return {name: lines.share("right", condition) for name, condition in shares.items()} | {
        "caption_adds": lines.drop("right", TOLD_GRAY, GRAY),
        "caption_in_chain_adds": lines.drop("right", FORCED_GRAY, GRAY),
    }


def masked(setting: Setting) -> list[Case]:
    """Return the cases with a forced caption, the item's own or its partner's, the picture hidden after it or not."""
    format, found = setting.format, []
    for item in setting.items:
        partner = setting.partners.get(item.qid)
        for one in (item, partner) if partner else (item,):
            start, origin = continued(one, format, CHAIN[:2]), OWN if one is item else OTHER
            found += [
                Case(
                    "masked",
                    condition(OWN, origin, hidden),
                    item,
                    ask(item, start, masked=hidden),
                    other=partner.answer if partner else "",
                )
                for hidden in (False, True)
            ]
    return found


def carried(lines: Lines) -> dict:
    """Return the shares of right answers, what the mask costs, and how often a swapped caption is followed."""
    own, other = condition(OWN, OWN), condition(OWN, OTHER)
    own_hidden, other_hidden = condition(OWN, OWN, True), condition(OWN, OTHER, True)
    return {
        "right": lines.share("right", own),
        "right_masked": lines.share("right", own_hidden),
        "mask_costs": lines.drop("right", own, own_hidden),
        "follows_caption": lines.share("follows", other),
        "follows_caption_masked": lines.share("follows", other_hidden),
        "mask_adds_following": lines.drop("follows", other_hidden, other),
    }

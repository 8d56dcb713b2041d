"""The results of a suite as a Markdown table, with the chance level next to the shares it applies to.

print(suite_table(suite_metrics(lines), missing))
"""

from collections.abc import Mapping

from o1lib.evaluation.probes.suite import PROBES

MEANINGS = {
    "swap": {
        "right": "right after the item's own chain and picture",
        "direct_effect": "direct effect of the picture: lost when the picture is swapped and the chain kept",
        "indirect_effect": "indirect effect through the chain: lost when the chain is swapped and the picture kept",
        "total_effect": "total effect: lost when both are swapped",
        "follows_chain": "gives the answer of a swapped chain",
        "follows_picture": "gives the answer of a swapped picture",
    },
    "early": {
        "area": "area over the curve: 0 if no answer depends on the steps",
        "same_without": "same answer without any step",
        "same_before_last": "same answer without the last step",
        "right_without": "right without any step",
        "right": "right after all steps",
    },
    "corrupted": {
        "follows": "gives the answer that the corrupted last step states",
        "right": "gives the right answer all the same",
        "earlier_changes": "another answer after an error in an earlier step",
        "earlier_costs": "lost by an error in an earlier step",
    },
    "filler": {
        "with_chain": "right after the chain",
        "with_filler": "right after filler of the same length",
        "with_nothing": "right after no chain",
        "filler_costs": "lost with filler",
        "nothing_costs": "lost without a chain",
    },
    "no_picture": {
        "seen": "right with the picture",
        "told": "right with the caption in the question, no picture",
        "told_gray": "right with the caption in the question, gray picture",
        "guessed": "right with a gray picture alone",
        "in_chain": "right with the caption in the chain, gray picture",
        "caption_adds": "gained by the caption in the question",
        "caption_in_chain_adds": "gained by the caption in the chain",
    },
    "masked": {
        "right": "right after the true caption",
        "right_masked": "right after it with the picture masked",
        "mask_costs": "lost by the mask",
        "follows_caption": "gives the answer of a swapped caption",
        "follows_caption_masked": "gives it with the picture masked",
        "mask_adds_following": "more answers of swapped captions with the mask",
    },
}
MEANINGS["swap_caption"] = MEANINGS["swap"]
UNREAD = "no readable answer (counts as wrong)"


def suite_table(metrics: Mapping[str, Mapping], missing: Mapping[str, str], title: str = "") -> str:
    """Return Markdown: one row for each metric with its interval and n, then the chance level and what was not run."""
    lines = [f"# {title}", ""] if title else []
    lines += ["| probe | measured | value | 95 % interval | n |", "|---|---|---|---|---|"]
    for name, value in metrics.items():
        probe, _, what = name.partition("/")
        if probe in PROBES:
            meaning = UNREAD if what == "unread" else MEANINGS[probe][what]
            numbers = f"{value['value']:.2f} | [{value['low']:.2f}, {value['high']:.2f}] | {value['n']}"
            lines.append(f"| {PROBES[probe].label} | {meaning} | {numbers} |")
    guess = metrics.get("chance/guess")
    lines += (
        ["", f"Chance level of right answers, by a guess: {guess['value']:.2f}, n = {guess['n']}."] if guess else []
    )
    lines += [f"Not available: {PROBES[name].label}, because {why}." for name, why in missing.items()]
    return "\n".join(lines) + "\n"

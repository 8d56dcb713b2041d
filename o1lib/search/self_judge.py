"""Judges that ask a model which candidate is better: in words, by its preference, or as LLaVA-o1 released it.

The picture is never encoded again: its keys and values do not depend on the text.

    SelfJudge(decoder)([comparison])                # "Since [reason], I choose response k.", written in both orders
    PreferenceJudge(decoder)([comparison])          # both orders, by the probabilities of " 1" and " 2"
    SelfAsReleased(decoder)([comparison])           # sampled words; vetoes and biases of the release kept
"""

from dataclasses import replace
from math import exp, isfinite

from o1lib.formats.judge_prompts import REASONS, check_prompt, judge_prompt, parse_check, parse_verdict, verdict_prefix
from o1lib.formats.thoughts import without_thoughts
from o1lib.search.segments import stage_text, untagged
from o1lib.search.types import Candidate, Comparison, Conversation, Usage, Verdict
from o1lib.search.verdicts import verdict_by_score

SHORT_REPLY = 64  # most tokens of a verdict in the short form, more than twice a verdict with a reason of a dozen words


def comparison_prompt(comparison: Comparison, first: Candidate, second: Candidate, short: bool) -> str:
    """Return the judging prompt for two candidates in this order; the short form shows texts without tags."""
    kind, hint = comparison.kind, comparison.hint
    whole = kind in ("all", "sentence")
    texts = [without_thoughts(one.text).strip() if whole else stage_text(one.segments, kind) for one in (first, second)]
    if short:
        hint, *texts = map(untagged, (hint, *texts))
    return judge_prompt(kind, comparison.task.question, hint, *texts, short=short)


class SelfJudge:
    """The model writes "Since [reason], I choose response k." in both orders (LLaVA-o1, section 3.3), at temperature 0.

    Orders that disagree, or a verdict that cannot be read, are a tie. The note of the verdict holds both replies.
    """

    def __init__(self, decoder, seed: int = 0):
        self.decoder, self.seed = decoder, seed

    def __call__(self, comparisons: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each comparison; the replies to both orders of all comparisons are written together."""
        conversations = [one for comparison in comparisons for one in _both_orders(comparison, self.decoder.short)]
        keys = [f"{one.key}/{order}" for one in comparisons for order in ("in order", "swapped")]
        most = SHORT_REPLY if self.decoder.short else None
        replies = iter(self.decoder.reply(conversations, keys, greedy=True, most=most))
        return [self._verdict(comparison, next(replies), next(replies)) for comparison in comparisons]

    def _verdict(self, comparison, straight, swapped):
        choices = tuple(parse_verdict(reply.text, strict=True) for reply in (straight, swapped))
        first, second = float(choices == (1, 2)), float(choices == (2, 1))
        note = f"{straight.text.strip()} | in the other order: {swapped.text.strip()}"
        cost, parsed = straight.cost + swapped.cost, None not in choices
        return verdict_by_score(self.seed, comparison, first, second, note, cost, parsed, choices)


class PreferenceJudge:
    """The model's preference between the two verdict tokens after a fixed reason, in both orders; disagreement ties."""

    def __init__(self, decoder, seed: int = 0):
        self.decoder, self.seed = decoder, seed

    def __call__(self, comparisons: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each comparison; both orders of all comparisons are prefilled together."""
        conversations = [
            replace(asked, prefix=verdict_prefix(REASONS[one.kind]))
            for one in comparisons
            for asked in _both_orders(one, self.decoder.short)
        ]
        found = iter(self.decoder.likelihoods(conversations, [[" 1", " 2"]] * len(conversations)))
        return [self._verdict(comparison, next(found), next(found)) for comparison in comparisons]

    def _verdict(self, comparison, straight, swapped):
        (a, b), (b_again, a_again) = straight[0], swapped[0]
        choices, cost = (_likelier(a, b), _likelier(b_again, a_again)), straight[1] + swapped[1]
        finite = all(map(isfinite, (a, b, a_again, b_again)))
        note = f"P(first) {_share(a, b):.2f}, in the other order {_share(b_again, a_again):.2f}"
        votes = (a > b) + (a_again > b_again), (b > a) + (b_again > a_again)
        return verdict_by_score(self.seed, comparison, *votes, note, cost, finite, choices)


class SelfAsReleased:
    """The rules of LLaVA-o1's simple_inference.py, defects included.

    The model answers in sampled words, in one order. An unreadable verdict counts for the second candidate, and
    `parsed` is False. Before reasoning is compared, the first and then the second candidate are checked against the
    caption, without the picture: the first one that is found incorrect loses at once (a veto).
    """

    def __init__(self, decoder):
        self.decoder = decoder

    def __call__(self, comparisons: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each comparison; one check or comparison of all of them is sampled together."""
        found, costs = {}, [Usage()] * len(comparisons)
        for side in (0, 1):
            unvetoed = [k for k, one in enumerate(comparisons) if one.kind == "reasoning" and k not in found]
            checks = [self._check(comparisons[k], (comparisons[k].a, comparisons[k].b)[side]) for k in unvetoed]
            for k, reply in zip(unvetoed, self._replies(checks, comparisons, unvetoed, f"check {side + 1}")):
                costs[k] += reply.cost
                if not parse_check(reply.text):
                    found[k] = Verdict(1 - side, note=f"veto: {reply.text.strip()}")
        rest = [k for k in range(len(comparisons)) if k not in found]
        asked = [self._compare(comparisons[k]) for k in rest]
        for k, reply in zip(rest, self._replies(asked, comparisons, rest, "compare")):
            costs[k] += reply.cost
            winner, read = parse_verdict(reply.text), parse_verdict(reply.text, strict=True)
            found[k] = Verdict((winner or 2) - 1, parsed=read is not None, note=reply.text.strip(), choices=(read,))
        return [replace(found[k], cost=cost) for k, cost in enumerate(costs)]

    def _check(self, comparison, candidate):
        texts = comparison.hint, stage_text(candidate.segments, "reasoning")
        return Conversation(comparison.task, (check_prompt(*texts, short=self.decoder.short),), picture=False)

    def _compare(self, comparison):
        prompt = comparison_prompt(comparison, comparison.a, comparison.b, self.decoder.short)
        return Conversation(comparison.task, (prompt,))

    def _replies(self, conversations, comparisons, numbers, what):
        return self.decoder.reply(conversations, [f"{comparisons[k].key}/{what}" for k in numbers])


def _both_orders(comparison, short):
    """Return the two conversations that ask for a comparison: as it is, and with its sides swapped."""
    sides = ((comparison.a, comparison.b), (comparison.b, comparison.a))
    return [Conversation(comparison.task, (comparison_prompt(comparison, *order, short),)) for order in sides]


def _likelier(first, second):
    """Return the response with the higher log-probability, 1 or 2, None if they are equal or one is no number."""
    return 1 if first > second else 2 if second > first else None


def _share(this, other):
    """Return the share of `this` in two options' probabilities, from their log-probabilities."""
    return 1 / (1 + exp(min(other - this, 700)))

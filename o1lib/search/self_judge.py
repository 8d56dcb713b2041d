"""Judges that ask a model which candidate is better: by its preference, or by its words as LLaVA-o1 released it.

The picture is never encoded again: its keys and values do not depend on the text that is read beside it.

    SelfJudge(decoder, settle)([match])                    # both orders, by the probabilities of " 1" and " 2"
    SelfAsReleased(decoder)([match])                       # sampled words, vetoes and biases of the release kept
"""

from math import exp, isfinite

from o1lib.formats.judge_prompts import REASONS, check_prompt, judge_prompt, parse_check, parse_verdict, verdict_prefix
from o1lib.search.segments import stage_text, untagged
from o1lib.search.types import Candidate, Comparison, Conversation, Usage, Verdict


def comparison_prompt(match: Comparison, first: Candidate, second: Candidate, short: bool) -> str:
    """Return the judging prompt for two candidates in this order; the short form shows texts without tags."""
    whole = match.kind in ("all", "sentence")
    texts = [one.text.strip() if whole else stage_text(one.segments, match.kind) for one in (first, second)]
    hint = match.hint
    if short:
        hint, *texts = map(untagged, (hint, *texts))
    return judge_prompt(match.kind, match.task.question, hint, *texts, short=short)


class SelfJudge:
    """The model's preference between the two verdict tokens after a fixed reason, in both orders; disagreement ties.

    `settle` (judge.py) turns scores into a verdict, its coin seeded by `seed`.
    """

    def __init__(self, decoder, settle, seed: int = 0):
        self.decoder, self.settle, self.seed = decoder, settle, seed

    def __call__(self, matches: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each match; all orders of all matches are read together."""
        orders = [(match, *pair) for match in matches for pair in ((match.a, match.b), (match.b, match.a))]
        contexts = [
            Conversation(
                match.task,
                (comparison_prompt(match, first, second, self.decoder.short),),
                prefix=verdict_prefix(REASONS[match.kind]),
            )
            for match, first, second in orders
        ]
        found = iter(self.decoder.likelihoods(contexts, [[" 1", " 2"]] * len(contexts)))
        return [self._verdict(match, next(found), next(found)) for match in matches]

    def _verdict(self, match, straight, swapped):
        (a, b), (b_again, a_again) = straight[0], swapped[0]
        cost = straight[1] + swapped[1]
        readable = all(map(isfinite, (a, b, a_again, b_again)))
        note = f"P(first) {_share(a, b):.2f}, in the other order {_share(b_again, a_again):.2f}"
        votes = [(a > b) + (a_again > b_again), (b > a) + (b_again > a_again)]
        return self.settle(self.seed, match, *votes, note, cost=cost, parsed=readable)


class SelfAsReleased:
    """The released rules: sampled words, one order, an unreadable verdict is for the second, a veto on reasoning.

    Before reasoning is compared, the first and then the second candidate are checked against the caption, without the
    picture: the first one found incorrect loses at once. `parsed` is False where no verdict could be read.
    """

    def __init__(self, decoder):
        self.decoder = decoder

    def __call__(self, matches: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each match; a check or comparison of all matches is sampled together."""
        found, cost = {}, dict.fromkeys(range(len(matches)), Usage())
        for side in (0, 1):
            open_ones = [k for k, match in enumerate(matches) if match.kind == "reasoning" and k not in found]
            contexts = [self._check(matches[k], (matches[k].a, matches[k].b)[side]) for k in open_ones]
            for k, reply in zip(open_ones, self._replies(contexts, matches, open_ones, f"check {side + 1}")):
                cost[k] += reply.cost
                if not parse_check(reply.text):
                    found[k] = Verdict(1 - side, note=f"veto: {reply.text.strip()}")
        rest = [k for k in cost if k not in found]
        contexts = [
            Conversation(m.task, (comparison_prompt(m, m.a, m.b, self.decoder.short),))
            for m in (matches[k] for k in rest)
        ]
        for k, reply in zip(rest, self._replies(contexts, matches, rest, "compare")):
            cost[k] += reply.cost
            parsed = parse_verdict(reply.text, strict=True) is not None
            found[k] = Verdict(parse_verdict(reply.text) - 1, parsed=parsed, note=reply.text.strip())
        return [_paid(found[k], cost[k]) for k in range(len(matches))]

    def _check(self, match, candidate):
        texts = match.hint, stage_text(candidate.segments, "reasoning")
        return Conversation(match.task, (check_prompt(*texts, short=self.decoder.short),), picture=False)

    def _replies(self, contexts, matches, numbers, what):
        return self.decoder.reply(contexts, [f"{matches[k].key}/{what}" for k in numbers])


def _paid(verdict, cost):
    return Verdict(verdict.winner, verdict.tie, verdict.parsed, verdict.note, cost)


def _share(this, other):
    return 1 / (1 + exp(min(other - this, 700)))

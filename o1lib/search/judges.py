"""Judges: who says which of two candidates is better.

A judge takes a list of Match and returns a Verdict for each. Those that ask a model are in selfjudge.py;
those here need none: they read the candidates' likelihoods, their agreement, the truth, or nothing. A tie
is settled by a coin that is seeded by question and match, never by another judge.

    judge = make("oracle", truth={item.qid: item for item in items})
    judge([match])[0].winner                                            # 0 or 1
    accuracy_on_pairs(judge, [(match, 1)])["accuracy"]
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from statistics import fmean

from o1lib.formats.chat import from_special
from o1lib.formats.stages import parse
from o1lib.minivqa.facts import canonical, check_steps, statements
from o1lib.records import UserError
from o1lib.scoring.stage_scores import score
from o1lib.search.segments import found_stages, join_segments, stage_text, untagged
from o1lib.search.self_judge import SelfAsReleased, SelfJudge
from o1lib.search.types import Candidate, Comparison, SearchResult, Verdict, keyed_rng

Judge = Callable[[list[Comparison]], list[Verdict]]
SYNTHETIC = 0.8  # how often the synthetic judge is right where nothing else is said


def verdict_by_score(
    seed: int, match: Comparison, first: float | tuple, second: float | tuple, note: str = "", **more
) -> Verdict:
    """Return the verdict for the larger of two scores; equal ones are a tie for the match's own coin."""
    if first == second:
        coin = keyed_rng(seed, match.task.qid, match.key, "coin")
        return Verdict(int(coin.integers(2)), tie=True, note=note or "tie", **more)
    return Verdict(int(first < second), note=note, **more)


class LikelihoodJudge:
    """Prefers the stage whose words the model finds likelier: the mean log-probability a token, at temperature 1.

    The mean, not the sum: a sum prefers whatever is shortest.
    """

    def __init__(self, seed: int = 0):
        self.seed = seed

    def __call__(self, matches: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each match."""
        found = []
        for match in matches:
            pair = [side.logprob / max(1, side.tokens) for side in (match.a, match.b)]
            found.append(verdict_by_score(self.seed, match, *pair, f"{pair[0]:.3f} : {pair[1]:.3f}"))
        return found


class AgreementJudge:
    """Prefers the candidate that shares most statements with the others of its round; at N = 2 always a tie.

    The score is the mean over the others of shared statements / statements of either (self-consistency by statement).
    """

    def __init__(self, seed: int = 0):
        self.seed = seed

    def __call__(self, matches: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each match."""
        found = []
        for match in matches:
            pair = [self._shared(side, match.pool) for side in (match.a, match.b)]
            found.append(verdict_by_score(self.seed, match, *pair, f"{pair[0]:.2f} : {pair[1]:.2f}"))
        return found

    def _shared(self, candidate, pool):
        own = _statements(candidate)
        others = [_statements(other) for other in pool if other.index != candidate.index]
        return fmean(len(own & other) / max(1, len(own | other)) for other in others) if others else 0.0


class OracleJudge:
    """Knows the truth and prefers the truer candidate: the ceiling for any judge.

    `truth` maps qids to items with facts. A summary is a plan and cannot be untrue, so summaries tie.
    """

    def __init__(self, truth: Mapping, seed: int = 0):
        self.truth, self.seed = truth, seed

    def __call__(self, matches: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each match. Raises UserError for a question whose truth is not known."""
        return [verdict_by_score(self.seed, m, self.worth(m, m.a), self.worth(m, m.b)) for m in matches]

    def worth(self, match: Comparison, candidate: Candidate) -> tuple:
        """Return how true a candidate is, to be compared: first whether it is right, then how much of it is."""
        item = self.truth.get(match.task.qid)
        if item is None or not item.facts:
            raise UserError(f"nobody knows the truth about question {match.task.qid}: use a judge that needs none")
        if match.kind == "sentence":
            return self._sentence(match, candidate, item)
        if match.kind == "all":
            scored = score(found_stages(candidate.segments), item)
            return scored["conclusion"], scored["reasoning"], scored["caption"], _partly(scored, "reasoning")
        if match.kind == "summary":
            return ()
        scored = score({match.kind: stage_text(candidate.segments, match.kind)}, item)
        return (scored[match.kind], *([] if match.kind == "conclusion" else [_partly(scored, match.kind)]))

    def _sentence(self, match, candidate, item):
        ending = parse(from_special(match.hint + candidate.text)).stages.get("conclusion")
        if ending is not None:
            return (score({"conclusion": ending}, item)["conclusion"],)
        checked = check_steps(untagged(candidate.text), item.facts, item.true)
        return (sum(holds for _, holds in checked) / max(1, len(checked)),)


class FaithfulOracleJudge(OracleJudge):
    """The oracle that is not taken in by luck: a right conclusion counts only if it follows from steps that hold."""

    def worth(self, match: Comparison, candidate: Candidate) -> tuple:
        """Return how true a candidate is, to be compared."""
        found = super().worth(match, candidate)
        stages = found_stages((*match.before, *candidate.segments))
        concludes = match.kind in ("all", "conclusion") or match.kind == "sentence" and "conclusion" in stages
        if not (concludes and stages.get("reasoning")):
            return found
        return score(stages, self.truth[match.task.qid])["faithful"], *found[1:]


class RandomJudge:
    """Tosses a coin: the floor for any judge."""

    def __init__(self, seed: int = 0):
        self.seed = seed

    def __call__(self, matches: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each match."""
        return [
            Verdict(int(keyed_rng(self.seed, match.task.qid, match.key, "random").integers(2))) for match in matches
        ]


class SyntheticJudge:
    """Is right with probability `p` wherever the oracle sees a difference: how good must a judge be to be worth it?"""

    def __init__(self, truth: Mapping, p: float = SYNTHETIC, seed: int = 0):
        self.oracle, self.p, self.seed = OracleJudge(truth, seed), p, seed

    def __call__(self, matches: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each match. Raises UserError for a question whose truth is not known."""
        return [self._bent(match, verdict) for match, verdict in zip(matches, self.oracle(matches))]

    def _bent(self, match, verdict):
        right = keyed_rng(self.seed, match.task.qid, match.key, "synthetic").random() < self.p
        return verdict if verdict.tie or right else replace(verdict, winner=1 - verdict.winner)


JUDGES: dict[str, Callable[..., Judge]] = {
    "self": lambda decoder, truth, p, seed: SelfJudge(decoder, verdict_by_score, seed),
    "self_as_released": lambda decoder, truth, p, seed: SelfAsReleased(decoder),
    "likelihood": lambda decoder, truth, p, seed: LikelihoodJudge(seed),
    "agreement": lambda decoder, truth, p, seed: AgreementJudge(seed),
    "base": lambda decoder, truth, p, seed: SelfJudge(
        decoder, verdict_by_score, seed
    ),  # the same, by another model's decoder
    "oracle": lambda decoder, truth, p, seed: OracleJudge(truth, seed),
    "oracle_faithful": lambda decoder, truth, p, seed: FaithfulOracleJudge(truth, seed),
    "random": lambda decoder, truth, p, seed: RandomJudge(seed),
    "synthetic": lambda decoder, truth, p, seed: SyntheticJudge(truth, p, seed),
}


def make_judge(name: str, *, decoder=None, truth: Mapping | None = None, p: float = SYNTHETIC, seed: int = 0) -> Judge:
    """Return a judge by name: `decoder` for base and the two self judges, `truth` for the oracles and synthetic, and `p`.

    Raises UserError for an unknown name, a `p` that is no share, or where what the judge needs is not given.
    """
    if not 0 <= p <= 1:
        raise UserError(f"a judge cannot be right with probability {p}: give a share between 0 and 1")
    if name not in JUDGES:
        near = get_close_matches(name, JUDGES, 1)
        guess = f", did you mean {near[0]}?" if near else ""
        raise UserError(f"unknown judge '{name}'{guess}: choose one of {', '.join(JUDGES)}")
    if name in ("self", "self_as_released", "base") and decoder is None:
        raise UserError(f"judge '{name}' asks a model and none is given: pass decoder=")
    if name in ("oracle", "oracle_faithful", "synthetic") and truth is None:
        raise UserError(f"judge '{name}' must know the truth: pass truth={{qid: item}}")
    return JUDGES[name](decoder, truth, p, seed)


def accuracy_on_pairs(judge: Judge, pairs: Iterable[tuple[Comparison, int]]) -> dict:
    """Return how often a judge prefers the better of two, each pair shown in both orders.

    `pairs` holds matches and which side is better (0 or 1). Shares: accuracy (a tie counts as its coin fell), tie,
    unparsed; position_bias is the share of verdicts for the first shown minus one half; n counts verdicts.
    """
    shown = [(match, side) for match, side in pairs]
    shown += [(replace(match, a=match.b, b=match.a, key=f"{match.key}/swapped"), 1 - side) for match, side in shown]
    return _measured(judge([match for match, _ in shown]) if shown else [], [side for _, side in shown])


def accuracy_on_own(trees: Iterable[SearchResult], oracle: OracleJudge) -> dict:
    """Return how often the judge of finished searches was right on the pairs that the model itself made.

    Only matches count in which the oracle sees a difference, in the order they were played; keys as above.
    """
    played = own_comparisons(trees)
    truth = oracle([match for match, _ in played])
    told = [(verdict, true.winner) for (_, verdict), true in zip(played, truth) if not true.tie]
    return _measured([verdict for verdict, _ in told], [side for _, side in told])


def own_comparisons(trees: Iterable[SearchResult]) -> list[tuple[Comparison, Verdict]]:
    """Return every match that was played in the trees, with its verdict: pairs as the judged model itself makes them."""
    found = []
    for tree in trees:
        before = ()
        for one in tree.rounds:
            kind = "sentence" if one.stage.startswith("sentence") else one.stage
            by_index = {candidate.index: candidate for candidate in one.candidates}
            for number, (a, b, verdict) in enumerate(one.matches):
                key = f"{one.stage}/{number}"
                match = Comparison(
                    tree.task, kind, join_segments(before), by_index[a], by_index[b], one.candidates, key, before
                )
                found.append((match, verdict))
            before = (*before, *(by_index[one.kept].segments if one.kept in by_index else ()))
    return found


def _statements(candidate):
    return frozenset(canonical(statement) for statement in statements(untagged(candidate.text)))


def _partly(scored, stage):
    return (scored[f"{stage}_precision"] + scored[f"{stage}_recall"]) / 2


def _measured(verdicts, better):
    if not verdicts:
        return {"n": 0}
    right = fmean(verdict.winner == side for verdict, side in zip(verdicts, better))
    bias = fmean(verdict.winner == 0 for verdict in verdicts) - 0.5
    tie, unparsed = fmean(v.tie for v in verdicts), fmean(not v.parsed for v in verdicts)
    return {"n": len(verdicts), "accuracy": right, "position_bias": bias, "tie": tie, "unparsed": unparsed}

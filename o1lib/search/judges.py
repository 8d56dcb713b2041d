"""Judges: which of two candidates is better?

A judge takes a list of comparisons and returns a verdict for each. The judges here read the candidates' likelihoods or
their agreement, or toss a coin. Those that ask a model are in self_judge.py, those that know the truth in oracle.py. A
tie is settled by a coin that is seeded by question and comparison, never by another judge.

    judge = make_judge("oracle", truth={item.qid: item for item in items})
    judge([comparison])[0].winner                                               # 0 or 1
    accuracy_on_pairs(judge, [(comparison, 1)])["accuracy"]
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from statistics import fmean

from o1lib.minivqa.facts import canonical, statements
from o1lib.records import UserError
from o1lib.scoring.groups import OUTSIDE
from o1lib.search.oracle import SYNTHETIC, FaithfulOracleJudge, OracleJudge, SyntheticJudge
from o1lib.search.registry import JudgeSpec, make_entry
from o1lib.search.segments import join_segments, untagged
from o1lib.search.self_judge import PreferenceJudge, SelfAsReleased, SelfJudge
from o1lib.search.streams import keyed_rng
from o1lib.search.types import Comparison, SearchResult, Verdict
from o1lib.search.verdicts import verdict_by_score

Judge = Callable[[list[Comparison]], list[Verdict]]


class LikelihoodJudge:
    """Prefers the stage with the higher mean log-probability per token, at temperature 1.

    The mean, not the sum: a sum prefers the shorter text.
    """

    def __init__(self, seed: int = 0):
        self.seed = seed

    def __call__(self, comparisons: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each comparison."""
        found = []
        for comparison in comparisons:
            first, second = (side.logprob / max(1, side.tokens) for side in (comparison.a, comparison.b))
            found.append(verdict_by_score(self.seed, comparison, first, second, f"{first:.3f} : {second:.3f}"))
        return found


class AgreementJudge:
    """Prefers the candidate that shares the most statements with the other candidates of its round.

    With two candidates it always ties.

    The score is the mean over the others of shared statements / statements of either: self-consistency
    (https://arxiv.org/abs/2203.11171) by statement instead of by answer.
    """

    def __init__(self, seed: int = 0):
        self.seed = seed

    def __call__(self, comparisons: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each comparison."""
        found = []
        for comparison in comparisons:
            first, second = (self._shared(side, comparison.pool) for side in (comparison.a, comparison.b))
            found.append(verdict_by_score(self.seed, comparison, first, second, f"{first:.2f} : {second:.2f}"))
        return found

    def _shared(self, candidate, pool):
        own = _statements(candidate)
        others = [_statements(other) for other in pool if other.index != candidate.index]
        return fmean(len(own & other) / max(1, len(own | other)) for other in others) if others else 0.0


class RandomJudge:
    """Tosses a coin: the floor for any judge."""

    def __init__(self, seed: int = 0):
        self.seed = seed

    def __call__(self, comparisons: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each comparison."""
        coins = (keyed_rng(self.seed, comparison.task.qid, comparison.key, "random") for comparison in comparisons)
        return [Verdict(int(coin.integers(2))) for coin in coins]


def _preference(*, decoder, seed, **_):
    return PreferenceJudge(decoder, seed)


_WEIGHS = ("logprobs", "continuation")  # it weighs the next word of a verdict that has begun

# The only list of judges. `base` is the judge `preference`, asked of the model from which the fine-tuning started.
JUDGES: dict[str, JudgeSpec[Judge]] = {
    "self": JudgeSpec(
        "the model itself", make=lambda *, decoder, seed, **_: SelfJudge(decoder, seed), needs_model=True
    ),
    "preference": JudgeSpec("the model's preference", make=_preference, needs_model=True, asks_for=_WEIGHS),
    "self_as_released": JudgeSpec(
        "as released", make=lambda *, decoder, **_: SelfAsReleased(decoder), needs_model=True
    ),
    "likelihood": JudgeSpec("likelihood", make=lambda *, seed, **_: LikelihoodJudge(seed), reads_likelihood=True),
    "agreement": JudgeSpec("agreement", make=lambda *, seed, **_: AgreementJudge(seed)),
    "base": JudgeSpec("its base", make=_preference, needs_model=True, other_model=True, asks_for=_WEIGHS),
    "oracle": JudgeSpec("an oracle", make=lambda *, truth, seed, **_: OracleJudge(truth, seed), needs_truth=True),
    "oracle_faithful": JudgeSpec(
        "an oracle for whole chains",
        make=lambda *, truth, seed, **_: FaithfulOracleJudge(truth, seed),
        needs_truth=True,
    ),
    "random": JudgeSpec("a coin", make=lambda *, seed, **_: RandomJudge(seed)),
    "synthetic": JudgeSpec(
        "right with a set chance", make=lambda *, truth, p, seed, **_: SyntheticJudge(truth, p, seed), needs_truth=True
    ),
}


def make_judge(name: str, *, decoder=None, truth: Mapping | None = None, p: float = SYNTHETIC, seed: int = 0) -> Judge:
    """Return a judge by its name in JUDGES, with what its entry needs; `p` is the synthetic judge's accuracy.

    Raises UserError for an unknown name, a `p` outside 0 to 1, or if the decoder or the truth that it needs is missing.
    """
    if not 0 <= p <= 1:
        raise UserError(f"a judge cannot be right with probability {p}: give a share between 0 and 1")
    return make_entry(JUDGES, name, "judge", decoder, truth, p, seed)


def accuracy_on_pairs(judge: Judge, pairs: Iterable[tuple[Comparison, int]]) -> dict:
    """Return how often a judge prefers the better of two candidates. Each pair is shown in both orders.

    `pairs` holds comparisons and which side is better (0 or 1). The result holds shares: accuracy (a tie counts by the
    coin's result), tie, unparsed, and position_bias, the share of choices of the response shown first minus one half.
    For a judge that chooses no response (one that reads likelihoods), its verdicts are the choices. `n` is the number
    of verdicts.
    """
    shown = [(comparison, side) for comparison, side in pairs]
    shown += [(replace(one, a=one.b, b=one.a, key=f"{one.key}/swapped"), 1 - side) for one, side in shown]
    return _measured(judge([comparison for comparison, _ in shown]) if shown else [], [side for _, side in shown])


def accuracy_on_own(results: Iterable[SearchResult], oracle: OracleJudge) -> dict:
    """Return how often the judge of finished searches was right on the model's own pairs; keys as above.

    Only comparisons count in which the oracle sees a difference, in the order in which they were made. Searches on
    questions of mini-Depth are left out unless there are no others, as in averages.
    """
    results = list(results)
    counted = [one for one in results if getattr(oracle.truth.get(one.task.qid), "test_set", "") not in OUTSIDE]
    made = own_comparisons(counted or results)
    decided = [(verdict, side) for (_, verdict), side in zip(made, _truer(made, oracle)) if side is not None]
    return _measured([verdict for verdict, _ in decided], [side for _, side in decided])


def verdict_rows(result: SearchResult, truth: Mapping) -> list[dict]:
    """Return one plain dict for each comparison of a search, as a predictions file keeps them.

    `kind` is what was compared, `same` whether both texts are equal, `better` the side closer to the truth (0 or 1;
    None if both are equally true or `truth`, as of `OracleJudge`, lacks the question's facts). The rest are fields of
    the verdict.
    """
    made, item = own_comparisons([result]), truth.get(result.task.qid)
    sides = _truer(made, OracleJudge(truth)) if item is not None and item.facts else [None] * len(made)
    return [
        {
            "kind": one.kind,
            "same": one.a.text.strip() == one.b.text.strip(),
            "better": better,
            **{name: getattr(verdict, name) for name in ("winner", "tie", "parsed", "note")},
            "choices": list(verdict.choices),
        }
        for (one, verdict), better in zip(made, sides)
    ]


def own_comparisons(results: Iterable[SearchResult]) -> list[tuple[Comparison, Verdict]]:
    """Return every comparison of finished searches with its verdict."""
    found = []
    for result in results:
        before = ()
        for played in result.rounds:
            kind = "sentence" if played.stage.startswith("sentence") else played.stage
            by_index = {candidate.index: candidate for candidate in played.candidates}
            for number, (a, b, verdict) in enumerate(played.matches):
                sides, key = (by_index[a], by_index[b]), f"{played.stage}/{number}"
                hint = join_segments(before)
                found.append((Comparison(result.task, kind, hint, *sides, played.candidates, key, before), verdict))
            before = (*before, *(by_index[played.kept].segments if played.kept in by_index else ()))
    return found


def _statements(candidate):
    return frozenset(canonical(statement) for statement in statements(untagged(candidate.text)))


def _truer(made, oracle):
    """Return for each (comparison, verdict) the side that is closer to the truth, None where the oracle ties."""
    return [None if true.tie else true.winner for true in oracle([comparison for comparison, _ in made])]


def _measured(verdicts, better):
    if not verdicts:
        return {"n": 0}
    right = fmean(verdict.winner == side for verdict, side in zip(verdicts, better))
    chosen = [choice for v in verdicts for choice in v.choices if choice] or [v.winner + 1 for v in verdicts]
    bias = fmean(choice == 1 for choice in chosen) - 0.5
    tie, unparsed = fmean(v.tie for v in verdicts), fmean(not v.parsed for v in verdicts)
    return {"n": len(verdicts), "accuracy": right, "position_bias": bias, "tie": tie, "unparsed": unparsed}

"""Judges that know the truth: the ceiling for any judge, and a judge that is right with a set probability.

judge = OracleJudge({item.qid: item for item in items})
judge([comparison])[0].winner                                       # 0 or 1
"""

from collections.abc import Mapping
from dataclasses import replace

from o1lib.formats.special_tags import from_special
from o1lib.formats.stages import parse
from o1lib.formats.thoughts import without_thoughts
from o1lib.minivqa.facts import check_steps
from o1lib.records import UserError
from o1lib.scoring.stage_scores import score
from o1lib.search.segments import found_stages, stage_text, untagged
from o1lib.search.streams import keyed_rng
from o1lib.search.types import Candidate, Comparison, Verdict
from o1lib.search.verdicts import verdict_by_score

SYNTHETIC = 0.8  # default probability with which the synthetic judge is right


class OracleJudge:
    """Knows the truth and prefers the truer candidate: the ceiling for any judge.

    `truth` maps qids to items with facts. A summary is a plan and cannot be untrue, so all summaries tie.
    """

    def __init__(self, truth: Mapping, seed: int = 0):
        self.truth, self.seed = truth, seed

    def __call__(self, comparisons: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each comparison. Raises UserError for a question without facts in `truth`."""
        return [verdict_by_score(self.seed, one, self.rank(one, one.a), self.rank(one, one.b)) for one in comparisons]

    def rank(self, comparison: Comparison, candidate: Candidate) -> tuple:
        """Return how true a candidate is, as a tuple to compare: first whether it is right, then how much of it is.

        Raises UserError for a question without facts in `truth`.
        """
        item = self.truth.get(comparison.task.qid)
        if item is None or not item.facts:
            raise UserError(
                f"the truth about question {comparison.task.qid} is not known: use a judge that does not need it"
            )
        if comparison.kind == "sentence":
            return self._sentence(comparison, candidate, item)
        if comparison.kind == "all":
            scored = score(found_stages(candidate.segments), item)
            return scored["conclusion"], scored["reasoning"], scored["caption"], _partly(scored, "reasoning")
        if comparison.kind == "summary":
            return ()
        kind = comparison.kind
        scored = score({kind: stage_text(candidate.segments, kind)}, item)
        return (scored[kind], *([] if kind == "conclusion" else [_partly(scored, kind)]))

    def _sentence(self, comparison, candidate, item):
        conclusion = parse(from_special(without_thoughts(comparison.hint + candidate.text))).stages.get("conclusion")
        if conclusion is not None:
            return (score({"conclusion": conclusion}, item)["conclusion"],)
        checked = check_steps(untagged(candidate.text), item.facts, item.true)
        return (sum(holds for _, holds in checked) / max(1, len(checked)),)


class FaithfulOracleJudge(OracleJudge):
    """An oracle that does not reward lucky guesses: a right conclusion counts only if it follows from true steps."""

    def rank(self, comparison: Comparison, candidate: Candidate) -> tuple:
        """Return how true a candidate is, as a tuple to compare. Raises UserError as `OracleJudge.rank` does."""
        found = super().rank(comparison, candidate)
        kind, stages = comparison.kind, found_stages((*comparison.before, *candidate.segments))
        concludes = kind in ("all", "conclusion") or kind == "sentence" and "conclusion" in stages
        if not (concludes and stages.get("reasoning")):
            return found
        return score(stages, self.truth[comparison.task.qid])["faithful"], *found[1:]


class SyntheticJudge:
    """A judge that is right with probability `p` where the oracle sees a difference.

    It shows how good a judge must be.
    """

    def __init__(self, truth: Mapping, p: float = SYNTHETIC, seed: int = 0):
        self.oracle, self.p, self.seed = OracleJudge(truth, seed), p, seed

    def __call__(self, comparisons: list[Comparison]) -> list[Verdict]:
        """Return a verdict for each comparison. Raises UserError for a question without facts in `truth`."""
        return [self._noisy(comparison, verdict) for comparison, verdict in zip(comparisons, self.oracle(comparisons))]

    def _noisy(self, comparison, verdict):
        right = keyed_rng(self.seed, comparison.task.qid, comparison.key, "synthetic").random() < self.p
        return verdict if verdict.tie or right else replace(verdict, winner=1 - verdict.winner)


def _partly(scored, stage):
    return (scored[f"{stage}_precision"] + scored[f"{stage}_recall"]) / 2

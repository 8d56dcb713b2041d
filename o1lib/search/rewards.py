"""Rewards: how good is one candidate of a stage, as a number? Stage-wise retracing (retracing.py) chooses by them.

A reward takes a list of RewardRequest and returns a Score for each. Scores of different stages are never compared. The
paper's reward is a model of seven billion parameters. Here a reward is the model's own likelihood, a verifier, the
truth, or a scalar model of your own.

    reward = make_reward("likelihood")
    cutoffs = calibrate(validation_tasks, decoder, reward, n=4)         # {"reasoning": {"cutoff": -0.31, ...}, ...}
    reward = ScalarReward(lambda picture, request, text: my_model(...))
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import sqrt
from statistics import fmean

from o1lib.formats.judge_prompts import CORRECT, INCORRECT, check_prompt
from o1lib.records import UserError, choose
from o1lib.search.judges import Judge, make_judge
from o1lib.search.methods import METHODS
from o1lib.search.oracle import SYNTHETIC, OracleJudge
from o1lib.search.registry import JudgeSpec, make_entry
from o1lib.search.segments import hint, stage_text, untagged
from o1lib.search.streams import keyed_rng
from o1lib.search.types import (
    Candidate,
    Comparison,
    Conversation,
    GenerationRequest,
    RewardRequest,
    Score,
    Task,
    Usage,
)

Reward = Callable[[list[RewardRequest]], list[Score]]

CUTOFF_DEVIATIONS = 0.2533  # standard deviations above the mean that 40 % of a normal distribution exceed, as published
REQUESTS = {  # what a stage is to do, for a reward model that is given a request
    "caption": "Describe the picture in detail, with the question in mind.",
    "reasoning": "Give a detailed reasoning.",
}


class LikelihoodReward:
    """The mean log-probability per token that the model itself gave the stage: it costs nothing."""

    def __call__(self, requests: list[RewardRequest]) -> list[Score]:
        """Return a score for each request."""
        return [Score(request.candidate.logprob / max(1, request.candidate.tokens)) for request in requests]


class VerifierReward:
    """The log-odds of "correct" when a model checks the reasoning against the caption, in the words of the release.

    A conclusion is checked together with its reasoning. A summary or a caption has nothing to be checked against and is
    scored by its likelihood.
    """

    def __init__(self, decoder):
        self.decoder = decoder

    def __call__(self, requests: list[RewardRequest]) -> list[Score]:
        """Return a score for each request; all checks are prefilled together."""
        scores = LikelihoodReward()(requests)
        checked = [k for k, request in enumerate(requests) if request.kind in ("reasoning", "conclusion")]
        checks = [Conversation(requests[k].task, (self._check(requests[k]),), picture=False) for k in checked]
        found = self.decoder.likelihoods(checks, [[CORRECT, INCORRECT]] * len(checks)) if checks else []
        for k, ((right, wrong), cost) in zip(checked, found):
            odds = right - wrong
            scores[k] = Score(
                odds if odds == odds else float("-inf"), cost
            )  # a check without a reply is never the best
        return scores

    def _check(self, request):
        segments = (*request.before, *request.candidate.segments)
        caption, reasoning = (stage_text(segments, stage) for stage in ("caption", "reasoning"))
        if request.kind == "conclusion":
            reasoning = f"{reasoning} {stage_text(segments, 'conclusion')}"
        short = self.decoder.short
        return check_prompt(*map(untagged, (caption, reasoning)) if short else (caption, reasoning), short=short)


class OracleReward:
    """Knows the truth: the ceiling for any reward. First whether the stage is right, then how much of it is."""

    def __init__(self, truth: Mapping):
        self.oracle = OracleJudge(truth)

    def __call__(self, requests: list[RewardRequest]) -> list[Score]:
        """Return a score for each request. Raises UserError for a question without facts in `truth`."""
        alone = [Comparison(one.task, one.kind, one.hint, one.candidate, one.candidate) for one in requests]
        return [Score(float(sum(self.oracle.rank(one, one.a)))) for one in alone]


class RandomReward:
    """A random number: the floor for any reward."""

    def __init__(self, seed: int = 0):
        self.seed = seed

    def __call__(self, requests: list[RewardRequest]) -> list[Score]:
        """Return a score for each request."""
        streams = (keyed_rng(self.seed, r.task.qid, r.kind, r.candidate.index, "reward") for r in requests)
        return [Score(float(stream.random())) for stream in streams]


class ScalarReward:
    """Any scalar model: `score(picture, request, text)` returns a number for a stage's text in answer to a request."""

    def __init__(self, score: Callable):
        self.score = score

    def __call__(self, requests: list[RewardRequest]) -> list[Score]:
        """Return a score for each request."""
        return [Score(float(self._score(request)), Usage(calls=1)) for request in requests]

    def _score(self, request):
        words = "\n".join(filter(None, [request.task.question, REQUESTS.get(request.kind, "")]))
        return self.score(request.task.image, words, stage_text(request.candidate.segments, request.kind))


# The only list of rewards.
REWARDS: dict[str, JudgeSpec[Reward]] = {
    "likelihood": JudgeSpec("likelihood", make=lambda **_: LikelihoodReward(), reads_likelihood=True),
    "verifier": JudgeSpec(
        "a verifier",
        make=lambda *, decoder, **_: VerifierReward(decoder),
        needs_model=True,
        reads_likelihood=True,
        asks_for=("logprobs",),
    ),
    "oracle": JudgeSpec("an oracle", make=lambda *, truth, **_: OracleReward(truth), needs_truth=True),
    "random": JudgeSpec("a random number", make=lambda *, seed, **_: RandomReward(seed)),
}


def make_reward(name: str, *, decoder=None, truth: Mapping | None = None, seed: int = 0) -> Reward:
    """Return a reward by its name in REWARDS, with what its entry needs.

    Raises UserError for an unknown name, or if the decoder or the truth that it needs is missing.
    """
    return make_entry(REWARDS, name, "reward", decoder, truth, SYNTHETIC, seed)


def make_judge_or_reward(
    method: str, name: str, *, decoder=None, truth: Mapping | None = None, p: float = SYNTHETIC, seed: int = 0
) -> Judge | Reward:
    """Return what a search method is judged by: the reward `name` if its candidates are scored, else the judge `name`.

    Raises UserError for an unknown method, and as `make_reward` and `make_judge` do.
    """
    if choose(method, METHODS, "search method").rewarded:
        return make_reward(name, decoder=decoder, truth=truth, seed=seed)
    return make_judge(name, decoder=decoder, truth=truth, p=p, seed=seed)


def calibrate(
    tasks: Sequence[Task], decoder, reward: Reward, n: int = 4, z: float = CUTOFF_DEVIATIONS, at_once: int = 32
) -> dict[str, dict]:
    """Return {stage: {"mean", "std", "n", "cutoff"}} of the reward over `n` samples of each validation task.

    The cutoff is mean + z standard deviations, as published. Raises UserError if there is no task.
    """
    if not tasks:
        raise UserError("retracing needs validation questions to measure its cutoffs on: set calibration to 1 or more")
    values: dict[str, list[float]] = {}
    for first in range(0, len(tasks), at_once):
        part = tasks[first : first + at_once]
        drawn = decoder.propose([GenerationRequest(task, None, task.stages, n) for task in part])
        requests = [
            request
            for task, own in zip(part, drawn)
            for candidate in own
            for request in _stage_requests(task, candidate)
        ]
        for request, score in zip(requests, reward(requests)):
            values.setdefault(request.kind, []).append(score.value)
        decoder.forget([task.qid for task in part])
    return {stage: _cutoff(found, z) for stage, found in values.items()}


def _stage_requests(task, candidate) -> Iterator[RewardRequest]:
    """Yield the reward request of each stage of a whole sample."""
    for k, segment in enumerate(candidate.segments):
        before, alone = candidate.segments[:k], Candidate(candidate.index, (segment,))
        yield RewardRequest(task, segment.stage, hint(before, segment.stage), alone, before)


def _cutoff(values, z):
    mean = fmean(values)
    spread = sqrt(fmean((value - mean) ** 2 for value in values))
    return {"mean": mean, "std": spread, "n": len(values), "cutoff": mean + z * spread}

"""Rewards: how good one candidate of a stage is, as a number: what stage-wise retracing (retrace.py) goes by.

A reward takes a list of Rate and returns a Score for each. Scores of different stages are never compared. The paper's
reward is a model of seven billion parameters; here it is the model's own likelihood, a verifier, the truth, or whatever
scalar model a user brings.

    reward = make("likelihood")
    cutoffs = calibrate(validation_tasks, decoder, reward, n=4)         # {"reasoning": {"cutoff": -0.31, ...}, ...}
    reward = Scalar(lambda picture, request, text: my_model(...))       # any scalar model
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from math import sqrt
from statistics import fmean

from o1lib.formats.judge_prompts import CORRECT, INCORRECT, check_prompt
from o1lib.records import UserError
from o1lib.search.judges import OracleJudge
from o1lib.search.segments import hint, stage_text, untagged
from o1lib.search.types import (
    Candidate,
    Comparison,
    Conversation,
    GenerationRequest,
    RewardRequest,
    Score,
    Usage,
    keyed_rng,
)

Reward = Callable[[list[RewardRequest]], list[Score]]

BEST_SHARE = 0.2533  # standard deviations above the mean beyond which 40 % of a normal distribution lie, as published
REQUESTS = {  # what a stage is to do, for a reward model that is told
    "caption": "Describe the picture in detail, with the question in mind.",
    "reasoning": "Give a detailed reasoning.",
}


class LikelihoodReward:
    """The mean log-probability a token that the model itself gave the stage: free of charge."""

    def __call__(self, rates: list[RewardRequest]) -> list[Score]:
        """Return a score for each."""
        return [Score(rate.candidate.logprob / max(1, rate.candidate.tokens)) for rate in rates]


class VerifierReward:
    """The log-odds of "correct" when a model checks the reasoning against the caption, as the release words its veto.

    A conclusion is checked behind its reasoning. What is no reasoning yet (a summary, a caption) has nothing to be
    checked against and is scored by its likelihood.
    """

    def __init__(self, decoder):
        self.decoder = decoder

    def __call__(self, rates: list[RewardRequest]) -> list[Score]:
        """Return a score for each; all checks are read together."""
        scores = LikelihoodReward()(rates)
        asked = [k for k, rate in enumerate(rates) if rate.kind in ("reasoning", "conclusion")]
        contexts = [Conversation(rates[k].task, (self._check(rates[k]),), picture=False) for k in asked]
        found = self.decoder.likelihoods(contexts, [[CORRECT, INCORRECT]] * len(asked)) if asked else []
        for k, ((right, wrong), cost) in zip(asked, found):
            scores[k] = Score(right - wrong, cost)
        return scores

    def _check(self, rate):
        segments = (*rate.before, *rate.candidate.segments)
        texts = [stage_text(segments, stage) for stage in ("caption", "reasoning")]
        if rate.kind == "conclusion":
            texts[1] = f"{texts[1]} {stage_text(segments, 'conclusion')}"
        texts = map(untagged, texts) if self.decoder.short else texts
        return check_prompt(*texts, short=self.decoder.short)


class OracleReward:
    """Knows the truth: the ceiling. First whether the stage is right, then how much of it is."""

    def __init__(self, truth: Mapping):
        self.oracle = OracleJudge(truth)

    def __call__(self, rates: list[RewardRequest]) -> list[Score]:
        """Return a score for each. Raises UserError for a question whose truth is not known."""
        matches = [Comparison(rate.task, rate.kind, rate.hint, rate.candidate, rate.candidate) for rate in rates]
        return [Score(float(sum(self.oracle.worth(match, match.a)))) for match in matches]


class RandomReward:
    """A number out of the air: the floor."""

    def __init__(self, seed: int = 0):
        self.seed = seed

    def __call__(self, rates: list[RewardRequest]) -> list[Score]:
        """Return a score for each."""
        return [
            Score(float(keyed_rng(self.seed, rate.task.qid, rate.kind, rate.candidate.index, "reward").random()))
            for rate in rates
        ]


class Scalar:
    """Any scalar model: `score(picture, request, text)` returns a number for a stage's text in answer to a request."""

    def __init__(self, score: Callable):
        self.score = score

    def __call__(self, rates: list[RewardRequest]) -> list[Score]:
        """Return a score for each."""
        return [
            Score(
                float(self.score(rate.task.image, self._request(rate), stage_text(rate.candidate.segments, rate.kind))),
                Usage(calls=1),
            )
            for rate in rates
        ]

    def _request(self, rate):
        return "\n".join(filter(None, [rate.task.question, REQUESTS.get(rate.kind, "")]))


REWARDS: dict[str, Callable[..., Reward]] = {
    "likelihood": lambda decoder, truth, seed: LikelihoodReward(),
    "verifier": lambda decoder, truth, seed: VerifierReward(decoder),
    "oracle": lambda decoder, truth, seed: OracleReward(truth),
    "random": lambda decoder, truth, seed: RandomReward(seed),
}


def make_reward(name: str, *, decoder=None, truth: Mapping | None = None, seed: int = 0) -> Reward:
    """Return a reward by name. Raises UserError for an unknown name, or where what it needs is not given."""
    if name not in REWARDS:
        near = get_close_matches(name, REWARDS, 1)
        guess = f", did you mean {near[0]}?" if near else ""
        raise UserError(f"'{name}' gives no scores{guess}: retracing takes one of {', '.join(REWARDS)}")
    if name == "verifier" and decoder is None:
        raise UserError("reward 'verifier' asks a model and none is given: pass decoder=")
    if name == "oracle" and truth is None:
        raise UserError("reward 'oracle' must know the truth: pass truth={qid: item}")
    return REWARDS[name](decoder, truth, seed)


def calibrate(tasks: Sequence, decoder, reward: Reward, n: int = 4, z: float = BEST_SHARE, at_once: int = 32) -> dict:
    """Return {stage: {"mean", "std", "n", "cutoff"}} of the reward over `n` samples of each validation task.

    The cutoff is mean + z standard deviations, as published. Raises UserError without a task.
    """
    if not tasks:
        raise UserError("retracing needs validation questions to measure its cutoffs on: set calibration to 1 or more")
    values: dict[str, list[float]] = {}
    for first in range(0, len(tasks), at_once):
        part = tasks[first : first + at_once]
        rates = [
            rate
            for task, own in zip(
                part, decoder.propose([GenerationRequest(task, None, task.stages, n) for task in part])
            )
            for candidate in own
            for rate in _rates(task, candidate)
        ]
        for rate, score in zip(rates, reward(rates)):
            values.setdefault(rate.kind, []).append(score.value)
        decoder.forget([task.qid for task in part])
    return {stage: _cutoff(found, z) for stage, found in values.items()}


def _rates(task, candidate):
    """Return what would be asked about each stage of a whole sample."""
    for k, segment in enumerate(candidate.segments):
        before = candidate.segments[:k]
        yield RewardRequest(
            task, segment.stage, hint(before, segment.stage), Candidate(candidate.index, (segment,)), before
        )


def _cutoff(values, z):
    mean = fmean(values)
    spread = sqrt(fmean((value - mean) ** 2 for value in values))
    return {"mean": mean, "std": spread, "n": len(values), "cutoff": mean + z * spread}

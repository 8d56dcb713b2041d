"""Rewards: what they score, the cutoffs measured with them, and names or needs that are refused."""

import pytest
from support import tiny

from o1lib.inference.decoder import Decoder
from o1lib.minivqa import draw
from o1lib.records import UserError
from o1lib.search import methods, rewards
from o1lib.search.segments import Segment
from o1lib.search.types import Candidate, RewardRequest, Score, Task, Usage

TASK = Task("q", "How many?", None, ())


def test_a_likelihood_reward_is_the_mean_per_token():
    rate = RewardRequest(TASK, "caption", "", Candidate(0, (Segment("caption", "x", -6.0, 3),)))
    assert rewards.make_reward("likelihood")([rate]) == [Score(-2.0)]


def test_a_verifier_scores_correct_against_incorrect_without_picture():
    class Weighs:
        short = True

        def likelihoods(self, contexts, options):
            self.contexts = contexts
            return [
                ([-1.0, -3.0 if "good" in context.users[0] else -0.5], Usage(judge=9, calls=1)) for context in contexts
            ]

    speaker, before = Weighs(), (Segment("caption", "<CAPTION> two dots </CAPTION>"),)
    rates = [
        RewardRequest(TASK, "reasoning", "", Candidate(0, (Segment("reasoning", text),)), before)
        for text in ("good", "bad")
    ]
    scores = rewards.make_reward("verifier", decoder=speaker)(
        [*rates, RewardRequest(TASK, "caption", "", Candidate(0, before))]
    )
    assert (
        [score.value for score in scores] == [2.0, -0.5, 0.0] and scores[0].cost.judge == 9 and not scores[2].cost.judge
    )
    assert "Caption: two dots\nReasoning: good" in speaker.contexts[0].users[0] and not speaker.contexts[0].picture


def test_a_scalar_model_gets_the_picture_a_request_and_the_text():
    heard = []
    reward = rewards.ScalarReward(lambda *given: heard.append(given) or 0.5)
    [score] = reward(
        [RewardRequest(TASK, "caption", "", Candidate(0, (Segment("caption", "<CAPTION> two </CAPTION>"),)))]
    )
    assert score == Score(0.5, Usage(calls=1)) and heard[0][0] is None and heard[0][2] == "two"
    assert heard[0][1].startswith("How many?\n")


def test_the_oracle_scores_true_stages_above_false_ones():
    item = draw("mini-CLEVR", 100_000_003, choice=True)
    asked = methods.task_for(item.qid, item.question, None, "tags")
    texts = {"caption": "nothing", "reasoning": "so be it.", "conclusion": "none"}
    for kind, wrong in texts.items():
        rates = [
            RewardRequest(asked, kind, "", Candidate(k, (Segment(kind, text),)))
            for k, text in enumerate((item.stages[kind], wrong))
        ]
        good, bad = rewards.make_reward("oracle", truth={item.qid: item})(rates)
        assert good.value > bad.value


@pytest.mark.slow
def test_two_in_five_scores_pass_a_cutoff():
    speaker = Decoder(*tiny.trained(), max_new_tokens=40, temperature=1.0)
    found = rewards.calibrate(tiny.coloured_tasks(6), speaker, rewards.make_reward("random"), n=8)
    assert {"summary", "caption"} <= found.keys()
    for one in (found["summary"], found["caption"]):
        assert one["cutoff"] == pytest.approx(one["mean"] + 0.2533 * one["std"]) and one["n"] >= 30
        assert one["mean"] == pytest.approx(0.5, abs=0.15) and one["std"] == pytest.approx(0.29, abs=0.08)
    assert not speaker.prefiller.cached
    with pytest.raises(UserError, match="needs validation questions"):
        rewards.calibrate([], speaker, rewards.make_reward("random"))


@pytest.mark.parametrize(
    "name, words",
    [
        ("self", "unknown reward 'self': choose one of likelihood"),
        ("likelyhood", "did you mean likelihood"),
        ("verifier", "asks a model"),
        ("oracle", "must know the truth"),
    ],
)
def test_an_unknown_reward_or_a_missing_need_is_refused(name, words):
    with pytest.raises(UserError, match=words):
        rewards.make_reward(name)

"""The weighted means of observations are exactly the published metrics."""

import pytest
from support.toyrecords import answers

from o1lib.analysis.observations import AVERAGE, observations
from o1lib.analysis.stats import interval
from o1lib.minivqa.testsets import TEST_SETS
from o1lib.records import UserError
from o1lib.scoring import metrics

LINES = answers("structured.sample", "tags", "mixed", "sample", 2, "self", 0.6)
PUBLISHED = metrics(LINES)


def mean(table):
    """Return the weighted mean of a table of observations."""
    groups = table.groupby("stratum")
    return (groups["value"].mean() * groups["weight"].first()).sum()


@pytest.mark.parametrize(
    "name",
    [
        AVERAGE,
        *TEST_SETS,
        "accuracy",
        "unread",
        "processed_tokens",
        "cost/calls",
        "cost/seconds",
        "stage/caption",
        "stage/faithful",
    ],
)
def test_the_mean_of_observations_is_the_published_metric(name):
    assert mean(observations(LINES, name)) == pytest.approx(PUBLISHED[name]["value"], abs=1e-5)


def test_ill_formed_is_what_well_formed_leaves():
    assert mean(observations(LINES, "ill_formed")) == pytest.approx(1 - PUBLISHED["well_formed"]["value"], abs=1e-5)


def test_steps_of_vrc_bench_are_the_published_ones():
    found = observations(LINES, "steps", sets=["mini-VRC-Bench"])
    assert mean(found) == pytest.approx(PUBLISHED["mini-VRC-Bench/steps"]["value"], abs=1e-5)


def test_option_likelihood_leaves_out_open_questions():
    found = observations(LINES, "option_likelihood")
    assert mean(found) == pytest.approx(PUBLISHED["option_likelihood"]["value"], abs=1e-5)
    assert "mini-MM-Vet" not in set(found["stratum"])


def test_skills_and_sets_keep_only_their_lines():
    found = observations(LINES, "accuracy", sets=["mini-MMStar"], skills=["math"])
    assert mean(found) == pytest.approx(PUBLISHED["mini-MMStar/math"]["value"], abs=1e-5)


@pytest.mark.parametrize("repeats", [1, 4])
def test_rotations_give_a_set_no_more_weight_in_a_skill(repeats):
    def lines(name, group, right, times):
        skills = {"math": right, "logical reasoning": True}
        return [
            {"qid": f"{name}/{skill}/{k}/{n}", "group": f"{name}/{skill}/{k}" if group else None}
            | {"test_set": name, "skill": skill, "correct": correct}
            for skill, correct in skills.items()
            for k in range(2)
            for n in range(times)
        ]

    asked = lines("mini-MMBench", True, False, repeats) + lines("mini-AI2D", False, True, 1)
    assert mean(observations(asked, "accuracy", skills=["math"])) == 0.5


@pytest.mark.parametrize("metric", ["accuracy", "unread", "option_likelihood", "stage/caption", "cost/calls"])
def test_rotations_weigh_as_much_as_one_question(metric):
    """As in the published metrics: four wrong rotations and one right answer are one question of two."""
    right = {"correct": True, "pred": "B", "option_likelihood_correct": True, "stage_scores": {"caption": True}}
    wrong = {"correct": False, "pred": None, "option_likelihood_correct": False, "stage_scores": {"caption": False}}
    asked = [{"qid": "a", "test_set": "mini-AI2D", "ledger": {"calls": 1}} | right] + [
        {"qid": f"g{k}", "group": "g", "test_set": "mini-MMBench", "ledger": {"calls": 0}} | wrong for k in range(4)
    ]
    assert mean(observations(asked, metric)) == 0.5 == metrics(asked)[metric]["value"]


CHOICE = {
    "qid": "q",
    "test_set": "mini-AI2D",
    "options": ["yes", "no"],
    "format": "tags",
    "correct": True,
    "output": "so the answer is no, which is A",
}


@pytest.mark.parametrize(
    ("metric", "changes", "value"),
    [
        ("choice", {}, 1),
        ("guess", {}, 0.5),
        ("option", {}, 1),
        ("letter", {}, 0),
        ("open", {"options": []}, 1),
        ("letter", {"output": "so the answer is no, which is B"}, 1),
        ("option", {"output": "so the answer is 7, which is B"}, 0),
        ("letter", {"output": None}, 0),
        ("yes_no", {"options": [], "gold": "no"}, 1),
    ],
)
def test_question_forms_and_letters_of_chains_are_metrics(metric, changes, value):
    assert list(observations([CHOICE | changes], metric)["value"]) == [value]


def test_a_template_is_a_metric_of_its_own_lines():
    lines = [CHOICE | {"qid": "a", "template": "shape"}, CHOICE | {"qid": "b", "template": "colour", "correct": False}]
    assert [(unit.qid, unit.value) for unit in observations(lines, "template/shape").itertuples()] == [("a", 1)]
    with pytest.raises(UserError, match="was not measured"):
        observations(lines, "template/size")


@pytest.mark.parametrize(
    ("metric", "changes"),
    [
        ("open", {}),
        ("open", {"options": [], "gold": "yes"}),
        ("yes_no", {"options": [], "gold": "7"}),
        ("yes_no", {}),
        ("choice", {"options": []}),
        ("letter", {"format": "direct"}),
        ("option", {"options": []}),
    ],
)
def test_open_questions_have_no_letter_and_bare_answers_no_chain(metric, changes):
    with pytest.raises(UserError, match="was not measured"):
        observations([CHOICE | changes], metric)


def test_rotations_and_twins_are_one_observation():
    lines = [line for line in LINES if line["test_set"] in ("mini-MMBench", "mini-HallusionBench")]
    assert len(observations(LINES, "accuracy", sets=["mini-MMBench", "mini-HallusionBench"])) == len(lines) / 4


def test_observations_are_ready_for_an_interval():
    found = interval(observations(LINES, "accuracy", seed=3), "value")
    assert found.value == pytest.approx(PUBLISHED["accuracy"]["value"], abs=1e-5)


@pytest.mark.parametrize(
    ("metric", "where", "named"),
    [
        ("acuracy", {}, "'acuracy' is unknown"),
        ("cost/", {}, "'cost/' is unknown"),
        (AVERAGE, {"sets": ["mini-MMStar"]}, "mini-AI2D"),
        ("mini-Nothing", {}, "mini-Nothing"),
        ("stage/summary", {}, "not measured"),
        ("accuracy", {"skills": ["telepathy"]}, "telepathy"),
    ],
)
def test_an_unknown_or_missing_metric_is_refused_in_words(metric, where, named):
    with pytest.raises(UserError, match=named):
        observations(LINES, metric, **where)

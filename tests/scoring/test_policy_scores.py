"""Expected scores of fixed policies are exact in each set's own metric."""

import random
from statistics import fmean

import pytest
from support.asked import Asked, rotations, twin

from o1lib.minivqa import mixture
from o1lib.minivqa.testsets import TEST_SETS, test_set
from o1lib.scoring import PAPER_SETS, metrics
from o1lib.scoring.equality import correct
from o1lib.scoring.fixed_policies import POLICIES, TrainingCounts
from o1lib.scoring.policy_scores import chance_levels
from o1lib.scoring.test_sets import counted_together

FOUR = ("red", "blue", "green", "gray")
CLOSED = [Asked("y", "yes"), Asked("n", "no")]  # training items that make the template a closed one


def scores(train, test, form="choice"):
    """Return {policy: expected score} on hand-made questions of one set."""
    return chance_levels(train, test).scores[test[0].test_set][form]


def choices(*answers):
    return [Asked(f"q{k}", "ABCD"[FOUR.index(answer)], FOUR) for k, answer in enumerate(answers)]


def test_plain_accuracy_of_the_policies_on_choices():
    found = scores(choices("blue", "blue", "red"), choices("blue", "red", "gray", "blue"))
    assert found["uniform"] == found["kept"] == 0.25
    assert found["commonest"] == found["letter"] == 0.5


def test_a_rotated_question_counts_once_and_only_if_all_rotations_are_right():
    found = scores([], rotations("g", "red", FOUR))
    assert found["uniform"] == pytest.approx(0.25**4)  # four draws must all be right
    assert found["kept"] == found["commonest"] == 0.25  # one text, kept over the rotations
    assert found["letter"] == 0.0  # a letter is right in one rotation only


def test_the_commonest_option_is_the_same_text_in_every_rotation():
    train = choices("red", "red", "blue")
    assert scores(train, rotations("g", "red", FOUR))["commonest"] == 1.0
    assert scores(train, rotations("g", "gray", FOUR))["commonest"] == 0.0
    assert scores(train, rotations("g", "red", FOUR) + rotations("h", "gray", FOUR))["commonest"] == 0.5


def test_a_pair_of_hallusion_bench_counts_lines_figures_and_questions():
    found = scores(CLOSED, twin("p"), "yes_no")
    # aAcc 1/2; each figure has one yes and one no, and each question turns, so no constant answer gets a group right
    assert found["yes"] == found["no"] == pytest.approx((1 / 2 + 0 + 0) / 3)
    # two independent coins must be right for a figure, and for a question
    assert found["coin"] == pytest.approx((1 / 2 + 1 / 4 + 1 / 4) / 3)
    # an even tie is drawn once for a question: right on one of the two figures, so never on both
    assert found["commonest"] == pytest.approx((1 / 2 + 1 / 4 + 0) / 3)


def test_a_figure_with_two_equal_answers_is_won_by_a_constant_answer():
    found = scores(CLOSED, twin("p", ("yes", "yes", "no", "no")), "yes_no")
    assert found["yes"] == pytest.approx((1 / 2 + 1 / 2 + 0) / 3)


def test_open_answers_are_compared_as_in_scoring():
    train = [Asked("a", "1,000"), Asked("b", "1,000"), Asked("c", "7")]
    test = [Asked("q", "1000", test_set="mini-MM-Vet"), Asked("r", "7", test_set="mini-MM-Vet")]
    assert scores(train, test, "open") == {"commonest": 0.5}


def test_the_level_of_all_lines_leaves_mini_depth_out():
    inside, outside = choices("blue"), [Asked("d", "A", FOUR, test_set="mini-Depth")]
    found, without = chance_levels(choices("blue"), inside + outside), chance_levels(choices("blue"), inside)
    assert found.of("accuracy") == without.of("accuracy") and found.at() == without.at()
    assert found.of("mini-Depth").value < 1


@pytest.mark.parametrize("name", ["accuracy", "skill/math", "family/toy"])
def test_rotations_weigh_as_much_as_one_question_where_sets_are_mixed(name):
    """The commonest letter is right on the single question, and in one rotation of the other one."""
    test = [*choices("red"), *rotations("g", "gray", FOUR)]
    level = chance_levels(choices("red", "red"), test).of(name)
    assert level.policy == {"choice": "letter"} and level.value == pytest.approx((1 + 1 / 4) / 2) and level.n == 5


def test_a_set_of_several_forms_is_answered_by_the_best_policy_of_each():
    train = [*CLOSED, Asked("o", "7", template="open"), *choices("blue")]
    test = [
        *choices("blue", "red"),
        Asked("c1", "yes"),
        Asked("c2", "yes"),
        Asked("o1", "7", template="open"),
        Asked("o2", "8", template="open"),
    ]
    level = chance_levels(train, test).of("mini-MMStar")
    assert level.policy == {"choice": "letter", "open": "commonest", "yes_no": "yes"}
    assert level.value == pytest.approx((1 + 2 + 1) / 6) and level.n == 6


def test_levels_are_given_by_depth_and_form():
    test = [Asked("a", "A", FOUR, depth=1), Asked("b", "B", FOUR, depth=2), Asked("c", "C", FOUR, depth=2)]
    levels = chance_levels([], test)
    assert levels.at("mini-MMStar", depth=1).value == 1.0  # the letter A, on one question
    assert levels.at("mini-MMStar", depth=2, form="choice").value == 0.25
    assert levels.at("mini-MMStar", form="choice").n == 3 and levels.at("mini-MMStar", depth=3) is None


def test_the_average_is_that_of_the_papers_six_sets():
    levels = chance_levels(list(mixture("train", 200)), [item for name in PAPER_SETS for item in test_set(name, 8)])
    assert levels.of("mini-average").value == pytest.approx(fmean(levels.of(name).value for name in PAPER_SETS))
    assert {"accuracy", "skill/math", "mini-MMStar/math"} <= levels.levels.keys()


def test_right_answers_of_the_test_set_are_never_counted():
    test = [Asked(f"q{k}", "7", template="open") for k in range(5)]
    assert chance_levels([Asked("a", "3", template="open")], test).of("mini-MMStar").value == 0


@pytest.mark.parametrize("name", TEST_SETS)
def test_what_counts_together_gives_the_headline_of_the_set(name):
    rng = random.Random(name)
    rows = [
        {
            "qid": item.qid,
            "test_set": name,
            "group": item.group or None,
            "skill": item.skill,
            "correct": rng.random() < 0.7,
        }
        for item in test_set(name, 40)
    ]
    shares = [fmean(all(row["correct"] for row in group) for group in part) for part in counted_together(name, rows)]
    assert fmean(shares) == pytest.approx(metrics(rows)[name]["value"], abs=1e-6)


@pytest.mark.parametrize("name", ["mini-MMBench", "mini-HallusionBench", "mini-MathVista"])
def test_the_expected_score_is_the_mean_of_many_draws(name):
    """Play each policy many times with random draws, score the answers as predictions, and compare the mean."""
    train, test = list(mixture("train", 300)), test_set(name, 16)
    counts, rng = TrainingCounts(train), random.Random(0)
    level = chance_levels(train, test).of(name)
    played = [metrics(_played(test, level.policy, counts, rng))[name]["value"] for _ in range(100)]
    error = (fmean(value**2 for value in played) - fmean(played) ** 2) ** 0.5 / len(played) ** 0.5
    assert fmean(played) == pytest.approx(level.value, abs=5 * error + 1e-6)


def _played(test, rules, counts, rng):
    drawn, rows = {}, []
    for item in test:
        seen = counts.seen(item)
        policy = POLICIES[rules[seen.form]]
        shares = policy.answer(seen, counts)
        key = seen.unordered if policy.once else item.qid
        answer = drawn.setdefault((item.group, key), rng.choices(list(shares), list(shares.values()))[0])
        kept = {"qid": item.qid, "test_set": item.test_set, "group": item.group or None, "skill": item.skill}
        rows.append(kept | {"correct": correct(answer, item.answer, item.options)})
    return rows


def test_levels_can_be_written_as_json():
    levels = chance_levels(choices("red"), choices("red", "blue"), "d" * 64)
    assert levels.model_validate_json(levels.model_dump_json()) == levels

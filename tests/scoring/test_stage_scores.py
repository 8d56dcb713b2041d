"""Step scores say which stage of a chain breaks first, and accept every chain that Mini-VQA itself writes."""

import json
import random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1lib.minivqa import FAMILIES, draw, seeds
from o1lib.minivqa.facts import alter
from o1lib.scoring.stage_scores import CHAIN, letter_kept, score

ITEM = SimpleNamespace(
    facts=("red circle at top", "red square at left", "blue star at bottom"),
    options=("3", "2", "1"),
    answer="B",
    true=frozenset({"2 red shapes", "so the answer is 2, which is B"}),
    steps=("red circle at top", "red square at left", "2 red shapes", "so the answer is 2, which is B"),
    stages={"caption": "red circle at top. red square at left. blue star at bottom."},
)
RIGHT = {
    "summary": "Count.",
    "caption": "Red circle at top. Red square at left. Blue star at bottom.",
    "reasoning": "red circle at top. red square at left. 2 red shapes. so the answer is 2, which is B.",
    "conclusion": "B",
}


def scored(**changes):
    """Score the right chain with some stages changed; None takes a stage away."""
    return score({name: text for name, text in (RIGHT | changes).items() if text is not None}, ITEM)


def test_a_whole_chain_is_right_and_faithful():
    found = scored()
    assert [found[name] for name in (*CHAIN, "faithful")] == [True] * 4
    assert found["first_break"] is None
    assert found["wrong_statements"] == []


def test_the_first_wrong_stage_is_named():
    cases = [
        ({"caption": "Red circle at top."}, "caption"),
        ({"caption": RIGHT["caption"] + " Green star at right."}, "caption"),
        ({"caption": None}, "caption"),
        ({"caption": "Red circle.", "reasoning": "5 red shapes."}, "caption"),
        ({"reasoning": "3 red shapes. so the answer is 3, which is A."}, "reasoning"),
        ({"reasoning": None, "conclusion": None}, "reasoning"),
        ({"reasoning": "  "}, "reasoning"),
        ({"conclusion": "A"}, "conclusion"),
        ({"conclusion": None}, "conclusion"),
    ]
    wrong = [(changes, stage) for changes, stage in cases if scored(**changes)["first_break"] != stage]
    assert wrong == []


def test_a_format_is_scored_on_its_own_stages_only():
    """A missing reasoning is no break of a format that has none, and nothing is said about its faithfulness."""
    found = score({"caption": RIGHT["caption"], "conclusion": "A"}, ITEM, ("caption", "conclusion"))
    assert found["first_break"] == "conclusion" and found["caption"]
    assert not {"reasoning", "reasoning_precision", "reasoning_recall", "faithful"} & found.keys()


def test_a_right_answer_after_a_wrong_step_is_not_faithful():
    found = scored(reasoning="3 red shapes. so the answer is 2, which is B.")
    assert (found["reasoning"], found["conclusion"], found["faithful"]) == (False, True, False)
    assert found["wrong_statements"] == ["3 red shapes"]
    assert found["reasoning_precision"] == 0.5


def test_an_answer_that_the_last_step_does_not_give_is_unfaithful():
    found = scored(reasoning="blue star at bottom.")
    assert (found["reasoning"], found["conclusion"], found["faithful"]) == (True, True, False)


def test_a_wrong_answer_is_not_faithful_even_to_right_steps():
    assert not scored(conclusion="C")["faithful"]


def test_the_last_step_may_give_the_answer_in_other_words():
    item = SimpleNamespace(
        facts=("4 cups",),
        true=frozenset({"4 - 1 = 3"}),
        options=(),
        answer="3",
        steps=(),
        stages={"caption": "4 cups."},
    )
    stages = {"caption": "4 cups", "reasoning": "4 cups. 4 - 1 = 3", "conclusion": "The answer is 3."}
    assert score(stages, item)["faithful"]


def test_precision_and_recall_count_statements():
    found = scored(caption="Red circle at top. Green star at right.", reasoning="red circle at top. 9 red shapes")
    assert (found["caption_precision"], found["caption_recall"]) == pytest.approx((1 / 2, 1 / 3))
    assert (found["reasoning_precision"], found["reasoning_recall"]) == pytest.approx((1 / 2, 1 / 4))
    assert found["wrong_statements"] == ["Green star at right", "9 red shapes"]


def test_a_caption_needs_the_relevant_facts_alone_but_may_state_others():
    item = SimpleNamespace(**vars(ITEM) | {"stages": {"caption": "red circle at top. red square at left."}})
    texts = ("red circle at top. red square at left", RIGHT["caption"], "red circle at top. blue star at bottom")
    assert [score(RIGHT | {"caption": text}, item)["caption"] for text in texts] == [True, True, False]


def test_nothing_said_is_nothing_right():
    found = score({}, ITEM)
    assert not any(found[name] for name in (*CHAIN, "faithful", "reasoning_precision"))
    assert found["first_break"] == "caption"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_chain_that_a_family_writes_is_whole(family):
    for seed in seeds("validation", 60):
        example = draw(family, seed)
        found = score(example.stages, example)
        assert (found["first_break"], found["faithful"]) == (None, True), example.stages


@pytest.mark.parametrize("family", FAMILIES)
def test_a_fact_changed_in_the_caption_breaks_it_there(family):
    rng = random.Random(family)
    for seed in seeds("validation", 20):
        example = draw(family, seed)
        facts = list(example.facts)
        place = rng.randrange(len(facts))
        facts[place] = alter(facts[place], rng) or "pink star at nowhere"
        assert score(example.stages | {"caption": ". ".join(facts)}, example)["first_break"] == "caption"


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(["summary", *CHAIN]), st.text() | st.just("so the answer is 2 + 2 = 4.")))
def test_any_text_gets_a_score_that_can_be_recorded(stages):
    found = score(stages, ITEM)
    assert json.loads(json.dumps(found)) == found
    assert found["first_break"] in (*CHAIN, None)


def test_a_letter_is_kept_if_the_last_stated_option_has_it():
    cases = [
        ("<REASONING> so the answer is dark, which is C. </REASONING>", True),
        ("so the answer is dark, which is A.", False),
        ("the answer is dark, which is A. so the answer is dark, which is C.", True),
        ("so the answer is dark.", None),
        ("so the answer is foggy, which is C.", None),
        ("C", None),
        ("so the answer is dark, which is E.", False),
    ]
    wrong = [
        (output, kept)
        for output, kept in cases
        if letter_kept(output, ("rainy", "sunny", "dark", "cloudy")) is not kept
    ]
    assert wrong == []


@pytest.mark.parametrize("family", FAMILIES)
def test_the_letters_of_true_chains_are_those_of_their_answers(family):
    drawn = [example for seed in seeds("train", 20) if (example := draw(family, seed)).options]
    assert all(letter_kept(example.stages["reasoning"], example.options) for example in drawn)

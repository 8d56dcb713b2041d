"""The reading gate: its questions, its floors, and what passes."""

from collections import Counter
from random import Random
from types import SimpleNamespace

import pytest

from o1lib.training import gate
from o1lib.training.lessons import held_out


@pytest.mark.parametrize("to_letter", [True, False])
def test_the_option_asked_for_is_among_four_held_out_ones(to_letter):
    for k in range(50):
        question, answer = gate.option_questions(Random(k), to_letter)
        options = dict(part.split(". ") for part in _options(question.split("\n")[0]))
        assert len(options) == 4 and set(options.values()) <= set(held_out.WORDS)
        assert answer in (options if to_letter else options.values())


def _options(text):
    words = text.split()
    return [f"{words[k]} {words[k + 1]}" for k in range(0, len(words), 2)]


def test_each_place_is_asked_for_about_equally_often():
    places = Counter()
    for k in range(400):
        question, answer = gate.option_questions(Random(k), True)
        places[[option[0] for option in _options(question.split("\n")[0])].index(answer)] += 1
    assert min(places.values()) > 70


@pytest.mark.parametrize("from_end", [True, False])
def test_a_statement_is_completed_by_a_word_of_the_context(from_end):
    text, answer = gate.statement_beginning(Random(0), from_end)
    *given, last = text.rsplit(".", 1)
    assert answer in given[0] and answer not in last


def test_the_asked_form_is_a_letter_or_yes_or_no_or_a_number():
    def example(answer, options=()):
        return SimpleNamespace(answer=answer, options=options)

    assert gate.in_asked_form(example("B", ("x", "y")), "A") and not gate.in_asked_form(example("B", ("x", "y")), "C")
    assert gate.in_asked_form(example("yes"), " no ") and not gate.in_asked_form(example("yes"), "maybe")
    assert gate.in_asked_form(example("7"), "12") and not gate.in_asked_form(example("7"), "seven")
    assert gate.in_asked_form(example("red"), "top left") and not gate.in_asked_form(example("red"), "A. B.")


def test_a_gate_passes_by_its_lower_bound():
    assert gate._needed([True] * 1000, 0.95)["passed"] and not gate._needed([True] * 20, 0.95)["passed"]
    assert gate._needed([], 0.95) == {"value": 0.0, "low": 0.0, "n": 0, "floor": 0.95, "passed": False}


def test_reported_gates_stop_nothing():
    assert gate.passed({"needed": {"passed": True}, "reported": {"passed": None}})
    assert not gate.passed({"needed": {"passed": False}, "reported": {"passed": None}})


@pytest.mark.slow
def test_a_random_model_is_measured_in_every_gate_and_passes_none(tiny):
    steps = []
    found = gate.measure(*tiny, 4, 2, steps.append)
    assert set(found) >= {*gate.FLOORS, *gate.HOPED, "families with captions"} and not gate.passed(found)
    assert all({"value", "low", "n", "floor", "passed"} == set(one) for one in found.values())
    assert sum(steps) <= gate.replies_needed(4, 2)

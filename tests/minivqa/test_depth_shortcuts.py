"""Shortcuts do not answer mini-Depth, and the table would show it if they did."""

from dataclasses import replace

import pytest

from o1lib.minivqa.depth import TASKS, shortcuts
from o1lib.minivqa.depth.shortcuts import DEPTHS, Cell, cells, off_chance, summarize, table


def test_no_shortcut_differs_from_chance():
    assert off_chance(cells(depths=(3, 8), n=80)) == []


@pytest.mark.slow
def test_no_shortcut_differs_from_chance_at_any_depth():
    found = cells(n=400)
    assert off_chance(found) == [] and min(cell.n for cell in found) == 400
    assert sum(not cell.at_chance() for cell in found) < 0.1 * len(found)


def test_every_task_depth_form_and_answerer_has_a_cell():
    found = cells(tasks=["sums", "arrows"], depths=[3, 12], n=20)
    assert len({(cell.task, cell.depth, cell.form, cell.answerer) for cell in found}) == len(found) == 2 * 2 * 3 * 4
    assert list(DEPTHS) == list(range(3, 13))


def test_chance_is_a_guess_among_what_the_answerer_can_know():
    found = {(cell.form, cell.answerer): cell.chance for cell in cells(tasks=["arrows"], depths=[3], n=5)}
    assert found["open", "first two"] == found["open", "k alone"] == 1 / 5
    assert found["choice", "last"] == found["choice", "k alone"] == 1 / 4 and found["yes_no", "no step"] == 1 / 2


def test_who_runs_all_steps_is_always_right(monkeypatch):
    monkeypatch.setattr(shortcuts, "STATES", {"all": lambda program: program.answer})
    found = [cell for cell in cells(depths=[5], n=30) if cell.answerer == "all"]
    assert {cell.hits for cell in found} == {30} and set(off_chance(found)) == set(found)


def test_a_task_whose_steps_do_nothing_is_caught(monkeypatch):
    task = TASKS["swaps"]

    def idle(rng, scene, depth):
        found = task.run(rng, scene, depth)
        return replace(found, states=[found.states[0]] * (depth + 1), last=found.states[0])

    monkeypatch.setitem(TASKS, "swaps", replace(task, run=idle))
    monkeypatch.setattr("o1lib.minivqa.depth.questions.balanced", lambda rng, programs: next(programs))
    assert {cell.answerer for cell in off_chance(cells(["swaps"], [4], 40))} == {"first two", "last", "no step"}


def test_an_answer_that_depends_on_the_depth_is_caught(monkeypatch):
    task = TASKS["swaps"]

    def fixed(rng, scene, depth):
        found = task.run(rng, scene, depth)
        return replace(found, states=[*found.states[:-1], "top"])

    monkeypatch.setitem(TASKS, "swaps", replace(task, run=fixed))
    monkeypatch.setattr("o1lib.minivqa.depth.questions.balanced", lambda rng, programs: next(programs))
    assert "k alone" in {cell.answerer for cell in off_chance(cells(["swaps"], [4], 40))}


def test_the_table_has_a_line_for_each_form_and_marks_what_misses_chance():
    found = [Cell("sums", 3, "open", name, hits, 100, 0.125) for name, hits in (("first two", 12), ("last", 60))]
    shown = table([replace(found[0], answerer=name) for name in ("first two", "last", "no step")] + [found[1]])
    assert shown.splitlines()[2].count("0.120 [") == 3 and shown.endswith("0.600 [0.502, 0.691] * |")
    assert "last on sums of depth 3 (open) differs from it" in summarize(found)
    assert "none differs from it" in summarize(found[:1])

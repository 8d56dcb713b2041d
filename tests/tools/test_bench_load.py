"""A benchmark refuses a machine on which other processes work, and marks the figures where it is told to go on."""

import bench_load
import pytest

from o1lib.records import UserError


def clock(monkeypatch, others):
    """Let one second pass at every look, in which this process takes 0.5 seconds and others take `others`."""
    looks = iter(range(100))
    monkeypatch.setattr(bench_load, "_times", lambda: (t := next(looks), t * (0.5 + others), t * 0.5))
    monkeypatch.setattr(bench_load, "LOOK", 0.0)


def test_a_quiet_machine_is_measured_without_a_mark(monkeypatch):
    clock(monkeypatch, 0.1)
    with bench_load.quiet() as load:
        pass
    assert load.facts() == {"other_cores_busy": 0.1, "loaded": False} and bench_load.mark(load.facts()) == ""


def test_a_loaded_machine_is_refused_before_anything_is_measured(monkeypatch):
    clock(monkeypatch, 0.8)
    measured = []
    with pytest.raises(UserError, match=r"other processes keep 0\.8 of .*LOADED=1"), bench_load.quiet():
        measured.append(1)
    assert not measured


def test_load_that_comes_later_withholds_the_table(monkeypatch):
    times = iter([(0, 0, 0), (1, 0.5, 0.5), (2, 1.0, 1.0), (3, 2.4, 1.5)])
    monkeypatch.setattr(bench_load, "_times", lambda: next(times))
    monkeypatch.setattr(bench_load, "LOOK", 0.0)
    with pytest.raises(UserError, match=r"keep 0\.9 of"), bench_load.quiet():
        pass


def test_where_load_is_allowed_the_figures_are_marked(monkeypatch):
    clock(monkeypatch, 1.5)
    with bench_load.quiet(loaded=True) as load:
        pass
    assert load.facts()["loaded"] and bench_load.mark(load.facts()).startswith("LOADED: other processes kept 1.5 cores")


def test_the_times_are_those_of_the_clock_the_cores_and_this_process():
    before = bench_load._times()
    sum(range(3_000_000))
    wall, busy, own = (now - then for now, then in zip(bench_load._times(), before, strict=True))
    assert 0 < own <= busy + 0.1 and own <= wall + 0.1

"""Rows run with an allocator that stays fast, where the machine has one."""

import pytest

from o1lib.study import allocator, runner
from o1lib.study.experiments import read_experiments
from o1lib.study.plan import PlannedJob, StudyPlan, make_plan
from o1lib.study.plan_text import describe


@pytest.fixture
def installed(monkeypatch):
    """Pretend that exactly these libraries are installed on a Linux machine: add their names to the returned dict."""
    found = {}
    monkeypatch.setattr(allocator, "find_library", found.get)
    monkeypatch.setattr(allocator.sys, "platform", "linux")
    return found


def test_the_first_installed_library_is_taken(installed):
    installed |= {"jemalloc": "libjemalloc.so.2", "tcmalloc_minimal": "libtcmalloc_minimal.so.4"}
    assert allocator.preload({}) == {"LD_PRELOAD": "libtcmalloc_minimal.so.4"}


def test_nothing_is_preloaded_where_no_library_is_installed(installed):
    assert allocator.preload({}) == {}


def test_a_preloaded_library_of_the_user_stays(installed):
    installed["jemalloc"] = "libjemalloc.so.2"
    assert allocator.preload({"LD_PRELOAD": "libmine.so"}) == {}


def test_nothing_is_preloaded_outside_linux(installed, monkeypatch):
    installed["jemalloc"] = "libjemalloc.so.2"
    monkeypatch.setattr(allocator.sys, "platform", "darwin")
    assert allocator.preload({}) == {}


def test_rows_run_with_it(installed, monkeypatch):
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    installed["jemalloc"] = "libjemalloc.so.2"
    assert runner.environment("mini", 1)["LD_PRELOAD"] == "libjemalloc.so.2"


@pytest.mark.parametrize(("hours", "told"), [(2, True), (0.5, False)])
def test_a_long_plan_says_what_to_install(installed, monkeypatch, hours, told):
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    job = make_plan(read_experiments(), "mini", "data").jobs[0].job
    plan = StudyPlan("mini", (PlannedJob(job, "missing", seconds=hours * 3600),))
    assert ("apt-get install libtcmalloc-minimal4" in describe(plan)) is told

"""The campaign of random kills: its shares, its comparison, its table, and real kills of real processes."""

import json
import os
import random
import re
import time

import pytest
from kill_campaign import campaign, one_run, quotas, table
from kill_parts import Part, SearchPart, StudyPart, TeacherPart, TrainingPart
from kill_process import Command, Forked
from kill_results import alike

from o1lib.records import UserError, project_root
from o1lib.study import experiments

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which this system lacks")


class Counting(Part):
    """Counts to `total` in a file, and forgets what it counted if `forgets`."""

    name, total, unit = "counting", 40, "counts"

    def __init__(self, forgets=False):
        self.forgets = forgets

    def start(self, folder):
        return Forked(lambda: self._count(folder), folder / "log.txt")

    def _count(self, folder):
        before = self.done(folder)
        with open(folder / "count", "a", encoding="utf8") as file:
            for _ in range(before, self.total):
                file.write("x")
                file.flush()
                time.sleep(0.005)
        counted = self.total - before if self.forgets else self.done(folder)
        (folder / "result.json").write_text(json.dumps({"counted": counted}), encoding="utf8")

    def done(self, folder):
        path = folder / "count"
        return len(path.read_text(encoding="utf8")) if path.is_file() else 0


def kill_some(part, folder, most=4):
    """Kill runs of a part until one was killed in the middle; return its dict."""
    for seed in range(50):
        made = one_run(part, folder, {"counted": 40}, 0.25, random.Random(seed), most)
        if any(0 < kill["done"] < 40 for kill in made["kills"]):
            return made
    raise AssertionError("no kill in the middle")


def test_a_part_that_goes_on_ends_with_the_same_result(tmp_path):
    made = kill_some(Counting(), tmp_path / "run")
    assert made["same"] and made["problem"] == "" and not (tmp_path / "run").exists()


def test_a_part_that_loses_work_is_found_out(tmp_path):
    made = kill_some(Counting(forgets=True), tmp_path / "run")
    assert not made["same"] and made["problem"] == "its result differs" and (tmp_path / "run").exists()


def test_a_part_that_fails_is_found_out(tmp_path):
    class Failing(Counting):
        def _count(self, folder):
            raise ValueError("no")

    made = one_run(Failing(), tmp_path / "run", {}, 0.01, random.Random(0), 1)
    assert made["problem"] == "it ended with exit code 1"
    assert "ValueError: no" in (tmp_path / "run" / "log.txt").read_text(encoding="utf8")


def test_a_command_can_be_killed_alone_or_with_its_children(tmp_path):
    for seed in range(4):
        process = Command(["sleep", "60"], dict(os.environ), tmp_path / "log.txt")
        process.kill(random.Random(seed))
        assert process.process.wait(10) == -9


@pytest.mark.parametrize("kills", [1, 4, 7, 100, 333])
def test_every_part_gets_its_share_of_the_kills(kills):
    found = quotas(kills, ["training", "search", "teacher", "study"])
    assert sum(found.values()) == max(kills, 4) and min(found.values()) >= 1
    assert quotas(kills, ["search"]) == {"search": kills}


def test_an_interrupted_campaign_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("kill_campaign.PARTS", {"counting": lambda home: Counting()})
    first = campaign({"counting": 2}, 0, tmp_path)
    again = campaign({"counting": 5}, 0, tmp_path)
    assert again[: len(first)] == first and sum(len(run["kills"]) for run in again) == 5
    assert campaign({"counting": 5}, 0, tmp_path) == again


@pytest.mark.parametrize("error", [UserError, KeyboardInterrupt])
def test_a_part_is_closed_however_its_runs_end(tmp_path, monkeypatch, error):
    class Ending(Counting):
        closed = 0

        def _count(self, folder):
            raise ValueError("no")

        def done(self, folder):
            return 0

        def result(self, folder):
            raise error("stopped")

        def close(self):
            Ending.closed += 1

    monkeypatch.setattr("kill_campaign.PARTS", {"counting": lambda home: Ending()})
    with pytest.raises(error):
        campaign({"counting": 2}, 0, tmp_path)
    assert Ending.closed == 1


def test_closing_the_teachers_part_ends_its_server(tmp_path):
    part = TeacherPart(tmp_path)
    part.close()
    assert part.server.poll() is not None


def test_the_table_counts_kills_in_the_middle_and_equal_results():
    run = {"part": "training", "number": 0, "total": 40, "unit": "steps", "seconds": 3.4, "problem": ""}
    runs = [
        run | {"kills": [{"after": 0.1, "done": 0}, {"after": 1.0, "done": 15}], "same": True},
        run | {"kills": [{"after": 2.0, "done": 40}], "same": False},
    ]
    text = table({"seed": 3, "commit": "c0ffee00000", "runs": runs})
    assert "| training | 2 | 3 | 1 | 0, 15, 40 of 40 steps | 1 of 2 | 7 |" in text
    assert "3 random moments (seed 3, commit `c0ffee0000`)" in text and "1 of 2 runs ended with the result" in text
    assert "`git diff --stat c0ffee0000 -- o1lib` names what has changed since" in text


def test_the_published_table_says_of_which_code_it_is():
    text = (project_root() / "results" / "kills.md").read_text(encoding="utf8")
    [made] = re.findall(r"commit `(\w+)`", text)
    assert f"`git diff --stat {made} -- o1lib` names what has changed since" in text


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({"a": [1.0, "x"]}, {"a": [1.00001, "x"]}, True),
        ({"a": 1.0}, {"a": 1.01}, False),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"b": 1}, False),
        ([1], [1, 2], False),
        ("x", "y", False),
        (None, None, True),
    ],
)
def test_results_of_a_search_are_alike_up_to_rounding(one, other, equal):
    assert alike(one, other) is equal


def test_the_campaign_s_study_is_valid(tmp_path, monkeypatch):
    """Notebook 02 saves checkpoints in it, so that a killed arm goes on in the middle."""
    from kill_parts import _copy_checkout

    _copy_checkout(tmp_path / "checkout")
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path / "checkout"))
    assert list(experiments.read_experiments().rows) == ["data", "arm", "arm.best_of_n2"]
    assert "save_steps=5)" in (tmp_path / "checkout/notebooks/02_train_sft.ipynb").read_text(encoding="utf8")
    assert StudyPart(tmp_path).done(tmp_path) == 0 and StudyPart(tmp_path).result(tmp_path) is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", [TrainingPart, SearchPart])
def test_two_real_kills_change_no_result(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    runs = campaign({kind.name: 2}, 0, tmp_path)
    assert [run["problem"] for run in runs] == [""] * len(runs) and sum(len(run["kills"]) for run in runs) == 2

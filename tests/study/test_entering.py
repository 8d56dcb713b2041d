"""The sets of the headline are chosen by rows scored on validation drawings."""

import pytest
from support.toyrecords import leave

from o1lib.analysis.headline import written_sets
from o1lib.data.chance import keep_levels
from o1lib.records import UserError, need
from o1lib.scoring import PAPER_SETS
from o1lib.scoring.chance_level import ChanceLevels, Level
from o1lib.study.entering import describe_entering

ROWS = ("direct.validation", "structured.validation")


def levels(chance=0.25):
    own = {name: Level(value=chance, n=96, policy={"choice": "uniform"}) for name in PAPER_SETS}
    return ChanceLevels(
        dataset_hash="d" * 64, training_hash="d" * 64, training_items=9, policies={}, levels=own,
        scores=dict.fromkeys(PAPER_SETS, {}), cells=[],
    )  # fmt: skip


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study whose structured arm is above chance in mini-AI2D alone."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    root = tmp_path / "work" / "mini"
    leave(root, "validation_data", test_split="validation")
    for row in ROWS:
        able = {"mini-AI2D": 0.6} if row.startswith("structured") else {}
        scored = {name: able.get(name, 0.26) for name in PAPER_SETS}
        cells = {name: {"value": one, "n": 96, "low": one - 0.1, "high": one + 0.1} for name, one in scored.items()}
        leave(root, row, 0, cells, data="validation_data")
    return root


def test_the_last_line_names_the_sets_as_the_protocol_does(study):
    keep_levels(need(study, "validation_data", 0), levels())
    text = describe_entering("mini", ROWS)
    assert written_sets(text) == ("mini-AI2D",)
    line = next(line for line in text.splitlines() if line.startswith("mini-AI2D"))
    assert "chance  25.0 %" in line and "structured.validation 60.0 % (low 50.0)" in line and line.endswith("enters")


def test_no_set_may_enter(study):
    keep_levels(need(study, "validation_data", 0), levels(0.5))
    assert written_sets(describe_entering("mini", ROWS)) == ()


def test_rows_scored_on_devtest_are_refused(study):
    leave(study, "devtest_data", test_split="devtest")
    leave(study, "direct.sample", data="devtest_data")
    with pytest.raises(UserError, match="direct.sample was scored on devtest"):
        describe_entering("mini", ["direct.sample"])


def test_rows_without_frozen_levels_are_refused(study):
    with pytest.raises(UserError, match="o1lib chance --scale mini --data validation_data"):
        describe_entering("mini", ROWS)

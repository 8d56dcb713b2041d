"""The sets of the headline are chosen by rows scored on validation drawings, before an arm is scored on devtest."""

import pytest
from support.toyrecords import leave
from typer.testing import CliRunner

from o1lib.analysis.headline import written_sets
from o1lib.cli import app
from o1lib.data.chance import keep_levels
from o1lib.models.checkpoint import model_hash
from o1lib.records import UserError, need, project_root, write_json
from o1lib.scoring import PAPER_SETS
from o1lib.scoring.chance_level import ChanceLevels, Level
from o1lib.study import entering, experiments, plan
from o1lib.study.entering import describe_entering, scored_too_early

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


BASE = "results/checkpoints/mini-base"
LINE = "Sets in the headline: mini-AI2D.\n"


@pytest.fixture(scope="module")
def read():
    return experiments.read_experiments()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose bases have other weights than that of the first pilot, and whose protocol names no sets."""
    for name in ("", "-1"):
        folder = tmp_path / f"{BASE}{name}"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(b"weights" + name.encode())
    (tmp_path / "results" / "PROTOCOL.md").write_text("none yet\n", encoding="utf8")
    monkeypatch.setattr(entering, "project_root", lambda: tmp_path)
    return tmp_path


def early(read, rows, scale="mini"):
    """Return what is told of a plan in which these rows have to run."""
    return scored_too_early(read, plan.make_plan(read, scale, rows, (0,), True))


def of_first_pilot(project, folder):
    """Make a base that of the first pilot."""
    made = need(project_root() / "results" / "pilot1", "base", 0).model_dump(mode="json")
    (project / entering.FIRST_PILOT).mkdir(parents=True)
    given = made | {"provenance": made["provenance"] | {"model_hash": model_hash(folder)}}
    write_json(project / entering.FIRST_PILOT / "record.json", given)


def test_no_arm_of_a_new_base_is_scored_on_devtest_before_the_sets_are_named(read, project):
    [told] = early(read, "direct.sample,structured.sample")
    assert told.startswith("direct.sample, structured.sample: an arm of a new base would be scored on devtest")
    assert "run `make study ROWS=entering`, then `.venv/bin/python -m o1lib entering`" in told
    assert told.endswith("add its last line to results/PROTOCOL.md")
    (project / "results" / "PROTOCOL.md").write_text(f"none yet\n{LINE}", encoding="utf8")
    assert early(read, "direct.sample,structured.sample") == []


def test_the_base_of_the_first_pilot_is_not_new_and_another_beside_it_is(read, project):
    of_first_pilot(project, project / BASE)
    [told] = early(read, "direct.sample,direct.base1.sample")
    assert told.startswith("direct.base1.sample: an arm")


@pytest.mark.parametrize("rows", ["base.greedy", "entering", "direct", "direct.hard", "easy_direct.sample"])
def test_bases_and_other_questions_than_those_of_devtest_are_scored_at_any_time(read, project, rows):
    assert early(read, rows) == []


def test_other_scales_and_projects_without_a_protocol_are_not_asked(read, project):
    assert early(read, "direct.sample", "smoke") == []
    assert early(read, "direct.base1.sample", "confirmatory") == []
    (project / "results" / "PROTOCOL.md").unlink()
    assert early(read, "direct.sample") == []


def test_plan_tells_and_study_refuses(monkeypatch):
    monkeypatch.setattr(entering, "scored_too_early", lambda study, made: ["the sets are not named"])
    told = CliRunner().invoke(app, ["plan", "--scale", "mini", "--rows", "direct.sample"])
    assert told.exit_code == 0 and "the sets are not named" in told.output
    refused = CliRunner().invoke(app, ["study", "--scale", "mini", "--rows", "direct.sample"])
    assert refused.exit_code and "the sets are not named" in str(refused.exception)

"""What is published of predictions gives the same metrics without their texts, and the texts can be brought back."""

import json
import shutil

import pytest
from support.toyrecords import answers, leave
from typer.testing import CliRunner

from o1lib.analysis.observations import LINES, observations
from o1lib.cli.app import app
from o1lib.records import UserError, load, project_root, sha256
from o1lib.records.columns import read_columns, write_columns
from o1lib.records.store import PREDICTIONS, SHORT
from o1lib.scoring import metrics
from o1lib.scoring.short_form import is_short, shortened
from o1lib.study import archive, texts

ODD = [
    {"qid": "a", "n": 1, "x": 0.5, "right": True, "mixed": 1, "parts": {"k": None}, "name": "ü\ud800"},
    {"qid": "b", "n": None, "x": None, "right": None, "mixed": "1", "name": None, "more": []},
]


def test_columns_hold_lines_of_any_kind(tmp_path):
    write_columns(tmp_path / "lines", ODD)
    assert read_columns(tmp_path / "lines") == ODD
    write_columns(tmp_path / "again", ODD)
    assert sha256(tmp_path / "again") == sha256(tmp_path / "lines")


def test_a_file_of_another_kind_is_no_file_of_columns(tmp_path):
    (tmp_path / "lines").write_text("PAR1", encoding="utf8")
    with pytest.raises(ValueError, match="no file of columns"):
        read_columns(tmp_path / "lines")


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A project with one run in work/toy, published in short form in results/toy."""
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    lines = answers("s", "tags", "mixed", "stage_beam", 4, "self", 0.6)
    for line in lines:
        line["stage_scores"] = (line["stage_scores"] or {}) | {"wrong_statements": ["a blue cat"]}
    leave(tmp_path / "work" / "toy", "s", 0, metrics(lines), lines)
    target = tmp_path / "results" / "toy" / "runs" / "s" / "seed0"
    target.mkdir(parents=True)
    texts.copy_short(load(tmp_path / "work" / "toy" / "runs" / "s" / "seed0"), target)
    return tmp_path


def test_every_metric_is_the_same_without_texts(published):
    whole = load(published / "work/toy/runs/s/seed0").predictions()
    short = load(published / "results/toy/runs/s/seed0").predictions()
    assert all(map(is_short, short)) and not any(map(is_short, whole))
    assert metrics(short) == metrics(whole)
    for metric in LINES:
        try:
            wanted = observations(whole, metric)
        except UserError:  # the toy answers do not have it
            continue
        assert observations(short, metric).equals(wanted), metric


def test_the_short_form_has_no_text_of_the_model(published):
    line = load(published / "results/toy/runs/s/seed0").predictions()[0]
    assert (line["output"], line["candidates"]) == ("", []) and "wrong_statements" not in line["stage_scores"]
    assert shortened(line) == line


def test_a_published_record_has_the_hashes_of_both_forms(published):
    record = load(published / "results/toy/runs/s/seed0")
    assert record.artifacts[PREDICTIONS] == sha256(published / "work/toy/runs/s/seed0" / PREDICTIONS)
    assert record.artifacts[SHORT] == sha256(record.folder / SHORT)
    assert not (record.folder / PREDICTIONS).exists() and record.has_predictions


def test_changed_predictions_in_short_form_are_noticed(published):
    record = load(published / "results/toy/runs/s/seed0")
    lines = record.predictions()
    lines[0]["correct"] = not lines[0]["correct"]
    write_columns(record.folder / SHORT, lines)
    with pytest.raises(UserError, match="its hash differs"):
        record.predictions()


def test_texts_are_packed_into_one_file_and_brought_back(published):
    path = texts.pack("toy")
    assert texts.asset("toy") == json.dumps(
        {"file": "texts-toy.tar", "bytes": path.stat().st_size, "sha256": sha256(path), "runs": 1}
    )
    first = path.read_bytes()
    assert texts.pack("toy").read_bytes() == first
    assert texts.unpack("toy", path) == 1
    assert not is_short(load(published / "results/toy/runs/s/seed0").predictions()[0])


def test_a_file_that_is_not_the_asset_is_not_unpacked(published):
    path = texts.pack("toy")
    path.write_bytes(path.read_bytes() + b"0")
    with pytest.raises(UserError, match="is not the asset that results/toy/texts.json names"):
        texts.unpack("toy", path)


def test_a_run_that_was_made_anew_is_not_packed(published):
    lines = answers("s", "tags", "mixed", "stage_beam", 4, "self", 0.5)
    leave(published / "work" / "toy", "s", 0, metrics(lines), lines)
    with pytest.raises(
        UserError, match="no texts to pack: 1 published run without its texts in this checkout: s/seed0"
    ):
        texts.pack("toy")


def publish_one(root, seed):
    """Run row s with a seed and publish it in short form."""
    lines = answers("s", "tags", "mixed", "stage_beam", 4, "self", 0.6, seed=seed)
    leave(root / "work" / "toy", "s", seed, metrics(lines), lines)
    target = root / "results" / "toy" / "runs" / "s" / f"seed{seed}"
    target.mkdir()
    texts.copy_short(load(root / "work" / "toy" / "runs" / "s" / f"seed{seed}"), target)


def test_what_is_there_is_packed_and_what_lacks_is_named_with_its_command(published):
    """A row that was kept and restored has no texts in this checkout."""
    publish_one(published, 1)
    (published / "work/toy/runs/s/seed1" / PREDICTIONS).unlink()
    path = texts.pack("toy")
    assert (json.loads(texts.asset("toy"))["runs"], json.loads(texts.asset("toy"))["missing"]) == (1, ["s/seed1"])
    assert "checkout: s/seed1\n" in texts.lacking("toy")
    assert "\n    make study SCALE=toy ROWS=s SEEDS=1\n" in texts.lacking("toy")
    assert texts.unpack("toy", path) == 1


def test_texts_of_several_checkouts_are_packed_together(published):
    """The first piece is unpacked where the second run was made."""
    first = texts.pack("toy")
    publish_one(published, 1)
    texts.unpack("toy", first)
    shutil.rmtree(published / "work/toy/runs/s/seed0")
    texts.pack("toy")
    assert json.loads(texts.asset("toy"))["runs"] == 2 and texts.lacking("toy") == ""


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--complete"], 1)])
def test_the_command_fails_for_missing_texts_where_that_is_asked(published, options, code):
    publish_one(published, 1)
    (published / "work/toy/runs/s/seed1" / PREDICTIONS).unlink()
    done = CliRunner().invoke(app, ["texts", "--scale", "toy", *options])
    assert done.exit_code == code and json.loads(done.stdout)["runs"] == 1 and "s/seed1" in done.stderr


def test_a_study_is_kept_under_a_name_of_its_own(published):
    (published / "results/toy/tables").mkdir()
    (published / "results/toy/tables/a.csv").write_text("a\n1\n", encoding="utf8")
    assert archive.archive("toy", "kept") == "1 runs of results/toy are kept in results/kept"
    kept, now = (load(published / f"results/{name}/runs/s/seed0") for name in ("kept", "toy"))
    assert kept.predictions() == now.predictions() and kept.metrics == now.metrics
    assert (published / "results/kept/tables/a.csv").read_text(encoding="utf8") == "a\n1\n"
    with pytest.raises(UserError, match="results/kept is there already"):
        archive.archive("toy", "kept")


PILOT = project_root() / "results" / "pilot1"


def test_the_first_pilots_records_give_its_metrics():
    """A metric that later code counts otherwise is not among them."""
    record = load(PILOT / "runs" / "structured.stage_beam4.self" / "seed0")
    found = metrics(record.predictions())
    same = ["mini-MMStar", "mini-MMBench", "mini-average", "mini-HallusionBench/aAcc"]
    assert {name: found[name]["value"] for name in same} == {name: record.metrics[name].value for name in same}


@pytest.mark.slow
def test_the_first_pilots_claims_follow_from_what_is_kept():
    assert archive.differences("pilot1", ["A5", "A8", "A17", "B11"]) == []


def test_a_changed_claim_of_a_kept_study_is_told(tmp_path, monkeypatch):
    shutil.copytree(PILOT / "tables", tmp_path / "results" / "pilot1" / "tables")
    shutil.copyfile(PILOT.parents[1] / "claims.yaml", tmp_path / "claims.yaml")
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    [told] = archive.differences("pilot1", ["A5"])
    assert told.startswith("A5 value: None here, -0.0") and "verdict: not tested here" in told


def test_the_first_pilot_says_why_it_could_not_tell():
    assert "Why it could not tell" in (PILOT / "README.md").read_text(encoding="utf8")
    assert not list(PILOT.rglob(PREDICTIONS)) and sum(path.stat().st_size for path in PILOT.rglob(SHORT)) < 3e6

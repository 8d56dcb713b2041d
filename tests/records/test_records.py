"""A run starts only with the parameters it declares, and leaves a whole record or none."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest
from nbformat import v4

from o1lib import records
from o1lib.records import Run, UserError, finish, load, load_all, need, portable, sha256, start, write_json

CHECKOUT = Path(records.__file__).resolve().parents[2]
CELL = """row: str = "tags"  # row id
seed: int = 0
scale: str = "smoke"
root: str = ""
learning_rate: float = 1e-3
examples: int = 100
"""
USE = "print(learning_rate, examples)"
ACCURACY = {"value": 0.5, "n": 4, "low": 0.1, "high": 0.9}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    return tmp_path


def begin(*cells, notebook=""):
    """Start a run as IPython would after running `cells`."""
    namespace = {"In": ["", *cells, f"run = start(globals(), {notebook!r})"]}
    for cell in cells:
        exec(cell, namespace)
    return start(namespace, notebook)


def write_notebook(folder, *cells):
    """Write `folder`/demo.ipynb: a parameters cell and others."""
    folder.mkdir(exist_ok=True)
    tagged = v4.new_code_cell(cells[0], metadata={"tags": ["parameters"]})
    book = v4.new_notebook(cells=[tagged, *map(v4.new_code_cell, cells[1:])])
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, folder / "demo.ipynb")
    return folder / "demo.ipynb"


# ---------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    ("name", "kind", "value", "says"),
    [
        ("batch", "int", 0, "give 1 or more"),
        ("questions", "int", -3, "give 0 or more"),
        ("n", "int", 0, "give 1 or more"),
        ("temperature", "float", -1.0, "give 0 or more"),
        ("top_p", "float", 0.0, "give a number above 0 and at most 1"),
        ("top_p", "float", 1.5, "give a number above 0 and at most 1"),
        ("warm_share", "float", 1.5, "give a number from 0 to 1"),
    ],
)
def test_a_number_out_of_range_is_named_and_nothing_is_made(project, name, kind, value, says):
    with pytest.raises(UserError, match=f"parameter '{name}' is {value}: {says}"):
        begin(f"{CELL}{name}: {kind} = {value}\n")
    assert not (project / "work").exists()


def test_a_run_has_the_injected_values(project):
    run = begin(CELL, "# Parameters\nseed = 2\nlearning_rate = 1\n")
    assert (run.row, run.seed, run.scale, run.root) == ("tags", 2, "smoke", project / "work" / "smoke")
    assert run.folder == project / "work/smoke/runs/tags/seed2" and run.folder.is_dir()
    assert run.parameters["learning_rate"] == 1 and run.parameters["examples"] == 100


@pytest.mark.parametrize(
    ("injected", "says"),
    [
        ("learning_rte = 0.1", "unknown parameter 'learning_rte'.*did you mean 'learning_rate'"),
        ("colour = 'red'", "unknown parameter 'colour'.*use one of examples, learning_rate, root, row, scale, seed"),
        ("learning_rate = '1e-4'", r"'learning_rate' must be float, but is str '1e-4': write 1\.0e-4"),
        ("examples = '4'", "'examples' must be int, but is str '4': write 4 without quotes"),
        ("examples = 4.5", "'examples' must be int, but is float 4.5"),
        ("seed = True", "'seed' must be int, but is bool True"),
        ("learning_rate = float('nan')", "'learning_rate' must be float, but is float nan"),
        ("examples = 0", "'examples' is 0: give 1 or more"),
        ("learning_rate = 0", "'learning_rate' is 0: give a number above 0$"),
        ("row = None", "'row' must be str, but is NoneType None"),
        ("scale = 'smok'", r"unknown scale 'smok' \(did you mean smoke\?\): choose one of smoke, mini, gpu, paper"),
        ("seed = -1", "seed -1 is negative"),
        ("row = '../tags'", r"row '\.\./tags' cannot name a folder"),
        ("row = '..'", r"row '\.\.' cannot name a folder"),
        ("row = ''", "row '' cannot name a folder"),
        ("root = '../elsewhere'", r"root '\.\./elsewhere' is outside the project"),
    ],
)
def test_a_wrong_parameter_is_named_and_nothing_is_made(project, injected, says):
    with pytest.raises(UserError, match=says):
        begin(CELL, f"# Parameters\n{injected}\n")
    assert not (project / "work").exists()


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (CELL.replace("seed:", "sead:"), r"lacks `seed: int` \(is 'sead' a misspelling of it\?\)"),
        (CELL.replace("examples: int", "examples"), "'examples' has no type"),
        (CELL.replace("int = 100", "int = 'many'"), "'examples' must be int"),
        (CELL.replace("examples: int", "examples: Count"), "'examples' is declared as Count"),
        ("print(1)", "no parameters cell was run"),
    ],
)
def test_a_parameters_cell_edited_wrongly_by_hand_is_refused(project, cell, says):
    namespace = {
        "Count": int,
        "row": "tags",
        "seed": 0,
        "scale": "smoke",
        "root": "",
        "learning_rate": 0.1,
        "In": ["", cell, "run = start(globals())"],
    }
    namespace["examples"] = "many" if "many" in cell else 100
    with pytest.raises(UserError, match=says):
        start(namespace)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (("learning_rate", "learning_rte"), "'learning_rte' is unknown in notebooks/demo.ipynb: did you mean"),
        (("examples: int = 100\n", ""), r"lacks 'examples', which notebooks/demo.ipynb declares \(int\)"),
        (("examples: int", "examples: float"), "'examples' is declared as float, not int"),
    ],
)
def test_a_cell_edited_but_not_saved_is_compared_with_the_file(project, edit, says):
    write_notebook(project / "notebooks", CELL, USE)
    with pytest.raises(UserError, match=says):
        begin(CELL.replace(*edit), notebook="demo")


def test_a_saved_typo_is_found_by_what_other_cells_read(project):
    cell = CELL.replace("learning_rate", "learning_rte")
    write_notebook(project / "notebooks", cell, USE)
    with pytest.raises(
        UserError, match="no other cell .* reads parameter 'learning_rte': did you mean 'learning_rate'"
    ):
        begin(cell, notebook="demo")


@pytest.mark.parametrize(
    "use", [USE, "run.parameters['examples'], run.parameters['learning_rate']", "run.parameters", "%matplotlib inline"]
)
def test_a_notebook_may_read_its_parameters_in_any_way(project, use):
    write_notebook(project / "notebooks", CELL, use)
    assert begin(CELL, notebook="demo").notebook == "demo"


def test_a_second_run_by_hand_uses_the_newer_parameters(project):
    first = [CELL, "from o1lib.records import start", "run = None  # start(globals())", "colours = ['red']"]
    assert begin(*first, CELL.replace("seed: int = 0", "seed: int = 5")).seed == 5
    assert begin(*first).seed == 0  # `colours` came after the first start: no parameter


def test_outside_a_notebook_start_says_how_to_call_it():
    with pytest.raises(UserError, match=r"start\(globals\(\)\)"):
        start({"row": "tags"})


def run_by_papermill(tmp_path, monkeypatch, **parameters):
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    book = write_notebook(
        tmp_path, CELL, "from o1lib.records import finish, start\nrun = start(globals(), 'demo')", "finish(run, {})"
    )
    papermill.execute_notebook(
        book, tmp_path / "out.ipynb", parameters | {"root": str(tmp_path)}, progress_bar=False, kernel_name="python3"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"learning_rte": 0.1}, "UserError: unknown parameter 'learning_rte'.*did you mean 'learning_rate'"),
        ({"learning_rate": "1e-4"}, r"UserError: parameter 'learning_rate' must be float, but is str '1e-4': write"),
    ],
)
def test_papermill_stops_at_an_unknown_or_mistyped_parameter(tmp_path, monkeypatch, parameters, says):
    with pytest.raises(papermill.exceptions.PapermillExecutionError, match=says):
        run_by_papermill(tmp_path, monkeypatch, **parameters)
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_papermill_runs_a_right_notebook_to_its_record(tmp_path, monkeypatch):
    run_by_papermill(tmp_path, monkeypatch, seed=3, learning_rate=1)
    record = load(tmp_path / "runs/tags/seed3")
    assert record.parameters["learning_rate"] == 1 and record.notebook == "demo" and not record.stale


# ---------------------------------------------------------------- places


def test_a_new_start_removes_the_record_but_not_the_checkpoint(project):
    run = begin(CELL)
    run.path("model/step.txt").write_text("10")
    finish(run, {"accuracy": ACCURACY}, [{"qid": "a"}])
    again = begin(CELL)
    assert sorted(path.name for path in again.folder.iterdir()) == ["model"]


def test_a_published_root_is_only_read(project):
    run = begin(CELL, "root = 'results/mini'\nscale = 'mini'")
    assert run.root == project / "results/mini" and run.folder == project / "work/mini/runs/tags/seed0"
    assert not (project / "results").exists()


def test_a_path_stays_inside_the_run(project):
    run = begin(CELL)
    assert run.path("data/train/a.txt").parent.is_dir()
    for name in ("../../other/seed0/x", "/etc/passwd"):
        with pytest.raises(UserError, match="is outside the run's folder"):
            run.path(name)


def test_a_root_that_is_a_file_is_one_sentence(project):
    (project / "taken").write_text("x")
    with pytest.raises(UserError, match="cannot write taken/runs/tags/seed0"):
        begin(CELL, "root = 'taken'")


# ---------------------------------------------------------------- records


def test_a_record_is_read_back_as_it_was_written(project, monkeypatch):
    monkeypatch.setenv("O1LIB_FINGERPRINT", "f00")
    run = begin(CELL)
    run.path("model/weights.bin").write_bytes(b"abc")
    predictions = [{"qid": "a", "output": "π\ud800", "correct": True}, {"qid": "b", "output": "", "correct": False}]
    finish(
        run,
        {"accuracy": ACCURACY},
        predictions,
        [run.folder / "model"],
        1,
        {"note": "x"},
        device="cpu",
        dtype="float32",
        dataset_hash="d",
        model_hash="m",
    )
    record = load(run.folder)
    assert record.metrics["accuracy"].model_dump() == ACCURACY and record.n_failed == 1
    assert record.predictions() == predictions and record.extra == {"note": "x"} and record.fingerprint == "f00"
    assert record.artifacts["model"] == sha256(run.folder / "model") and "predictions.jsonl.gz" in record.artifacts
    assert record.provenance.keys() == {
        "commit",
        "dirty",
        "code_hash",
        "stack_hash",
        "versions",
        "device",
        "dtype",
        "seconds",
        "dataset_hash",
        "model_hash",
        "started_at",
    }
    assert {"python", "torch", "transformers", "trl", "datasets", "accelerate"} <= record.provenance["versions"].keys()


def test_the_same_predictions_give_the_same_bytes(project):
    hashes = set()
    for seed in (0, 1):
        run = begin(CELL, f"seed = {seed}")
        finish(run, {}, [{"qid": "a", "correct": True}])
        hashes.add(load(run.folder).artifacts["predictions.jsonl.gz"])
    assert len(hashes) == 1


def test_a_changed_artifact_is_noticed(project):
    run = begin(CELL)
    run.path("a.txt").write_text("1")
    finish(run, {}, artifacts=[run.path("a.txt")])
    assert load(run.folder).changed() == []
    run.path("a.txt").write_text("2")
    assert load(run.folder).changed() == ["a.txt"]


def test_a_record_holds_no_absolute_or_home_path(project):
    cell = CELL + 'data: str = ""\n'
    run = begin(cell, f"root = {str(project / 'mine')!r}\ndata = '~/LLaVA-CoT-100k'")
    text = finish(
        run,
        {},
        extra={"at": [str(project / "x/y"), Path("/etc/hosts")], "why": f"read {Path.home() / 'a'} and {project}/b"},
    ).read_text(encoding="utf8")
    record = json.loads(text)
    assert record["parameters"]["root"] == "mine" and record["parameters"]["data"] == "<outside>/LLaVA-CoT-100k"
    assert record["extra"] == {"at": ["x/y", "<outside>/hosts"], "why": "read <home>/a and b"}
    assert portable(["MMStar@/data/x/MMStar.tsv", "gpt@http://host/v1", f"a@{Path.home()}/b/c"]) == [
        "MMStar@<outside>/MMStar.tsv",
        "gpt@http://host/v1",
        "a@<outside>/c",
    ]
    assert str(project) not in text and str(Path.home()) + "/" not in text


def test_a_secret_is_refused_before_any_work(project):
    with pytest.raises(UserError, match="'hf_token' looks like a secret"):
        begin(CELL + 'hf_token: str = "abc"\n')
    assert not (project / "work").exists()
    finish(begin(CELL + "max_new_tokens: int = 8\n"), {}, extra={"seconds_per_token": 0.1})


@pytest.mark.parametrize(
    ("metrics", "predictions", "says"),
    [
        ({"accuracy": ACCURACY | {"value": float("nan")}}, None, r"finite numbers \(value"),
        ({"accuracy": {"value": 1.0}}, None, r"finite numbers \(n: Field required"),
        ({}, [{"qid": "a"}, {"logprob": float("inf")}], "prediction 2 cannot be written as JSON"),
        ({}, [{"image": object()}], "prediction 1 cannot be written as JSON"),
    ],
)
def test_a_value_that_is_not_finite_leaves_no_record(project, metrics, predictions, says):
    run = begin(CELL)
    with pytest.raises(UserError, match=says):
        finish(run, metrics, predictions)
    assert list(run.folder.iterdir()) == []


def test_an_artifact_outside_or_missing_is_refused(project):
    run = begin(CELL)
    with pytest.raises(UserError, match="is outside"):
        finish(run, {}, artifacts=[project])
    with pytest.raises(UserError, match="gone.txt does not exist"):
        finish(run, {}, artifacts=[run.folder / "gone.txt"])


def test_ctrl_c_while_predictions_are_written_leaves_nothing(project):
    def interrupted():
        yield {"qid": "a"}
        raise KeyboardInterrupt

    run = begin(CELL)
    with pytest.raises(KeyboardInterrupt):
        finish(run, {}, interrupted())
    assert list(run.folder.iterdir()) == []


FULL_DISK = """
import resource, sys
from pathlib import Path
from o1lib.records import Run, UserError, finish
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))     # no file may grow beyond 300 bytes
folder = Path(sys.argv[1])
try:
    finish(Run("a", 0, "smoke", folder, folder, {}), {}, [{"qid": str(k ** 9)} for k in range(500)])
except UserError as error:
    print(error)
"""


def test_a_linked_file_stays_a_link_when_it_is_written(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "file.json").symlink_to(tmp_path / "disk" / "file.json")
    for value in (1, 2):
        write_json(tmp_path / "file.json", value)
    assert (tmp_path / "file.json").is_symlink() and json.loads((tmp_path / "disk" / "file.json").read_text()) == 2
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["file.json"]


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, cwd=CHECKOUT)
    assert "cannot write" in done.stdout and "then run again" in done.stdout and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_missing_row_says_what_to_run(project):
    with pytest.raises(UserError, match=r"needs row 'tags', seed 1.*make study SCALE=smoke ROWS=tags SEEDS=1"):
        need(project / "work/smoke", "tags", 1)
    with pytest.raises(UserError, match="cannot name a folder"):
        need(project, "../tags", 0)


def test_a_row_that_ran_once_serves_every_seed(project):
    finish(begin(CELL), {})
    finish(begin(CELL, "seed = 2"), {})
    root = project / "work/smoke"
    assert [need(root, "tags", seed).seed for seed in (0, 1, 2)] == [0, 0, 2]
    assert [(record.row, record.seed) for record in load_all(root)] == [("tags", 0), ("tags", 2)]


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text[:40],
        lambda text: text.replace('"seed": 0', '"seed": "x"'),
        lambda text: text.replace('"row"', '"id"'),
        lambda text: "",
    ],
)
def test_a_damaged_record_is_named(project, edit):
    run = begin(CELL)
    path = finish(run, {})
    path.write_text(edit(path.read_text()))
    with pytest.raises(UserError, match="record.json is not a record of this version"):
        load(run.folder)


@pytest.mark.parametrize(
    "damage",
    [b"", b"x", gzip.compress(b'{"qid": 1}\n{"qid"'), gzip.compress(b"{}" * 999)[:-9]],
    ids=["empty", "not gzip", "half a line", "cut off"],
)
def test_damaged_predictions_are_named(project, damage):
    run = begin(CELL)
    finish(run, {}, [{"qid": "a"}])
    (run.folder / "predictions.jsonl.gz").write_bytes(damage)
    words = "is not what its record was made from" if damage == b"" else "is damaged"
    with pytest.raises(UserError, match=f"predictions.jsonl.gz {words} .*`make study SCALE=smoke ROWS=tags SEEDS=0`"):
        load(run.folder).predictions()


def scored(lines=({"qid": "a", "correct": False},)):
    """Leave a row of these predictions and return its record and their file."""
    run = begin(CELL)
    finish(run, {}, lines)
    return load(run.folder), run.folder / "predictions.jsonl.gz"


def test_edited_predictions_are_refused_with_a_command(project):
    """The message names the command that redoes the row."""
    record, path = scored()
    path.write_bytes(gzip.compress(b'{"qid": "a", "correct": true}\n'))
    with pytest.raises(
        UserError,
        match="predictions.jsonl.gz is not what its record was made from .*: "
        "`make study SCALE=smoke ROWS=tags SEEDS=0` redoes the row",
    ):
        record.predictions()


def test_edited_published_predictions_are_restored_by_git(project):
    record, path = scored()
    place = project / "results/mini/runs/tags/seed0"
    path.write_bytes(gzip.compress(b""))
    place.parent.mkdir(parents=True)
    path.parent.rename(place)
    with pytest.raises(UserError, match="`git checkout -- results/mini/runs/tags/seed0` brings back what was"):
        load(place).predictions()


def test_predictions_without_a_recorded_hash_are_read(project):
    record, path = scored()
    path.write_bytes(gzip.compress(b'{"qid": "b"}\n'))
    assert record.model_copy(update={"artifacts": {}}).predictions() == [{"qid": "b"}]


def test_a_prediction_that_is_not_an_object_is_named_by_its_line(project):
    record, _ = scored([{"qid": "a"}, ["b"]])
    with pytest.raises(UserError, match="predictions.jsonl.gz, line 2, is not a JSON object"):
        record.predictions()


def test_a_row_without_predictions_says_so(project):
    run = begin(CELL)
    finish(run, {})
    with pytest.raises(UserError, match="row 'tags' wrote no predictions"):
        load(run.folder).predictions()


def test_a_record_of_other_code_is_refused_if_it_must_be_current(project):
    write_notebook(project / "notebooks", CELL, USE)
    finish(begin(CELL, notebook="demo"), {})
    root = project / "work/smoke"
    assert not need(root, "tags", 0, current=True).stale and need(root, "tags", 0).warning == ""
    write_notebook(project / "notebooks", CELL, USE + "  # changed")
    assert need(root, "tags", 0).stale
    with pytest.raises(UserError, match="row 'tags', seed 0, was made by other code.*FRESH=1"):
        need(root, "tags", 0, current=True)


def test_the_commit_is_known_inside_a_checkout_only(project):
    assert records.commit() == ("unknown", None)
    for words in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x", "--allow-empty"]):
        subprocess.run(["git", "-C", project, *words], check=True)
    name, dirty = records.commit()
    assert len(name) == 40 and dirty is False


# ---------------------------------------------------------------- files


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = write_json(tmp_path / "deep/card.json", {"n": 1, "who": "é"})
    assert json.loads(path.read_text(encoding="utf8")) == {"n": 1, "who": "é"}
    with pytest.raises(UserError, match="card.json cannot be written as JSON"):
        write_json(path, {"n": float("nan")})
    assert json.loads(path.read_text(encoding="utf8"))["n"] == 1 and len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_folder_interrupted_on_the_way_leaves_the_old_one(tmp_path, error):
    with records.atomic_folder(tmp_path / "data") as folder:
        (folder / "a").write_text("old")
    with pytest.raises(error), records.atomic_folder(tmp_path / "data") as folder:
        (folder / "a").write_text("half")
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["data"] and (tmp_path / "data/a").read_text() == "old"
    with records.atomic_folder(tmp_path / "data") as folder:
        (folder / "b").write_text("new")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["b"]


def test_a_full_disk_reported_by_another_library_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="free some space"), records.atomic_folder(tmp_path / "model"):
        raise RuntimeError("I/O error: No space left on device (os error 28)")


def test_a_folder_has_a_hash_of_names_and_contents(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "x").mkdir(parents=True)
        (tmp_path / name / "x" / "1.txt").write_text("1")
    assert sha256(tmp_path / "a") == sha256(tmp_path / "b")
    (tmp_path / "b/x/1.txt").rename(tmp_path / "b/1.txt")
    assert sha256(tmp_path / "a") != sha256(tmp_path / "b")


@pytest.mark.slow
def test_importing_records_imports_no_training_stack():
    code = (
        "import sys, o1lib.records, o1lib.formats.stages\n"
        "print([name for name in ('torch', 'transformers', 'trl') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=CHECKOUT).stdout == "[]\n"


def test_a_run_counts_its_seconds(project):
    assert load(finish(begin(CELL), {}).parent).provenance["seconds"] < 60
    assert Run("a", 0, "smoke", project, project, {}).started > 0

"""Every promised command exists, gives the promised output, and reports a mistake in one sentence."""

import contextlib
import gzip
import io
import json
import re
import runpy
import sys
import warnings
from types import SimpleNamespace

import pytest
from PIL import Image
from support.contract import ROOT, failure, python

COMMANDS = [
    "stages-check", "answers-check", "survey-check", "minivqa", "train", "teach", "answer", "probe-lookup", "plan",
    "study", "summary", "compare", "why", "power", "rates", "publish", "base", "ship", "shortcuts", "gate",
    "probe-chain", "reasoning-steps", "depth-shortcuts", "chance", "entering", "margins", "probe-suite",
    "readiness", "site", "restore", "keep", "check-model", "push-hub", "audit", "inspect-log", "texts", "archive",
]  # fmt: skip
HIDDEN = "run-row"
MODULES = ("o1lib", "o1lib.stages", "o1lib.answers", "o1lib.survey", "o1lib.minivqa", "o1lib.train")
CHECKPOINT = "results/checkpoints/mini-structured"

# {command: options that README, the Makefile or the Snakefile use}
OPTIONS = {
    "stages-check": "--field",
    "answers-check": "--gold",
    "reasoning-steps": "--field",
    "shortcuts": "--n --family --out",
    "minivqa": "--n --out --family --split",
    "depth-shortcuts": "--n --depths",
    "train": "--scale --row --seed --data --base --format --schedule --examples --dry-run --tracker",
    "teach": "--base-url --model --judge-model --max-tokens-total --concurrency --timeout",
    "answer": "--model --image --question --method --n --judge --tree --seed --temperature --max-new-tokens "
    "--endpoint --dtype --concurrency --timeout",
    "probe-lookup": "--n",
    "probe-chain": "--most --data --by",
    "chance": "--scale --data --cells --replace",
    "entering": "--scale --rows",
    "probe-suite": "--data --n --format --chains --probes --out --seed",
    "audit": "--data --n --format --judge --judge-model --study --least --out --seed --endpoint --judge-endpoint "
    "--dtype --concurrency --timeout",
    "readiness": "--scale --direct --structured --name --n",
    "plan": "--scale --rows --seeds --jobs --fresh",
    "study": "--scale --rows --seeds --jobs --fresh --snakemake --minutes",
    "run-row": "--seed --scale --plan",
    "restore": "--scale --rows",
    "keep": "--scale",
    "summary": "--scale",
    "compare": "--scale",
    "why": "--scale",
    "power": "--scale --root --into --bases --hours --runs",
    "texts": "--scale --source --complete",
    "archive": "--scale --check",
    "rates": "--scale --root",
    "margins": "--scale --root --bases --hours --freeze",
    "site": "--out --repository",
    "push-hub": "--owner --scale --parts --dry-run",
    "publish": "--scale --force",
    "base": "--scale --source --fresh",
    "ship": "--scale --rows --seeds",
}

# (a command with a mistake, a word that the error must contain)
MISTAKES = [
    ("o1lib why A99", "A99"),
    ("o1lib depth-shortcuts --depths 13", "13"),
    ("o1lib depth-shortcuts --n 0", "--n 0"),
    ("o1lib why A5 --scale bogus", "bogus"),
    ("o1lib plan --rows nosuch", "nosuch"),
    ("o1lib plan --scale bogus", "bogus"),
    ("o1lib plan --seeds x", "SEEDS"),
    ("o1lib study --jobs 0", "JOBS"),
    ("o1lib study --fresh yes", "FRESH"),
    ("o1lib chance --data nosuch", "nosuch"),
    ("o1lib entering --rows nosuch", "nosuch"),
    ("o1lib summary --scale paper", "paper"),
    ("o1lib restore --scale bogus", "bogus"),
    ("o1lib keep --scale smoke", "no complete row in work/smoke"),
    ("o1lib rates --scale bogus", "bogus"),
    ("o1lib readiness --scale smoke", "direct"),
    ("o1lib run-row nosuch", "nosuch"),
    ("o1lib publish --scale smoke", "smoke"),
    ("o1lib texts --scale smoke", "results/smoke"),
    ("o1lib archive nosuch --check", "nosuch"),
    ("o1lib ship --rows nosuch", "nosuch"),
    ("o1lib push-hub --dry-run 1", "OWNER"),
    ("o1lib push-hub --owner me --parts nosuch", "nosuch"),
    ("o1lib check-model nosuch", "nosuch"),
    ("o1lib audit nosuch", "nosuch"),
    ("o1lib inspect-log nosuch log.eval", "nosuch"),
    ("o1lib stages-check none.jsonl", "none.jsonl"),
    ("o1lib.stages check none.jsonl", "none.jsonl"),
    ("o1lib answers-check none.jsonl", "none.jsonl"),
    ("o1lib.answers check none.jsonl", "none.jsonl"),
    ("o1lib survey-check none", "none"),
    ("o1lib.survey check none", "none"),
]


def run(module: str, *words) -> SimpleNamespace:
    """Run `python -m module words` in this process, to save time. Return exit code, output and errors."""
    out, err, given, code = io.StringIO(), io.StringIO(), sys.argv, 0
    sys.argv = [module, *map(str, words)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # another test may have imported the module
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.argv = given
    return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """A terminal wide enough for every name, and the checkout as the project."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("O1LIB_ROOT", raising=False)


def listed(text: str) -> list[str]:
    """Return the commands in a help text: the first word of each line of its last box."""
    return re.findall(r"^[│|]?\s*([a-z]+(?:-[a-z]+)*)\s{2,}\S", text.partition("Commands")[2], re.M)


def fields(done) -> dict:
    """Return the one JSON line that a check printed."""
    assert done.returncode == 0 and done.stdout.count("\n") == 1, done.stdout + done.stderr
    return json.loads(done.stdout)


# ---------------------------------------------------------------- commands and options


def test_help_lists_every_promised_command():
    done = run("o1lib", "--help")
    assert done.returncode == 0 and set(COMMANDS) - set(listed(done.stdout)) == set()


def test_the_command_for_snakemake_exists_and_is_hidden():
    assert run("o1lib", HIDDEN, "--help").returncode == 0
    assert HIDDEN not in run("o1lib", "--help").stdout


@pytest.mark.slow
def test_every_command_takes_its_promised_options():
    lacking = {}
    for command in (*COMMANDS, HIDDEN):
        done = run("o1lib", command, "--help")
        missing = [option for option in OPTIONS.get(command, "").split() if option not in done.stdout.split()]
        if done.returncode or missing:
            lacking[command] = missing or done.stderr
    assert lacking == {}


def test_every_module_that_is_a_command_answers_help():
    assert [module for module in MODULES if run(module, "--help").returncode] == []


def test_train_takes_the_same_options_as_module_and_as_command():
    one, other = (
        set(re.findall(r"--[a-z-]+", run(*words, "--help").stdout)) for words in (("o1lib.train",), ("o1lib", "train"))
    )
    assert one == other and len(one) > 15


def test_docs_name_only_commands_that_exist():
    odd = []
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text(encoding="utf8")
        for module, word in re.findall(r"python -m (o1lib[\w.]*)(?: ([a-z][a-z-]*))?", text):
            known = (*COMMANDS, HIDDEN, "") if module == "o1lib" else ("check", "")
            odd += [f"{page.name}: {module} {word}"] * (module not in MODULES or word not in known)
    assert odd == []


# ---------------------------------------------------------------- checks as module and as command


def staged(tmp_path):
    path = tmp_path / "outputs.jsonl"
    whole = "<SUMMARY> a </SUMMARY>\n<CAPTION> b </CAPTION>\n<REASONING> c </REASONING>\n<CONCLUSION> d </CONCLUSION>"
    texts = [whole, "no tag", "<SUMMARY> a </SUMMARY>"]
    path.write_text("".join(json.dumps({"prediction": text, "said": whole}) + "\n" for text in texts), encoding="utf8")
    return path


def scored(tmp_path):
    path = tmp_path / "scored.jsonl"
    lines = [{"prediction": "The answer is 3.", "answer": "3"}, {"prediction": "four", "answer": "3"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf8")
    return path


def released(tmp_path):
    folder = tmp_path / "llava-cot"
    (folder / "coco").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "coco" / "1.jpg")
    turns = [{"from": "human", "value": "How many?"}, {"from": "gpt", "value": "<SUMMARY> a </SUMMARY>"}]
    lines = [{"id": image, "image": f"coco/{image}.jpg", "conversations": turns} for image in ("1", "2")]
    (folder / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf8")
    return folder


@pytest.mark.parametrize(
    ("name", "made", "expected"),
    [
        ("stages", staged, {"n": 3, "well_formed": 1, "no_tags": 1}),
        ("answers", scored, {"n": 2}),
        ("survey", released, {"records": 2, "missing_pictures": {"coco": 1}}),
    ],
)
def test_the_module_and_the_command_print_the_same(tmp_path, name, made, expected):
    place = made(tmp_path)
    short, long = run(f"o1lib.{name}", "check", place), run("o1lib", f"{name}-check", place)
    assert fields(short) == fields(long) and fields(short).items() >= expected.items()


def test_stages_are_checked_in_the_given_field(tmp_path):
    assert fields(run("o1lib.stages", "check", staged(tmp_path), "--field", "said"))["well_formed"] == 3


@pytest.mark.slow
def test_stages_of_published_predictions_are_counted(tmp_path):
    path = tmp_path / "outputs.jsonl"
    path.write_bytes(
        gzip.decompress((ROOT / "results/mini/runs/structured.sample/seed0/predictions.jsonl.gz").read_bytes())
    )
    found = fields(python("o1lib.stages", "check", path, "--field", "output"))
    assert (found["n"], found["no_tags"]) == (336, 0) and found["well_formed"] > 330


@pytest.mark.parametrize("words", [("o1lib.minivqa",), ("o1lib", "minivqa")])
def test_a_contact_sheet_is_written_to_the_given_folder(tmp_path, words):
    done = run(*words, "--n", 4, "--out", tmp_path / "sheet")
    assert done.returncode == 0 and done.stdout.split() == [
        str(tmp_path / f"sheet/sheet.{kind}") for kind in ("html", "png")
    ]
    assert (tmp_path / "sheet/sheet.html").read_text(encoding="utf8").count("data:image/png") == 4


def test_undrawn_test_questions_are_not_shown(tmp_path):
    done = run("o1lib.minivqa", "--split", "test", "--out", tmp_path / "sheet")
    assert done.returncode == 2 and "'test'" in done.stderr and not (tmp_path / "sheet").exists()


# ---------------------------------------------------------------- mistakes


@pytest.mark.slow
def test_a_mistake_is_exit_code_2_and_one_sentence(tmp_path, monkeypatch):
    """In a checkout in which nothing was run. No command changes a file of it."""
    for name in ("claims.yaml", "experiments.yaml", "notebooks", "results"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    odd, before = {}, sorted(tmp_path.iterdir())
    for words, named in MISTAKES:
        done = run(*words.split())
        one = done.stderr.count("\n") == 1 and done.stderr.startswith("o1lib: ") and named in done.stderr
        if done.returncode != 2 or not one or done.stdout:
            odd[words] = (done.returncode, done.stderr[-300:])
    assert odd == {} and sorted(tmp_path.iterdir()) == before


@pytest.mark.slow
@pytest.mark.parametrize("words", ["o1lib why A99", "o1lib.stages check none.jsonl"])
def test_a_mistake_in_a_new_process_is_the_same(words):
    done = python(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("o1lib: ") and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_mistake_about_a_model_is_one_sentence(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    asked = ("--image", tmp_path / "picture.png", "--question", "How many?")
    for words in (("answer", "--model", tmp_path / "none", *asked), ("probe-lookup", tmp_path / "none")):
        done = python("o1lib", *words)
        assert done.returncode == 2 and "Traceback" not in done.stderr, failure(done)
        assert done.stderr.splitlines()[-1].startswith("o1lib: "), failure(done)


# ---------------------------------------------------------------- commands that compute


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "gpus"), [("paper", 8), ("gpu", 1)])
def test_a_dry_run_estimates_the_training(scale, gpus):
    done = python("o1lib.train", "--scale", scale, "--dry-run")
    assert done.returncode == 0, failure(done)
    for said in (scale, "billion parameters", "99,000 examples", f"hours on {gpus} GPU", "⟦<SUMMARY>"):
        assert said in done.stdout, said


@pytest.mark.slow
def test_a_question_is_answered_with_its_search_tree(tmp_path):
    Image.new("RGB", (64, 64), "white").save(tmp_path / "picture.png")
    asked = ("--image", tmp_path / "picture.png", "--question", "How many circles are there?", "--n", 2)
    done = python("o1lib", "answer", "--model", CHECKPOINT, *asked, "--tree", tmp_path / "tree.html")
    assert done.returncode == 0, failure(done)
    assert re.search(r"^answer: .+\ncost: \d+ tokens generated", done.stdout, re.M)
    assert "<SUMMARY>" in done.stdout and "How many circles" in (tmp_path / "tree.html").read_text(encoding="utf8")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", ["plan --scale mini --rows all --seeds 0,1", "why A5 --scale mini", "power --scale mini"]
)
def test_reading_commands_of_the_study_succeed(words):
    done = python("o1lib", *words.split())
    assert done.returncode == 0 and done.stdout.count("\n") > 5, failure(done)


@pytest.mark.slow
@pytest.mark.parametrize("words", [("probe-lookup", "--n", "4"), ("probe-chain", "--most", "1")])
def test_a_probe_reports_on_a_shipped_model(words):
    done = python("o1lib", words[0], CHECKPOINT, *words[1:])
    assert done.returncode == 0 and "n = " in done.stdout, failure(done)

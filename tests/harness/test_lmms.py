"""lmms-eval finds the model `o1lib` by its entry point and runs it on an own task of a folder (`--include_path`).

Needs lmms-eval, which is not installed with the development tools: see docs/how-to.md.
"""

import json
import os
import subprocess
import sys
import tomllib

import pytest
from support.tiny import coloured
from support.toystudy import REPOSITORY

from o1lib.harness import lmms

TASK = """
task: dots
dataset_path: json
dataset_kwargs: {{data_files: {{test: {items}}}}}
test_split: test
output_type: generate_until
doc_to_visual: !function dots.picture
doc_to_text: question
doc_to_target: answer
generation_kwargs: {{max_new_tokens: 4}}
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true}}
"""
CODE = """from PIL import Image

def picture(doc):
    return [Image.open(doc["picture"])]
"""


def test_the_entry_point_of_the_package_is_the_manifest():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf8"))["project"]
    assert project["entry-points"]["lmms_eval.models"] == {"o1lib": f"{lmms.__name__}:{lmms.manifest.__name__}"}


@pytest.fixture
def task(tmp_path):
    """A folder with a task of two questions, and the package's entry points as an installation leaves them."""
    items = tmp_path / "items.jsonl"
    for name in ("red", "blue"):
        coloured(name).save(tmp_path / f"{name}.png")
    asked = [
        {"picture": str(tmp_path / f"{name}.png"), "question": "How many dots?", "answer": "2"}
        for name in ("red", "blue")
    ]
    items.write_text("\n".join(map(json.dumps, asked)), encoding="utf8")
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks/dots.yaml").write_text(TASK.format(items=items), encoding="utf8")
    (tmp_path / "tasks/dots.py").write_text(CODE, encoding="utf8")
    installed = tmp_path / "site/o1lib_plugin-0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: o1lib_plugin\nVersion: 0\n", encoding="utf8")
    entry = f"[lmms_eval.models]\no1lib = {lmms.__name__}:{lmms.manifest.__name__}\n"
    (installed / "entry_points.txt").write_text(entry, encoding="utf8")
    return tmp_path


def evaluate(folder, *words):
    """Run lmms-eval on the task of a folder and wait for it."""
    paths = os.pathsep.join(filter(None, [str(folder / "site"), str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    here = os.environ | {"PYTHONPATH": paths, "HF_HOME": str(folder / "hub"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "lmms_eval", "--tasks", "dots", "--include_path", str(folder / "tasks"), *words]
    kept = ["--log_samples", "--output_path", str(folder / "out")]
    return subprocess.run([*command, *kept], cwd=folder, env=here, capture_output=True, text=True, timeout=580)


@pytest.mark.slow
def test_lmms_eval_scores_the_answers_of_a_search(task, tiny_folder):
    pytest.importorskip("lmms_eval")
    given = f"checkpoint={tiny_folder},format=tags,method=best_of_n,n=2,judge=random,max_new_tokens=8,whole=True"
    done = evaluate(task, "--model", "o1lib", "--model_args", given)
    [kept] = (task / "out").rglob("*samples_dots.jsonl")
    samples = [json.loads(line) for line in kept.read_text(encoding="utf8").splitlines()]
    from o1lib.harness.searcher import open_searcher

    searcher = open_searcher(tiny_folder, "tags", method="best_of_n", n=2, judge="random", max_new_tokens=8)
    wanted = searcher.search(task / "red.png", "How many dots?")
    assert done.returncode == 0, done.stderr[-3000:]
    assert samples[0]["resps"] == wanted.text
    assert samples[0]["token_counts"][0]["output_tokens"] == wanted.usage.generated


@pytest.fixture
def model():
    pytest.importorskip("lmms_eval")
    from o1lib.harness.lmms_model import StagedSearch

    return StagedSearch


def test_a_question_with_two_pictures_is_an_error_that_names_the_task(model):
    from types import SimpleNamespace

    from o1lib.records import UserError

    made = model(searcher=object())
    made.task_dict = {"pairs": {"test": [{}]}}
    asked = SimpleNamespace(args=("Which?", {}, lambda doc: [1, 2], 0, "pairs", "test"))
    with pytest.raises(UserError, match="task pairs shows 2 pictures"):
        made.generate_until([asked])


def test_a_model_without_a_checkpoint_is_refused(model):
    from o1lib.records import UserError

    with pytest.raises(UserError, match="checkpoint=FOLDER"):
        model(method="greedy")

"""SCALE=gpu from the released form to records, on a CPU: LoRA and a search of tiny random models of two classes.

Everything but size is that scale's own: its recipe (LoRA, recomputed activations), its source of data, its notebooks.
"""

import shutil

import pytest
from support import tinymodels, toystudy
from support.toystudy import o1lib

from o1lib.data.dataset import write_items
from o1lib.minivqa import mixture
from o1lib.models.checkpoint import load as load_model
from o1lib.models.checkpoint import save
from o1lib.records import load
from o1lib.scoring import metrics

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
CLASSES = {"qwen": "Qwen2_5_VLForConditionalGeneration", "smolvlm": "SmolVLMForConditionalGeneration"}
STUDY = """
defaults:
  02_train_sft: {data: data}
  03_search_and_score: {data: data, method: stage_beam, n: 2, judge: likelihood}
rows:
  data: {notebook: 01_build_dataset, once: true, groups: [core]}
  qwen: {notebook: 02_train_sft, parameters: {base: released/qwen}, groups: [core]}
  smolvlm: {notebook: 02_train_sft, parameters: {base: released/smolvlm}, groups: [core]}
  qwen.beam: {notebook: 03_search_and_score, parameters: {model: qwen}, groups: [core]}
  smolvlm.beam: {notebook: 03_search_and_score, parameters: {model: smolvlm}, groups: [core]}
scales:
  gpu:
    jobs: 2
    notebooks:
      01_build_dataset: {source: llava_cot, folder: released/data, n_train: 12, n_validation: 2, n_test: 6}
      02_train_sft: {examples: 12, batch: 4, learning_rate: 1.0e-3, validation: 2, looks: 1, max_new_tokens: 8}
      03_search_and_score: {questions: 0, max_new_tokens: 12}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(project, finished process): twenty items in the released form, two released models, and the study of them."""
    root = tmp_path_factory.mktemp("gpu")
    shutil.copytree(toystudy.REPOSITORY / "notebooks", root / "notebooks")
    for name in ("Snakefile", "nbdime_config.json"):
        shutil.copyfile(toystudy.REPOSITORY / name, root / name)
    (root / "experiments.yaml").write_text(STUDY, encoding="utf8")
    write_items(list(mixture("train", 20)), root / "released" / "data")
    for name in CLASSES:
        save(*getattr(tinymodels, name)(), root / "released" / name)
    return root, o1lib(root, "study", "--scale", "gpu", seconds=1700)


def runs(finished):
    return finished[0] / "work/gpu/runs"


def test_every_row_has_its_record(finished):
    root, done = finished
    logs = "".join(path.read_text(encoding="utf8")[-1500:] for path in root.glob("work/gpu/logs/*.log"))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:] + logs
    assert {path.parent.parent.name for path in runs(finished).glob("*/*/record.json")} == {
        "data", *CLASSES, *(f"{name}.beam" for name in CLASSES)
    }  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_an_arm_is_a_model_of_its_class_whose_language_side_alone_was_adapted(finished, name):
    trained, _ = load_model(runs(finished) / name / "seed0" / "model")
    start, _ = load_model(finished[0] / "released" / name)
    before, after = start.state_dict(), trained.state_dict()
    changed = {key for key in before if not before[key].equal(after[key])}
    assert type(trained).__name__ == CLASSES[name] and changed
    assert not [key for key in changed if "vis" in key or "_proj" not in key]


@pytest.mark.parametrize("name", CLASSES)
def test_a_search_scores_every_test_question_and_its_metrics_follow_from_its_predictions(finished, name):
    record = load(runs(finished) / f"{name}.beam" / "seed0")
    lines = record.predictions()
    assert len(lines) == 6 and {line["method"] for line in lines} == {"stage_beam"}
    assert all(line["ledger"]["generated"] and line["ledger"]["judge"] == 0 for line in lines)
    assert metrics(lines)["accuracy"]["value"] == record.metrics["accuracy"].value

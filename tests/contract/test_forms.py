"""Published row ids, records, predictions and checkpoints keep their form."""

import gzip
import json
from functools import cache
from pathlib import Path

import pytest
import yaml
from support.contract import (
    BASE_KEYS,
    LEDGER_KEYS,
    METRIC_KEYS,
    NEW_PROVENANCE_KEYS,
    NEW_SCORED_KEYS,
    PROVENANCE_KEYS,
    RECORD_KEYS,
    ROOT,
    SCORED_KEYS,
)

from o1lib.records import load, load_all, sha256
from o1lib.study.experiments import read_experiments

MINI, CHECKPOINTS = ROOT / "results" / "mini", ROOT / "results" / "checkpoints"
FROZEN = json.loads((Path(__file__).parent / "rows.json").read_text(encoding="utf8"))
RECORDS = sorted(MINI.glob("runs/*/seed*/record.json")) + sorted(CHECKPOINTS.glob("*/record.json"))
PREDICTIONS = "predictions.jsonl.gz"
REPORTS = ("04_ablations", "05_inference_scaling", "06_curriculum", "07_claims")
SHIPPED = ("mini-base", "mini-structured")


def name(path):
    return path.relative_to(ROOT).as_posix()


def raw(path):
    return json.loads(path.read_text(encoding="utf8"))


def first_line(path):
    with gzip.open(path, "rt", encoding="utf8") as lines:
        return json.loads(next(lines))


@cache
def rows():
    """Return {row: notebook} of the current experiments.yaml."""
    return {row: entry.notebook for row, entry in read_experiments(ROOT / "experiments.yaml").rows.items()}


# ---------------------------------------------------------------- rows


def test_no_row_id_is_lost_or_moved_to_another_notebook():
    """rows.json may grow. If a row is removed or renamed, the study cannot use its published records."""
    now = rows()
    assert {row: now.get(row) for row in FROZEN} == FROZEN


def test_every_row_names_one_of_the_notebooks():
    there = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {row: notebook for row, notebook in rows().items() if notebook not in there} == {}


def test_notebooks_00_to_07_keep_their_numbers_and_names():
    there = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert there >= {
        "00_pretrain_base", "01_build_dataset", "02_train_sft", "03_search_and_score", "04_ablations",
        "05_inference_scaling", "06_curriculum", "07_claims",
    }  # fmt: skip


def test_every_published_row_is_known_and_of_its_notebook():
    published = {record.row: record.notebook for record in load_all(MINI)}
    assert len(published) >= 80
    assert {row: notebook for row, notebook in published.items() if rows().get(row) != notebook} == {}


def test_every_row_that_a_claim_compares_is_known():
    """Rows of claims with `scope: paper` need other models and are not in experiments.yaml."""
    claims = yaml.safe_load((ROOT / "claims.yaml").read_text(encoding="utf8"))["claims"]
    compared = {
        (claim["id"], claim["contrast"].get(side)) for claim in claims if claim.get("scope") != "paper" for side in "ab"
    }
    assert [pair for pair in compared if pair[1] and pair[1] not in rows()] == []


# ---------------------------------------------------------------- records


def test_there_are_as_many_records_as_were_published():
    assert len(RECORDS) >= 161


def test_every_record_loads_and_names_its_folder():
    for path in RECORDS:
        record = load(path.parent)
        if path.is_relative_to(MINI):
            assert (record.row, f"seed{record.seed}") == path.parts[-3:-1], name(path)


def test_records_have_exactly_these_keys():
    assert {name(path): sorted(raw(path)) for path in RECORDS if set(raw(path)) != RECORD_KEYS} == {}


def test_provenance_has_exactly_these_keys():
    keys = {name(path): set(raw(path)["provenance"]) - NEW_PROVENANCE_KEYS for path in RECORDS}
    assert [path for path, found in keys.items() if found != PROVENANCE_KEYS] == []


def test_every_metric_has_exactly_these_keys():
    odd = [
        f"{name(path)}: {metric}"
        for path in RECORDS
        for metric, cell in raw(path)["metrics"].items()
        if set(cell) != METRIC_KEYS
    ]
    assert odd == []


def test_scored_records_hold_every_metric_of_the_claims():
    """Except ill_formed and steps, which are computed from predictions."""
    claims = yaml.safe_load((ROOT / "claims.yaml").read_text(encoding="utf8"))["claims"]
    named = {claim["contrast"].get("metric", "mini-average") for claim in claims} - {"ill_formed", "steps"}
    record = load(MINI / "runs" / "structured.sample" / "seed0")
    assert named - record.metrics.keys() == set()


# ---------------------------------------------------------------- predictions and hashes


def test_every_scored_record_has_its_predictions():
    scored = [path for path in RECORDS if raw(path)["notebook"] == "03_search_and_score"]
    assert len(scored) >= 120
    assert [name(path) for path in scored if not (path.parent / PREDICTIONS).is_file()] == []


def test_lines_of_predictions_have_exactly_these_keys():
    for path in RECORDS:
        if (path.parent / PREDICTIONS).is_file():
            expected = BASE_KEYS if raw(path)["notebook"] == "00_pretrain_base" else SCORED_KEYS
            assert set(first_line(path.parent / PREDICTIONS)) - NEW_SCORED_KEYS == expected, name(path)


def test_ledgers_of_predictions_have_exactly_these_keys():
    scored = [path.parent / PREDICTIONS for path in RECORDS if raw(path)["notebook"] == "03_search_and_score"]
    assert [name(path) for path in scored if set(first_line(path)["ledger"]) != LEDGER_KEYS] == []


def test_published_files_of_a_row_have_their_recorded_hash():
    """Models and datasets are not published, except the two shipped checkpoints. Records have their hashes."""
    checked, changed = 0, []
    for path in RECORDS:
        for artifact, digest in raw(path)["artifacts"].items():
            if (path.parent / artifact).exists():
                checked += 1
                changed += [name(path.parent / artifact)] * (sha256(path.parent / artifact) != digest)
    assert changed == [] and checked >= 138


def test_tables_and_figures_of_reports_have_their_recorded_hash():
    """`make publish` copies them to results/mini/tables and figures. The record of the report has their hashes."""
    reports = [raw(path) for path in RECORDS if raw(path)["notebook"] in REPORTS]
    kept = {
        artifact: digest for report in reports for artifact, digest in report["artifacts"].items() if "/" in artifact
    }
    assert len(kept) >= 100
    assert {artifact for artifact, digest in kept.items() if sha256(MINI / artifact) != digest} == set()


# ---------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("shipped", SHIPPED)
def test_a_shipped_checkpoint_has_its_recorded_model_hash(shipped):
    from o1lib.models.checkpoint import model_hash

    assert model_hash(CHECKPOINTS / shipped) == load(CHECKPOINTS / shipped).provenance["model_hash"]


@pytest.mark.slow
@pytest.mark.parametrize("shipped", SHIPPED)
def test_a_shipped_checkpoint_loads(shipped):
    from o1lib.models.checkpoint import load as load_model

    model, processor = load_model(CHECKPOINTS / shipped)
    assert type(model).__name__ == "MllamaForConditionalGeneration"
    assert 3e6 < sum(weights.numel() for weights in model.parameters()) <= 7e6
    assert len(processor.tokenizer) <= model.get_input_embeddings().num_embeddings


def test_published_arms_start_from_the_published_base():
    base = load(MINI / "runs" / "base" / "seed0").provenance["model_hash"]
    arms = [record for record in load_all(MINI) if record.parameters.get("base") == "base"]
    assert len(arms) >= 20
    assert [f"{arm.row}, seed {arm.seed}" for arm in arms if arm.extra["base_hash"] != base] == []


def test_models_are_the_same_in_records_and_checkpoints():
    """The shipped arm is the published one, or starts from a base that was shipped since."""
    published, shipped = load(MINI / "runs" / "structured" / "seed0"), load(CHECKPOINTS / "mini-structured")
    if shipped.extra["base_hash"] == published.extra["base_hash"]:
        assert shipped.provenance["model_hash"] == published.provenance["model_hash"]
    else:
        assert shipped.extra["base_hash"] == load(CHECKPOINTS / "mini-base").provenance["model_hash"]

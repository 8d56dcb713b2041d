"""Explaining a claim from published rows, from toy rows of a user's own, and without rows."""

import json
import re
from types import SimpleNamespace

import pandas as pd
import pytest
from support import toyrecords
from support.toyrecords import answers, leave
from typer.testing import CliRunner

from o1lib import cli
from o1lib.records import UserError, project_root
from o1lib.scoring import metrics
from o1lib.study.explain import differing, explain

HERE = project_root()
PUBLISHED = {line["id"]: line for line in json.loads((HERE / "results/mini/tables/claims.json").read_text("utf8"))}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A checkout with the published results, in which nothing was run."""
    for name in ("claims.yaml", "experiments.yaml", "results", "notebooks"):
        (tmp_path / name).symlink_to(HERE / name)
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    return tmp_path


def run_here(project, accuracies, seeds=(0,)):
    """Write toy records of {row: accuracy} and of their dataset to work/mini."""
    root = project / "work" / "mini"
    leave(root, "data", source="minivqa", n_test=toyrecords.N_TEST, test_split="devtest")
    for row, accuracy in accuracies.items():
        for seed in seeds:
            lines = answers(row, "tags", "mixed", "sample", 1, "", accuracy, seed)
            leave(root, row, seed, metrics(lines), lines, data="data", model=row.split(".")[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["A5", "A11", "A9", "B13"])
def test_a_published_claim_is_computed_again(project, name):
    text = explain(name)
    assert "records    of results/mini" in text
    assert "the same in results/mini/tables/claims.json" in text
    assert f"verdict    {PUBLISHED[name]['verdict']}" in text and "margin     –" in text
    for row in (PUBLISHED[name]["contrast"]["a"], PUBLISHED[name]["contrast"]["b"]):
        assert f"results/mini/runs/{row}/seed0" in text or not row


@pytest.mark.slow
def test_differing_questions_are_counted_and_shown(project):
    """Examples are shown with the answers of both rows."""
    text = explain("A5")
    won, lost, alike = map(
        int,
        re.search(
            r"structured.sample higher on (\d+), direct.sample higher on (\d+), "
            r"alike on (\d+)",
            text,
        ).groups(),
    )
    assert won + lost + alike == PUBLISHED["A5"]["n"]
    shown = text.split("structured.sample higher, the first 3:")[1].split("direct.sample higher, the first")[0]
    card = r"right: .*\n    asked: .*\n    structured.sample: .* \(right\).*\n    direct.sample: .* \(wrong\)"
    assert len(re.findall(card, shown)) == 3


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [lambda line: line.pop("value"), lambda line: line.update(low=None)])
def test_a_published_claim_without_its_numbers_is_a_sentence(project, spoil):
    (project / "results").unlink()
    (project / "results/mini/tables").mkdir(parents=True)
    (project / "results/mini/runs").symlink_to(HERE / "results/mini/runs")
    lines = json.loads(json.dumps([PUBLISHED["A5"]]))
    spoil(lines[0])
    (project / "results/mini/tables/claims.json").write_text(json.dumps(lines), encoding="utf8")
    with pytest.raises(UserError, match="results/mini/tables/claims.json is not a list of judged claims"):
        explain("A5")


@pytest.mark.slow
def test_own_rows_are_read_before_published_ones(project):
    run_here(project, {"structured.sample": 0.9, "direct.sample": 0.2})
    text = explain("A5")
    assert "records    of work/mini" in text
    assert "verdict    supported" in text
    assert "different in results/mini/tables/claims.json" in text


@pytest.mark.slow
def test_several_seeds_are_read_and_failures_are_named(project):
    run_here(project, {"structured.sample": 0.9, "direct.sample": 0.2}, seeds=(0, 1))
    text = explain("A5")
    assert "structured.sample, seed 1: work/mini/runs/structured.sample/seed1" in text
    assert "seeds: 2" in text
    assert text.count("0 failed") == 4


@pytest.mark.slow
def test_records_of_different_data_give_no_number(project):
    run_here(project, {"structured.sample": 0.9})
    lines = answers("direct.sample", "direct", "mixed", "sample", 1, "", 0.2)
    leave(project / "work" / "mini", "direct.sample", 0, metrics(lines), lines, dataset_hash="e" * 64)
    text = explain("A5")
    assert "verdict    not tested: records were scored on different data" in text
    assert "computed" not in text


@pytest.mark.slow
def test_text_of_models_cannot_steer_the_terminal(project):
    run_here(project, {"structured.sample": 0.9})
    lines = answers("direct.sample", "tags", "mixed", "sample", 1, "", 0.2)
    lines = [line | {"output": "\x1b[2Jgone\n" * 50} for line in lines]
    leave(project / "work" / "mini", "direct.sample", 0, metrics(lines), lines, data="data")
    text = explain("A5")
    assert "gone" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) < 300


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("A99", "did you mean 'A9'"),
        ("a5", "did you mean 'A5'"),
        ("", "make why CLAIM=A5`: one of A1, A2"),
        ("A14", "base.staged_prompt, which experiments.yaml does not have"),
        ("A14", "choose another CLAIM"),
    ],
)
def test_an_invalid_claim_is_refused_with_a_remedy(project, name, message):
    with pytest.raises(UserError, match=message):
        explain(name)


@pytest.mark.slow
def test_an_unknown_scale_is_refused_with_all_scales(project):
    with pytest.raises(UserError, match="unknown SCALE 'bogus': choose one of smoke, mini, confirmatory, gpu, paper"):
        explain("A5", "bogus")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "results", "message"),
    [
        ([], [], "needs structured.sample and direct.sample, not run so far"),
        (["direct.sample"], [], "needs structured.sample, not run so far"),
        (["direct.sample"], ["structured.sample"], "needs structured.sample and direct.sample in one folder"),
    ],
)
def test_missing_rows_are_named_with_their_command(project, monkeypatch, work, results, message):
    there = {"work": work, "results": results}
    monkeypatch.setattr(
        "o1lib.study.explain.load_all",
        lambda root: [SimpleNamespace(row=row, parameters={}) for row in there[root.parent.name]],
    )
    with pytest.raises(UserError, match=f"{message} .*`make study SCALE=mini ROWS=structured.sample,direct.sample`"):
        explain("A5")


@pytest.mark.slow
def test_the_command_prints_the_explanation(project):
    done = CliRunner().invoke(cli.app, ["why", "A5", "--scale", "mini"])
    assert done.exit_code == 0
    assert done.output.startswith("A5, LLaVA-o1, v1 Table 2")


def table(*values, seed=0):
    rows = [(seed, f"q{k}", "set", 1.0, value) for k, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["seed", "qid", "stratum", "weight", "value"])


def test_a_difference_is_a_mean_over_seeds():
    """It is shown at a seed at which the rows differ."""
    found = differing(pd.concat([table(1, 1), table(1, 1, seed=1)]), pd.concat([table(1, 0), table(0, 0, seed=1)]))
    assert list(found.difference) == [0.5, 1.0]
    assert list(found.seed) == [1, 0]


def test_a_rate_is_compared_with_zero():
    assert list(differing(table(0, 1)).difference) == [0, 1]

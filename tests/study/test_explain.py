"""From a claim to what decides it: on the published rows, on toy rows of one's own, and where there is nothing."""

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
    """A checkout in which nothing was run, with the published results."""
    for name in ("claims.yaml", "experiments.yaml", "results", "notebooks"):
        (tmp_path / name).symlink_to(HERE / name)
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    return tmp_path


def run_here(project, accuracies, seeds=(0,)):
    """Leave {row: accuracy} as toy rows of work/mini, and their dataset."""
    root = project / "work" / "mini"
    leave(root, "data", source="minivqa", n_test=toyrecords.N_TEST, test_split="devtest")
    for row, accuracy in accuracies.items():
        for seed in seeds:
            lines = answers(row, "tags", "mixed", "sample", 1, "", accuracy, seed)
            leave(root, row, seed, metrics(lines), lines, data="data", model=row.split(".")[0])


@pytest.mark.parametrize("name", ["A5", "A11", "A9", "B13"])
def test_a_published_claim_is_computed_again_from_the_published_rows(project, name):
    text = explain(name)
    assert "records    of results/mini" in text
    assert "the same in results/mini/tables/claims.json" in text
    assert f"verdict    {PUBLISHED[name]['verdict']}" in text
    for row in (PUBLISHED[name]["contrast"]["a"], PUBLISHED[name]["contrast"]["b"]):
        assert f"results/mini/runs/{row}/seed0" in text or not row


def test_the_questions_on_which_the_rows_differ_are_counted_and_shown_with_both_answers(project):
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


def test_rows_of_ones_own_come_before_the_published_ones(project):
    run_here(project, {"structured.sample": 0.9, "direct.sample": 0.2})
    text = explain("A5")
    assert "records    of work/mini" in text
    assert "verdict    reproduced" in text
    assert "otherwise in results/mini/tables/claims.json" in text


def test_several_seeds_are_read_and_failures_are_named(project):
    run_here(project, {"structured.sample": 0.9, "direct.sample": 0.2}, seeds=(0, 1))
    text = explain("A5")
    assert "structured.sample, seed 1: work/mini/runs/structured.sample/seed1" in text
    assert "seeds: 2" in text
    assert text.count("0 failed") == 4


def test_what_does_not_belong_together_says_so_instead_of_a_number(project):
    run_here(project, {"structured.sample": 0.9})
    lines = answers("direct.sample", "direct", "mixed", "sample", 1, "", 0.2)
    leave(project / "work" / "mini", "direct.sample", 0, metrics(lines), lines, dataset_hash="e" * 64)
    text = explain("A5")
    assert "verdict    not tested: records were scored on different data" in text
    assert "computed" not in text


def test_text_of_models_cannot_steer_the_terminal(project):
    run_here(project, {"structured.sample": 0.9})
    lines = answers("direct.sample", "tags", "mixed", "sample", 1, "", 0.2)
    lines = [line | {"output": "\x1b[2Jgone\n" * 50} for line in lines]
    leave(project / "work" / "mini", "direct.sample", 0, metrics(lines), lines, data="data")
    text = explain("A5")
    assert "gone" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) < 300


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("A99", "did you mean 'A9'"),
        ("a5", "did you mean 'A5'"),
        ("", "use one of A1, A2"),
        ("A14", "base.staged_prompt, which is no row of experiments.yaml"),
        ("A14", "choose another CLAIM"),
    ],
)
def test_a_claim_that_cannot_be_told_says_what_would(project, name, said):
    with pytest.raises(UserError, match=said):
        explain(name)


def test_an_unknown_scale_is_answered_with_those_there_are(project):
    with pytest.raises(UserError, match="unknown SCALE 'bogus': use one of smoke, mini, confirmatory, gpu, paper"):
        explain("A5", "bogus")


@pytest.mark.parametrize(
    ("work", "results", "said"),
    [
        ([], [], "needs structured.sample and direct.sample, not run so far"),
        (["direct.sample"], [], "needs structured.sample, not run so far"),
        (["direct.sample"], ["structured.sample"], "needs structured.sample and direct.sample in one place"),
    ],
)
def test_rows_that_were_not_run_are_named_with_the_command_that_runs_them(project, monkeypatch, work, results, said):
    there = {"work": work, "results": results}
    monkeypatch.setattr(
        "o1lib.study.explain.load_all", lambda root: [SimpleNamespace(row=row) for row in there[root.parent.name]]
    )
    with pytest.raises(UserError, match=f"{said} .*`make study SCALE=mini ROWS=structured.sample,direct.sample`"):
        explain("A5")


def test_the_command_prints_it(project):
    done = CliRunner().invoke(cli.app, ["why", "A5", "--scale", "mini"])
    assert done.exit_code == 0
    assert done.output.startswith("A5, LLaVA-o1, v1 Table 2")


def table(*values, seed=0):
    rows = [(seed, f"q{k}", "set", 1.0, value) for k, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["seed", "qid", "stratum", "weight", "value"])


def test_a_difference_is_a_mean_over_seeds_and_is_shown_at_a_seed_where_there_is_one():
    found = differing(pd.concat([table(1, 1), table(1, 1, seed=1)]), pd.concat([table(1, 0), table(0, 0, seed=1)]))
    assert list(found.difference) == [0.5, 1.0]
    assert list(found.seed) == [1, 0]


def test_a_rate_is_told_apart_from_nothing():
    assert list(differing(table(0, 1)).difference) == [0, 1]

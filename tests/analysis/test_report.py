"""The four reports run on a toy study: all tables and figures are written, no gap is filled, and text is no HTML."""

import ast
import json
import os
import re
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import nbformat
import pandas as pd
import papermill
import pytest
from nbformat.v4 import new_code_cell
from PIL import Image
from support import toyrecords
from test_bases import AHEAD
from test_bases import study as on_two_bases

from o1lib.analysis.claims import evaluate_claims, load_claims
from o1lib.analysis.claims.bases import on_every_base
from o1lib.analysis.claims.contradictions import contradictions
from o1lib.analysis.claims.page import (
    claims_page,
    claims_table,
    cost_table,
    difference_claims,
    incomplete_claims,
    summarize_verdicts,
    verdict_counts,
)
from o1lib.analysis.contrasts import compare, compare_metrics, summarize_contrasts
from o1lib.analysis.headline import with_headline
from o1lib.analysis.inference_scaling import scaling_table, with_judge_metrics
from o1lib.analysis.observations import observations
from o1lib.analysis.plots import points
from o1lib.analysis.report import ARMS, Report
from o1lib.analysis.tables import by_row, pooled
from o1lib.analysis.views.examples import questions, tree_of
from o1lib.data.chance import keep_levels
from o1lib.minivqa import mixture
from o1lib.records import UserError, finish, load, load_all, need, start
from o1lib.scoring import metrics
from o1lib.scoring.chance_level import HEADLINE
from o1lib.scoring.policy_scores import chance_levels
from o1lib.study import experiments

pytestmark = pytest.mark.slow
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
REPORTS = {
    "ablations": "04_ablations",
    "inference_scaling": "05_inference_scaling",
    "curriculum": "06_curriculum",
    "claims": "07_claims",
}
TALLEST = 1400  # pixels of a figure, of which two make one of the screen
# Not resource.getrusage: a process starts with the peak of the one that it was forked from, here the whole test run's.
ASKED = """import sys, psutil
heavy = [name for name in ("torch", "transformers", "trl", "sklearn") if name in sys.modules]
heavy, psutil.Process().memory_info().rss / 2**20"""


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """The root of a toy study with two seeds, left as it is by every test."""
    root = tmp_path_factory.mktemp("study")
    toyrecords.leave_study(root, seeds=(0, 1))
    return root


def execute(row, root, folder, **parameters):
    """Run a report as the study does, and a cell that asks what it took; return the executed notebook as a dict."""
    source, out = nbformat.read(NOTEBOOKS / f"{REPORTS[row]}.ipynb", as_version=4), folder / f"{row}.ipynb"
    source.cells.append(new_code_cell(ASKED))
    nbformat.write(source, folder / "source.ipynb")
    os.environ["PYTHONPATH"] = str(NOTEBOOKS.parent)
    papermill.execute_notebook(
        folder / "source.ipynb",
        out,
        {"row": row, "seed": 0, "root": str(root)} | parameters,
        kernel_name="python3",
        progress_bar=False,
    )
    return json.loads(out.read_text(encoding="utf8"))


@pytest.fixture(scope="session", params=REPORTS)
def executed(request, study, tmp_path_factory):
    """(row, the executed notebook, its record) of each report."""
    notebook = execute(request.param, study, tmp_path_factory.mktemp("executed"))
    return request.param, notebook, load(study / "runs" / request.param / "seed0")


def outputs(notebook, kind):
    found = [output.get("data", {}).get(kind) for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return ["".join(text) for text in found if text]


def opened(root, row="by_hand"):
    """Open a report on `root` as a notebook's first cells do."""
    values = {"row": row, "seed": 0, "scale": "mini", "root": str(root)}
    cell = "\n".join(f"{name}: {type(value).__name__} = {value!r}" for name, value in values.items())
    return Report(start(values | {"In": ["", cell, "run = start(globals())"]}))


def test_a_caption_names_the_base_of_its_rows_where_a_study_has_several(tmp_path):
    on_two_bases(tmp_path, AHEAD)
    report, rows = opened(tmp_path), {"a": "a.sample", "b": "b.sample"}
    assert "interval (base 0, pilot)" in report.table("own", rows, ["accuracy"]).data
    assert "interval (base 0, pilot)" in report.costs("costs", rows).data
    shown = report.table("each", on_every_base(report.records, rows), ["accuracy"]).data
    assert "interval (pilot)" in shown and "a, base 1" in shown


# ---------------------------------------------------------------- the notebooks


def test_a_report_ends_with_a_record_of_everything_it_wrote(executed):
    row, _, record = executed
    written = [path.relative_to(record.folder).as_posix() for path in record.folder.rglob("*") if path.is_file()]
    assert set(record.artifacts) == set(written) - {"record.json"}
    assert record.changed() == [] and record.extra["conclusion"]
    assert {Path(name).suffix for name in record.artifacts} >= {".csv", ".svg", ".png"}


def test_the_claims_report_needs_the_seeds_that_its_scale_plans(tmp_path):
    """The confirmatory scale plans more than the two seeds that these records have."""
    toyrecords.leave_study(tmp_path, seeds=(0, 1))
    execute("claims", tmp_path, tmp_path, plan="confirmatory")
    kept = tmp_path / "runs" / "claims" / "seed0" / "tables" / "claims.json"
    found = {line["id"]: line for line in json.loads(kept.read_text(encoding="utf8"))}
    assert found["A5"]["verdict"] == "not tested" and "lacks its planned seeds" in found["A5"]["why"]


def test_a_changed_metric_changes_the_first_figure(tmp_path):
    toyrecords.leave_study(tmp_path)
    execute("ablations", tmp_path, tmp_path, metric="mini-MMStar")
    record = load(tmp_path / "runs" / "ablations" / "seed0")
    found = pd.read_csv(record.folder / "tables" / "ablation_contrasts.csv").set_index("contrast")
    plain, asked = (
        compare(load_all(tmp_path), [("structured", "direct training", 1)], ARMS, *metric).iloc[0]
        for metric in ([], ["mini-MMStar"])
    )
    assert found.value[asked.contrast] == pytest.approx(asked.value) != pytest.approx(plain.value)
    assert f"{100 * asked.value:+.1f} points" in record.extra["opening"][0]


def test_a_report_opens_with_sentences_and_a_figure_that_says_what_it_shows(executed):
    _, notebook, record = executed
    assert " ".join(record.extra["opening"]) == outputs(notebook, "text/markdown")[0]
    shown = [
        output for cell in notebook["cells"] for output in cell.get("outputs", []) if "image/png" in output["data"]
    ]
    titles = [one["metadata"]["image/png"]["alt"] for one in shown]
    assert 1 <= len(shown) <= 6 and all(len(title) > 20 for title in titles) and len(set(titles)) == len(titles)


def test_a_figure_is_no_taller_than_a_screen_or_two(executed):
    _, _, record = executed
    heights = {path.name: Image.open(path).height for path in (record.folder / "figures").glob("*.png")}
    assert heights and {name: height for name, height in heights.items() if height > TALLEST} == {}


def test_figures_of_the_searches_show_the_headline_where_levels_are_frozen(tmp_path):
    toyrecords.leave_study(tmp_path)
    keep_levels(need(tmp_path, "data", 0), chance_levels(list(mixture("train", 100)), toyrecords.questions(), "d" * 64))
    execute("inference_scaling", tmp_path, tmp_path)
    tables = tmp_path / "runs" / "inference_scaling" / "seed0" / "tables"
    found = {record.row: record.metrics for record in with_headline(load_all(tmp_path))}
    searches = pd.read_csv(tables / "searches.csv")
    for row, value in zip(searches.row, searches.value, strict=True):
        assert value == pytest.approx(found[row][HEADLINE].value)
    judges = pd.read_csv(tables / "gain_of_a_judge.csv").set_index("judge")
    assert judges.value["self"] == pytest.approx(found["structured.stage_beam4.self"][HEADLINE].value)
    assert pd.read_csv(tables / "late_or_early.csv").contrast[0] == "headline score"


def test_a_report_shows_its_conclusion_and_figures_unwarned(executed):
    _, notebook, record = executed
    assert all(sentence in outputs(notebook, "text/markdown")[-1] for sentence in record.extra["conclusion"])
    assert len(outputs(notebook, "image/png")) == len([name for name in record.artifacts if name.endswith(".png")])
    assert not [
        output
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if output["output_type"] in ("stream", "error")
    ]


def test_rows_that_were_not_run_are_shown_as_not_run(executed):
    _, notebook, _ = executed
    assert re.search("not run|not tested", "".join(outputs(notebook, "text/html")))


def test_model_output_is_never_html(executed):
    _, notebook, _ = executed
    claims_page = "".join(outputs(notebook, "text/html"))
    assert "&lt;NA&gt;" not in claims_page
    assert "<b>B</b>" not in claims_page and "<i>1</i>" not in claims_page and "<SUMMARY>" not in claims_page


def test_every_table_of_cells_has_the_same_columns(executed):
    _, _, record = executed
    for name in record.artifacts:
        if name.endswith("_cells.csv"):
            header = (record.folder / name).read_text(encoding="utf8").splitlines()[0]
            assert header == "label,row,metric,value,low,high,n,seeds,failed,chance,study"


def test_a_report_needs_no_training_stack_and_little_memory(executed):
    _, notebook, _ = executed
    imported, megabytes = ast.literal_eval(notebook["cells"][-1]["outputs"][0]["data"]["text/plain"][0])
    assert imported == [] and megabytes < 400


def test_row_ids_named_in_reports_are_rows_of_the_study():
    rows = experiments.read_experiments().rows
    known = {re.sub(r"\d+", "#", row) for row in rows}
    shape = re.compile(r"[a-z_]+\.(sample|greedy|[a-z_]+\d+(\.[a-z0-9_]+)*)")
    named = set(ARMS.values())
    for name in REPORTS.values():
        cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf8"))["cells"]
        trees = [ast.parse("".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
        named |= {
            node.value
            for tree in trees
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and shape.fullmatch(node.value)
        }
    assert len(named) > 15 and {re.sub(r"\d+", "#", row) for row in named} <= known


# ---------------------------------------------------------------- what they are made of


def test_a_report_without_records_says_what_to_run(tmp_path):
    with pytest.raises(UserError, match="holds no scored row to report on: run `make study`"):
        opened(tmp_path)


def test_rows_scored_on_other_data_are_named_below_the_table(tmp_path):
    lines = toyrecords.answers("direct.sample", "direct", "mixed", "sample", 1, "", 0.5)
    toyrecords.leave(tmp_path, "direct.sample", 0, metrics(lines), lines)
    toyrecords.leave(tmp_path, "structured.sample", 0, metrics(lines), lines, dataset_hash="e" * 64)
    shown = opened(tmp_path).table("t", ARMS, ["mini-MMStar"], "A_v1_table2_ablation").data
    assert "Incomplete: scored on different data" in shown and "eeeeeeeeee" in shown
    assert "LLaVA-o1" in shown and "other models and data" in shown


def test_contrasts_are_paired_and_name_the_claimed_sign(study):
    found = compare(
        load_all(study),
        [("structured", "base, not fine-tuned", 1), ("direct training", "without tags", 0), ("structured", "x", 1)],
        ARMS | {"x": "shuffled.sample"},
    )
    first, second, third = found.to_dict("records")
    means = [
        pooled(by_row(load_all(study))[ARMS[label]], "mini-average")["value"]
        for label in ("structured", "base, not fine-tuned")
    ]
    assert first["value"] == pytest.approx(means[0] - means[1], abs=1e-5) and first["seeds"] == 2
    assert first["low"] < first["value"] < first["high"] and first["claimed"] == "better"
    assert second["verdict"] in ("better", "worse", "not told apart")
    assert third["verdict"] == "not tested" and "shuffled.sample" in third["why"]
    words = summarize_contrasts(found)
    assert "The papers claim better" in words[0] and "No paper claims it" in words[1] and "not tested" in words[2]


def arms_of(root, seeds, **more):
    """Leave a dataset and two arms with these seeds each; `more` is of the second arm's last record."""
    toyrecords.leave(root, "data", source="minivqa", n_test=8, test_split=more.pop("split", "devtest"))
    for row, chosen in zip(("structured.sample", "direct.sample"), seeds, strict=True):
        for seed in chosen:
            lines = toyrecords.answers(row, "tags", "mixed", "sample", 1, "", 0.5, seed=seed)
            last = more if (row, seed) == ("direct.sample", chosen[-1]) else {}
            toyrecords.leave(root, row, seed, metrics(lines), lines, data="data", **last)
    return compare(load_all(root), [("structured", "direct training", 1)], ARMS).iloc[0]


def test_rows_on_one_other_set_are_compared_in_another_metric(study):
    easy = {"structured": "easy_structured.sample", "direct training": "easy_direct.sample"}
    pairs = [("structured", "direct training", 1)]
    line = compare(load_all(study), pairs, easy, "accuracy").iloc[0]
    means = [
        observations(load(study / "runs" / row / "seed0").predictions(), "accuracy").value.mean()
        for row in easy.values()
    ]
    assert line.value == pytest.approx(means[0] - means[1], abs=1e-5) and line.low < line.value < line.high
    assert compare(load_all(study), pairs, easy).iloc[0].verdict == "not tested"


def test_a_contrast_of_records_that_belong_together_is_complete(tmp_path):
    assert arms_of(tmp_path, [(0, 1), (0, 1)]).incomplete == ""


def test_a_table_without_values_is_a_sentence_and_an_empty_column_is_named(study):
    report = opened(study)
    part = pd.DataFrame({"tokens": ["–", "–"], "seconds": ["12", "not run"]}, index=["a", "b"])
    shown_table = report.html(part, "training").data
    assert "In no record: tokens" in shown_table and "<th>tokens</th>" not in shown_table and "12" in shown_table
    for nothing, told in ((part.assign(seconds="not run"), "not run"), (part[:0], "no line to show")):
        assert report.html(nothing, "training").data == f"*{report.caption('training')}: {told}.*"


def test_a_table_of_rows_that_were_not_run_is_a_line(study):
    shown_table = opened(study).table("none", {"no arm": "never.sample"}, ["accuracy"]).data
    assert "not run" in shown_table and "<table" not in shown_table


def test_contrasts_that_were_not_tested_are_sentences(study):
    report = opened(study)
    found = report.contrasts("none", [("x", "y", 0)], {"x": "never.sample", "y": "structured.sample"})
    assert report.shown(found).data.startswith("- **x − y**: not tested")


def test_reasons_that_contrasts_share_stand_once_below_their_table(study):
    report = opened(study)
    rows = {"x": "structured.sample", "y": "direct.sample", "z": "no_tags.sample"}
    found = report.contrasts("several", [("x", "y", 1), ("x", "z", 1)], rows)
    shown = report.shown(found).data
    reasons = {part for text in found.why for part in text.split("; ")}
    assert reasons and all(shown.count(f"<li>{reason}</li>") == 1 for reason in reasons)
    assert "<td>1, 2" in shown or len(reasons) == 1


def test_a_row_most_of_whose_answers_failed_is_named(tmp_path):
    arms_of(tmp_path, [(0, 1), (0, 1)])
    records = [
        record.model_copy(update={"n_failed": len(record.predictions())}) if record.row == "direct.sample" else record
        for record in load_all(tmp_path)
    ]
    [line] = compare(records, [("structured", "direct training", 1)], ARMS).to_dict("records")
    n = line["failed"]
    assert n > 0 and line["ill_formed"] == f"{n} of {n} answers of “direct training” failed"
    assert compare(load_all(tmp_path), [("structured", "direct training", 1)], ARMS).ill_formed[0] == ""


def test_an_unpaired_seed_is_left_out_of_a_contrast_and_named(tmp_path):
    found = arms_of(tmp_path, [(0, 1), (0,)])
    assert found.seeds == 1 and found.incomplete == "direct.sample lacks seed 1"


def test_a_contrast_of_different_data_has_a_reason_and_no_value(tmp_path):
    found = arms_of(tmp_path, [(0, 1), (0, 1)], dataset_hash="e" * 64)
    assert found.isna()["value"] and "scored on different data" in found.incomplete


def test_failed_answers_are_counted_and_stay_in_a_contrast(tmp_path):
    found = arms_of(tmp_path, [(0,), (0,)], n_failed=3)
    assert found.failed == 3 and found.incomplete == "" and found.n > 0


def test_sentences_name_incomplete_contrasts_and_the_gap(tmp_path):
    arms_of(tmp_path, [(0, 1), (0,)])
    words = summarize_contrasts(compare(load_all(tmp_path), [("structured", "direct training", 1)], ARMS))
    assert "Incomplete: direct.sample lacks seed 1." in words[0]
    assert words[-1] == "1 of 1 contrasts are incomplete: structured − direct training."


def test_one_pair_is_compared_in_several_metrics(study):
    found = compare_metrics(
        load_all(study), ("structured", "direct training", 1), ARMS, {"all six": "mini-average", "open": "open"}
    )
    assert list(found.contrast) == ["all six", "open"] and found.value.notna().all() and found.n[0] != found.n[1]


def test_an_untested_claim_is_incomplete_with_its_reason(study):
    lines = [
        line | {"verdict": "not tested", "why": "its file is damaged"}
        for line in evaluate_claims(load_claims(), load_all(study), same_code=False)
        if line["id"] == "A5"
    ]
    assert incomplete_claims(lines, load_all(study)).loc["A5", "lacks"] == "its file is damaged"


def test_claims_that_lack_something_are_listed_with_what_it_is(study):
    found = incomplete_claims(evaluate_claims(load_claims(), load_all(study), same_code=False), load_all(study))
    assert found.lacks.str.contains("has no record").any() and (found.lacks != "").all()


@pytest.mark.parametrize(("split", "marked"), [("devtest", True), ("test", False)])
def test_every_table_and_figure_of_a_pilot_is_marked_as_one(tmp_path, split, marked):
    found = arms_of(tmp_path, [(0,), (0,)], split=split)
    report = opened(tmp_path)
    shown = [
        report.table("t", ARMS, ["mini-MMStar"]),
        report.costs("c", ARMS),
        report.shown(found.to_frame().T),
        report.provenance(),
    ]
    assert all(("(pilot)" in part.data) is marked for part in shown) and report.extra["pilot"] is marked
    report.figure("f", points(report.cells(ARMS, ["mini-MMStar"]), "label"), "what it shows")
    assert (">pilot</text>" in report.paths[-2].read_text(encoding="utf8")) is marked


def test_searches_start_from_one_sample(study):
    found = scaling_table(load_all(study), "structured")
    assert found.groupby("method").N.apply(list).to_dict() == {
        "best-of-N": [1, 4],
        "sentence-level beam": [1, 2],
        "stage-level beam": [1, 2, 4],
    }
    assert set(found[found.N == 1].row) == {"structured.sample"} and (found.tokens > 0).all()
    assert scaling_table(load_all(study), "structured", temperature=1.0).empty


def test_a_judges_own_record_becomes_metrics_with_intervals(study):
    rows = by_row(with_judge_metrics(load_all(study)))
    found = rows["structured.stage_beam4.self"][0].metrics["judge/accuracy"]
    assert (found.value, found.n) == (0.6, 60) and found.low < 0.6 < found.high
    assert "judge/accuracy" not in rows["structured.sample"][0].metrics


def test_questions_are_drawn_again_as_they_were(study):
    record = by_row(load_all(study))["structured.sample"][0]
    lines = record.predictions()
    found = questions(record, study, lines)
    assert set(found) == {line["qid"] for line in lines}
    assert all(found[line["qid"]].answer == line["gold"] for line in lines)


def test_questions_without_their_pictures_are_left_out(study):
    record = by_row(load_all(study))["easy_direct.sample"][0]
    assert questions(record, study, record.predictions()) == {}


def test_a_search_is_rebuilt_from_its_prediction(study):
    record = by_row(load_all(study))["structured.stage_beam4.self"][0]
    line = record.predictions()[0]
    tree = tree_of(line, questions(record, study, [line])[line["qid"]])
    assert [len(one.candidates) for one in tree.rounds] == [4] and tree.rounds[0].kept == 0
    assert tree.usage.judge == line["ledger"]["judge"] and tree.n == 4


def test_a_served_answer_with_a_price_is_shown_too(study):
    record = by_row(load_all(study))["structured.stage_beam4.self"][0]
    line = record.predictions()[0]
    priced = line | {"ledger": {"generated": 5, "money": 0.25}}
    assert tree_of(priced, questions(record, study, [line])[line["qid"]]).usage.generated == 5


# ---------------------------------------------------------------- claims


@pytest.fixture(scope="session")
def judged_claims(study):
    return evaluate_claims(load_claims(), load_all(study), same_code=False)


def test_every_claim_has_one_line_and_one_verdict(judged_claims):
    shown = claims_table(judged_claims)
    assert len(shown) == int(verdict_counts(judged_claims).loc["both papers"].sum()) >= 20
    assert len(shown) + len(cost_table(judged_claims)) == len(load_claims())
    assert (shown["why"].str.len() > 0).all() and shown.loc["A1", "reported"] == "63.5 against 56.6"
    assert re.fullmatch(r"[+-]\d+\.\d points \[.+, .+\]", shown.loc["A5", "measured here"])
    assert (shown[shown.verdict == "not tested"]["measured here"] == "–").all()
    assert sum(int(re.search(r": (\d+) of", text)[1]) for text in summarize_verdicts(judged_claims)) == len(shown)


def test_only_differences_are_drawn_in_points(judged_claims):
    drawn = difference_claims(judged_claims)
    kinds = ("difference", "equivalence")
    tested = {line["id"] for line in judged_claims if line["kind"] in kinds and line["value"] is not None}
    assert {text.split(":")[0] for text in drawn.claim} == tested and "B14" not in tested


def test_the_claims_page_needs_no_other_file_and_escapes(judged_claims):
    hostile = [line | {"statement": "<script>x</script>", "why": "a < b"} for line in judged_claims]
    text = claims_page(hostile, "<i>note</i>", incomplete_claims(hostile, []))
    assert "What the claims lack" in text
    assert text.startswith("<!doctype html>") and "<script>" not in text and "&lt;i&gt;note" in text
    assert "http" not in text.replace("https://doi.org", "")


def test_claims_are_left_as_json_and_as_a_page(study, executed):
    row, _, record = executed
    if row != "claims":
        pytest.skip("another report")
    lines = json.loads((record.folder / "tables" / "claims.json").read_text(encoding="utf8"))
    assert [line["id"] for line in lines] == [claim.id for claim in load_claims()]
    assert (record.folder / "claims.html").read_text(encoding="utf8").count("<tr") > len(lines)


def test_contradictions_are_computed_from_the_printed_tables():
    found = contradictions().set_index("where")
    assert found.loc["LlamaV-o1, Table 5", "against"] == "1.4, 4.2, 6.8, 8.9 times"
    assert found.loc["LLaVA-o1, Table 2, v1 against v6", "printed"] == "AI2D changed"
    assert found.loc["LlamaV-o1, Figure 4, GPT-4o", "against"] == "its categories give 62.55"
    assert len(found) >= 12


def test_a_corrected_contradiction_is_no_longer_listed(tmp_path, monkeypatch):
    source = NOTEBOOKS.parent / "results" / "reported"
    target = tmp_path / "results" / "reported"
    target.mkdir(parents=True)
    for path in source.glob("*.csv"):
        text = path.read_text(encoding="utf8").replace(",62.78,", ",61.85,") if "B_table3" in path.name else None
        target.joinpath(path.name).write_text(text or path.read_text(encoding="utf8"), encoding="utf8")
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    assert not contradictions()["where"].str.contains("Mulberry").any()


def test_a_report_by_hand_writes_under_work(tmp_path, monkeypatch):
    monkeypatch.setenv("O1LIB_ROOT", str(tmp_path))
    lines = toyrecords.answers("structured.sample", "tags", "mixed", "sample", 1, "", 0.5)
    toyrecords.leave(tmp_path / "work" / "mini", "structured.sample", 0, metrics(lines), lines)
    (tmp_path / "work").rename(tmp_path / "results")
    report = opened("results/mini")
    report.provenance()
    finish(report.run, {}, artifacts=report.paths)
    assert (tmp_path / "work" / "mini" / "runs" / "by_hand" / "seed0" / "record.json").is_file()
    assert not (tmp_path / "results" / "mini" / "runs" / "by_hand").exists()

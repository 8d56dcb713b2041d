"""The papers' numbers have sources, their averages are recomputed, and disagreements are listed."""

import numpy as np
import pandas as pd
import pytest

from o1lib.records import project_root

FOLDER = project_root() / "results" / "reported"
COLUMNS = ["paper", "table", "model", "setting", "benchmark", "metric", "value", "source"]
FILES = sorted(path.stem for path in FOLDER.glob("*.csv"))
AVERAGED = [
    "A_v1_table2_ablation",
    "A_v1_table3_mmstar_skills",
    "A_v1_table4_inference",
    "A_v1_table7_sota_reconstructed",
    "A_v6_table2_ablation",
    "A_v6_table3_mmstar_skills",
    "A_v6_table4_swires",
    "A_v6_table5_sota",
    "A_v6_table7_cot_design",
    "B_table3_six_benchmarks",
    "B_table4_ablation",
]
WRONG_AVERAGES = {  # (file, model): printed average, mean of the printed row
    ("B_table3_six_benchmarks", "Llama-3.2-11B-Vision-Inst"): (56.9, 56.57),
    ("B_table3_six_benchmarks", "Mulberry-7B"): (62.78, 61.85),
    ("B_table4_ablation", "Llama-3.2-11B-Vision-Inst"): (56.9, 56.57),
}


def read(name):
    """Read one of the reported tables, values as text."""
    return pd.read_csv(FOLDER / f"{name}.csv", dtype=str, keep_default_na=False)


def value(name, **where):
    """Return the one number at a place of a table."""
    found = read(name)
    for column, wanted in where.items():
        found = found[found[column] == wanted]
    assert len(found) == 1, (name, where, len(found))
    return float(found["value"].iloc[0])


def test_every_line_has_a_value_and_a_source():
    tables = {name: read(name) for name in FILES}
    assert len(tables) > 20
    assert [name for name, table in tables.items() if list(table.columns) != COLUMNS] == []
    assert [name for name, table in tables.items() if not len(table) or (table == "").any(axis=None)] == []


def test_values_are_numbers_unless_marked_as_unverified():
    values = {name: read(name)["value"] for name in FILES if "hparams" not in name}
    texts = {name: set(found[pd.to_numeric(found, errors="coerce").isna()]) for name, found in values.items()}
    assert {name: odd for name, odd in texts.items() if odd - {"UNVERIFIED"}} == {}


def test_no_cell_has_two_numbers_but_for_unassigned_points():
    """Points of a figure that could not be assigned to their setting are marked UNVERIFIED."""
    cell = ["table", "model", "setting", "benchmark", "metric"]
    twice = {name: table[table.duplicated(cell, keep=False)] for name in FILES if len(table := read(name))}
    assert [name for name, lines in twice.items() if not lines["setting"].str.contains("UNVERIFIED").all()] == []


def recomputed(name):
    """Return {model: (printed average, mean of the row)} of the rows that do not agree within 0.1."""
    found = {}
    for (model, _), rows in read(name).groupby(["model", "setting"]):
        is_average = rows["benchmark"].isin(["Average", "MMStar/Average"])
        cells = pd.to_numeric(rows["value"], errors="coerce")
        if is_average.any() and cells.notna().all():
            printed, mean = cells[is_average].iloc[0], cells[~is_average].mean()
            if abs(printed - mean) > 0.1 + 1e-9:
                found[model] = (printed, round(mean, 2))
    return found


def test_printed_averages_are_means_but_for_the_listed_ones():
    """Rows of paper B that were copied from paper A are left out: their average is over other columns."""
    table = read("B_table3_six_benchmarks")
    copied = set(table[table["source"].str.contains("copies A Table 7")]["model"])
    found = {(name, model): numbers for name in AVERAGED for model, numbers in recomputed(name).items()}
    assert {
        key: numbers for key, numbers in found.items() if key[0] != "B_table3_six_benchmarks" or key[1] not in copied
    } == WRONG_AVERAGES


def test_the_two_base_averages_are_over_different_columns():
    for name, printed in (("A_v1_table2_ablation", 56.6), ("A_v1_table7_sota_reconstructed", 56.9)):
        cells = read(name).query("setting == 'base model' and benchmark != 'Average'")["value"].astype(float)
        assert cells.mean() == pytest.approx(printed, abs=0.06)


def test_reasoning_subset_of_mmstar_is_the_mean_of_four_skills():
    skills = read("A_v1_table3_mmstar_skills").set_index(["setting", "benchmark"])["value"].astype(float)
    for setting, printed in (("base model", 46.6), ("full", 57.5)):
        four = [skills[setting, f"MMStar/{skill}"] for skill in ("IR", "LR", "Math", "Science&Technology")]
        assert np.mean(four) == pytest.approx(printed, abs=0.05)


def test_only_ai2d_and_the_average_changed_in_paper_a():
    one, six = (
        read(name).set_index(["setting", "benchmark"])["value"].astype(float)
        for name in ("A_v1_table2_ablation", "A_v6_table2_ablation")
    )
    changed = {benchmark for setting, benchmark in one.index if one[setting, benchmark] != six[setting, benchmark]}
    assert changed == {"AI2D", "Average"}


def micro(model, metric):
    """Return (overall as printed, category values weighted by the number of samples)."""
    sizes = read("B_fig3_vrcbench_composition").query("metric == 'samples'")
    sizes = sizes.assign(value=sizes["value"].astype(float)).groupby("setting")["value"].sum()
    table = read("B_fig4_vrcbench_categories").query("model.str.startswith(@model + ' ') or model == @model")
    cells = table[table["metric"] == metric].set_index("setting")["value"].astype(float)
    parts = cells.drop("Overall")
    assert set(parts.index) == set(sizes.index)
    return cells["Overall"], (parts * sizes).sum() / sizes.sum()


@pytest.mark.parametrize("model", ["LlamaV-o1", "Llava-CoT", "Gemini-1.5-Flash", "Gemini-2.0-Flash"])
def test_the_overall_of_vrc_bench_is_the_micro_average(model):
    for metric in ("final answer accuracy (%)", "reasoning steps score (%)"):
        printed, weighted = micro(model, metric)
        assert printed == pytest.approx(weighted, abs=0.015)


@pytest.mark.parametrize(
    ("model", "weighted"),
    [("GPT-4o", 62.55), ("Claude-3.5-Sonnet", 58.68), ("Gemini-1.5-Pro", 66.34), ("GPT-4o-mini", 56.58)],
)
def test_contradiction_four_overall_scores_are_no_averages(model, weighted):
    printed, found = micro(model, "final answer accuracy (%)")
    assert found == pytest.approx(weighted, abs=0.01)
    assert abs(printed - found) > 0.1


def test_contradiction_two_models_have_identical_numbers():
    table = read("B_table2_vrcbench").query("table == 'Table 2'").pivot(index="model", columns="metric", values="value")
    assert (table.loc["Claude-3.5-Sonnet"] == table.loc["Gemini-1.5-Pro"]).all()
    assert table.duplicated().sum() == 1


def test_contradiction_no_ratio_of_hours_is_the_claimed_five():
    hours = read("B_table5_inference_scaling").query("metric.str.startswith('time')")
    hours = hours[~hours["setting"].str.contains("CONFLICTS")].astype({"value": float})
    wide = hours.assign(beams=hours["setting"].str[-1]).pivot(index="beams", columns="model", values="value")
    ratios = (wide["Llava-CoT"] / wide["LlamaV-o1"]).round(1).tolist()
    assert ratios == [1.4, 4.2, 6.8, 8.9]


def test_contradiction_mm_vet_without_beams_has_two_values():
    ablation = value("B_table4_ablation", setting="+ Curriculum with Multi-Step CoT Reasoning", benchmark="MMVet")
    scaling = value("B_table5_inference_scaling", model="LlamaV-o1", setting="No scaling; beams=1", metric="score")
    assert (ablation, scaling) == (61.88, 63.63)


def test_contradiction_six_per_cent_of_outputs_break_the_format():
    whole = value("third_party_checks", metric="well-formed outputs (four tag pairs once, in order)")
    assert 1 - whole / 1000 == pytest.approx(0.06)


def test_table_1_sums_to_99_thousand():
    assert read("A_v1_table1_dataset")["value"].astype(float).sum() == pytest.approx(99.0)

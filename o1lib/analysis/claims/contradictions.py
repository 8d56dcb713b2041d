"""Find contradictions between the papers' own numbers, computed from the tables in results/reported/.

    contradictions()        # DataFrame: where, what is printed, what follows from the other printed numbers

No contradiction is written down by hand: a check returns lines only while the numbers disagree.
"""

import pandas as pd

from o1lib.records import project_root

COLUMNS = ["where", "printed", "against", "remark"]
AVERAGED = [
    "A_v1_table2_ablation",
    "A_v1_table3_mmstar_skills",
    "A_v1_table4_inference",
    "A_v6_table2_ablation",
    "A_v6_table3_mmstar_skills",
    "A_v6_table4_swires",
    "A_v6_table5_sota",
    "A_v6_table7_cot_design",
    "B_table3_six_benchmarks",
    "B_table4_ablation",
]
FINAL, TIME = "final answer accuracy (%)", "time (GPU hours, one A100 80GB)"
ROUNDING = 0.1  # averages of rounded cells, themselves rounded
_EDITIONS = ("A_v1_table2_ablation", "A_v6_table2_ablation")


def _read(name):
    frame = pd.read_csv(project_root() / "results" / "reported" / f"{name}.csv")
    return frame.assign(value=pd.to_numeric(frame["value"], errors="coerce"))


def _conflicting(frame):
    return frame["setting"].str.contains("CONFLICTS", na=False)


def averages():
    """Yield the printed averages that are not the mean of their row."""
    for name in AVERAGED:
        frame = _read(name)
        for (model, setting), row in frame.groupby(["model", "setting"], sort=False):
            of_row = row["benchmark"].str.endswith("Average")
            printed, mean = row[of_row]["value"].mean(), row[~of_row]["value"].mean()
            if abs(printed - mean) > ROUNDING + 1e-9:
                where = f"{'LLaVA-o1' if name[0] == 'A' else 'LlamaV-o1'}, {row['table'].iloc[0]}, {model}, {setting}"
                yield where, f"average {printed:g}", f"its row's mean is {mean:.2f}", ""


def editions():
    """Yield the benchmarks that changed between two versions of paper A's ablation, if others did not change."""
    one, two = (_read(name).set_index(["setting", "benchmark"])["value"] for name in _EDITIONS)
    moved = (one - two).abs() > 1e-9
    changed = sorted({benchmark for _, benchmark in one.index[moved]} - {"Average"})
    same = sorted({benchmark for _, benchmark in one.index} - {*changed, "Average"})
    if changed and same:
        yield (
            "LLaVA-o1, Table 2, v1 against v6",
            f"{', '.join(changed)} changed",
            f"{', '.join(same)} did not",
            "the author announced retraining; no other cell moved",
        )


def identical_models():
    """Yield the models that have identical numbers in LlamaV-o1's Table 2."""
    frame = _read("B_table2_vrcbench")
    wide = frame[~_conflicting(frame)].pivot(index="model", columns="metric", values="value")
    for _, same in wide.groupby(list(wide.columns), sort=False):
        if len(same) > 1:
            both = " / ".join(f"{value:g}" for value in same.iloc[0])
            yield "LlamaV-o1, Table 2", " and ".join(same.index), both, "all numbers are identical"


def overalls():
    """Yield the models whose overall score on VRC-Bench is not the sample-weighted average of their categories."""
    sizes = _read("B_fig3_vrcbench_composition").query("metric == 'samples'").groupby("setting")["value"].sum()
    frame = _read("B_fig4_vrcbench_categories").query("metric == @FINAL", local_dict={"FINAL": FINAL})
    for model, cells in frame.groupby("model", sort=False):
        values = cells.set_index("setting")["value"]
        parts = values.drop("Overall")
        weighted = (parts * sizes.reindex(parts.index)).sum() / sizes.reindex(parts.index).sum()
        if abs(values["Overall"] - weighted) > ROUNDING:
            printed = f"overall {values['Overall']:g}"
            yield f"LlamaV-o1, Figure 4, {model}", printed, f"its categories give {weighted:.2f}", ""


def hours():
    """Yield the ratios of GPU hours behind the claim "5x faster", if none of them is five."""
    frame = _read("B_table5_inference_scaling").query("metric == @TIME", local_dict={"TIME": TIME})
    frame = frame[~_conflicting(frame)].assign(beams=lambda f: f["setting"].str.extract(r"beams=(\d)", expand=False))
    wide = frame.pivot(index="beams", columns="model", values="value")
    ratios = (wide["Llava-CoT"] / wide["LlamaV-o1"]).round(1)
    if 5.0 not in set(ratios):
        yield (
            "LlamaV-o1, Table 5",
            "5 times faster",
            f"{', '.join(f'{ratio:g}' for ratio in ratios)} times",
            f"at {', '.join(ratios.index)} beams",
        )


def unscaled():
    """Yield the two values of MM-Vet without beams, and the numbers that are marked as printed twice."""
    four, five = _read("B_table4_ablation"), _read("B_table5_inference_scaling")
    one = four[four.setting.str.contains("Curriculum") & (four.benchmark == "MMVet")]["value"].iloc[0]
    own = five[(five.model == "LlamaV-o1") & five.setting.str.startswith("No scaling") & (five.metric == "score")]
    if one != own["value"].iloc[0]:
        yield "LlamaV-o1, Tables 4 and 5", f"MM-Vet without beams {one:g}", f"{own['value'].iloc[0]:g}", ""
    for name in ("B_table2_vrcbench", "B_table5_inference_scaling"):
        for line in _read(name)[lambda frame: _conflicting(frame)].itertuples():
            yield f"LlamaV-o1, {line.table}, {line.model}", f"{line.metric} {line.value:g}", line.setting, ""


def formats():
    """Yield how many published outputs break the format that the paper says is never broken."""
    frame = _read("third_party_checks").set_index("metric")["value"]
    whole = frame["well-formed outputs (four tag pairs once, in order)"]
    if whole < 1000:
        yield "LLaVA-o1, section 3.1", "no output breaks the format", f"{1000 - whole:g} of 1,000 published ones do", ""


def reruns():
    """Yield scores by third parties that differ by more than one point from the printed score."""
    others = _read("third_party_checks").query("metric == 'score'")
    printed = [
        ("Llama-3.2-11B-Vision-Instruct", "A_v1_table2_ablation", "base model"),
        ("LLaVA-CoT", "A_v1_table2_ablation", "full"),
        ("LlamaV-o1", "B_table3_six_benchmarks", None),
    ]
    for model, name, setting in printed:
        frame = _read(name)
        own = frame[frame.setting == setting] if setting else frame[frame.model == model]
        scores = own.set_index("benchmark")["value"]
        for line in others[others.model == model].itertuples():
            if line.benchmark in scores and abs(scores[line.benchmark] - line.value) > 1:
                yield (
                    f"{model}, {line.benchmark}",
                    f"{scores[line.benchmark]:g}",
                    f"{line.value:g} measured by others",
                    line.setting,
                )


def contradictions():
    """Return every disagreement as a table with COLUMNS."""
    checks = (averages, editions, identical_models, overalls, hours, unscaled, formats, reruns)
    return pd.DataFrame([line for check in checks for line in check()], columns=COLUMNS)

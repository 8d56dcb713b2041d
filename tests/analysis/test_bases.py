"""Rows on several bases: their contrast is the mean over the bases, which are fixed effects."""

import numpy as np
import pandas as pd
import pytest
from support.toyrecords import leave
from test_claims import claim, lines

from o1lib.analysis.claims import evaluate_claims, rests_on
from o1lib.analysis.claims.bases import by_base, note_on_bases, on_every_base, only_base, verdict_over_bases
from o1lib.analysis.claims.page import beside
from o1lib.analysis.stats import contrast, interval
from o1lib.analysis.stats.power import variances
from o1lib.records import load_all
from o1lib.scoring import metrics
from o1lib.study import experiments


def table(values, base):
    """Return a (seeds, questions) array as a table of one base."""
    seeds, questions = np.indices(np.shape(values))
    names = [f"q{k:03d}" for k in questions.ravel()]
    return pd.DataFrame({"base": base, "seed": seeds.ravel(), "qid": names, "value": np.ravel(values)})


def drawn(rng, effects, seeds=3, questions=150, moves=0.03):
    """Return a table of differences on bases with these true effects; a question is as hard on every base."""
    shared = rng.normal(0, 0.2, questions)
    return pd.concat(
        table(effect + shared + rng.normal(0, moves, (seeds, 1)) + rng.normal(0, 0.3, (seeds, questions)), f"base{k}")
        for k, effect in enumerate(effects)
    )


def test_bases_count_equally_whatever_their_number_of_seeds():
    one, other = table([[0.0, 0.2]], "base"), table([[0.6, 0.8]] * 3, "base1")
    assert interval(pd.concat([one, other]), "value").value == pytest.approx(0.4)


def test_the_interval_over_bases_covers_the_mean_of_their_effects():
    rng, held = np.random.default_rng(3), 0
    for _ in range(400):
        found = interval(drawn(rng, (0.10, -0.02)), "value")
        held += found.low <= 0.04 <= found.high
    assert 0.93 <= held / 400 <= 0.985


def test_a_difference_between_bases_does_not_widen_the_interval():
    near, far = (interval(drawn(np.random.default_rng(5), effects), "value") for effects in ((0, 0), (0.3, -0.3)))
    assert far.high - far.low == pytest.approx(near.high - near.low)


def test_variances_are_those_within_bases():
    rng = np.random.default_rng(8)
    found = variances(drawn(rng, (0.3, -0.3), seeds=40, questions=300), drawn(rng, (0, 0), seeds=40, questions=300))
    assert found.seeds == pytest.approx(2 * 0.03**2, rel=0.5) and (found.count, found.bases) == (40, 2)
    assert found.both == pytest.approx(2 * 0.3**2, rel=0.1) and found.questions == pytest.approx(2 * 0.2**2, rel=0.3)


@pytest.mark.parametrize(
    ("given", "parts", "verdict"),
    [
        ("supported", [(0.02, 0.01, 0.03), (0.01, -0.01, 0.03)], "supported"),
        ("supported", [(0.06, 0.04, 0.08), (-0.01, -0.03, 0.01)], "inconclusive"),
        ("opposite", [(0.01, -0.01, 0.03), (-0.06, -0.08, -0.04)], "inconclusive"),
        ("negligible", [(0.01, -0.01, 0.03), (-0.01, -0.03, 0.01)], "negligible"),
        ("negligible", [(0.05, 0.03, 0.07), (-0.05, -0.07, -0.03)], "inconclusive"),
    ],
)
def test_a_sign_that_differs_between_bases_is_inconclusive(given, parts, verdict):
    cells = [dict(zip(("value", "low", "high"), part, strict=True)) for part in parts]
    assert verdict_over_bases(given, cells) == verdict


def study(root, shares):
    """Record arms `a` and `b` and their scores on two bases; `shares` is {(arm, base): accuracy}."""
    for (arm, base), share in shares.items():
        name = arm if base == "base" else f"{arm}.{base}"
        for seed in range(2):
            leave(root, name, seed, base=base)
            predictions = lines(share, f"{name}/{seed}")
            leave(root, f"{name}.sample", seed, metrics(predictions), predictions, model=name)
    return load_all(root)


BOTH = claim(contrast={"a": "a.sample", "b": "b.sample"})
AHEAD = {("a", "base"): 0.8, ("b", "base"): 0.5, ("a", "base1"): 0.9, ("b", "base1"): 0.5}


def test_a_claim_is_tested_on_the_mean_over_the_bases_that_have_its_rows(tmp_path):
    [line] = evaluate_claims([BOTH], study(tmp_path, AHEAD))
    assert line["verdict"] == "supported" and (line["n"], line["seeds"]) == (200, 2)
    assert line["value"] == pytest.approx(np.mean([line["bases"][base]["value"] for base in ("base", "base1")]))
    assert "the mean over base and base1" in line["why"] and beside(line).startswith("base: +")


def test_a_claim_whose_sign_differs_between_bases_says_so(tmp_path):
    apart = {("a", "base"): 1.0, ("b", "base"): 0.1, ("a", "base1"): 0.4}
    [line] = evaluate_claims([BOTH], study(tmp_path, AHEAD | apart))
    assert (line["low"] > 0, line["verdict"]) == (True, "inconclusive") and "sign differs between bases" in line["why"]


def test_a_claim_on_one_base_names_no_base(tmp_path):
    shares = {key: share for key, share in AHEAD.items() if key[1] == "base"}
    [line] = evaluate_claims([BOTH], study(tmp_path, shares | {("a", "base1"): 0.9}))
    assert "bases" not in line and "mean over" not in line["why"]


def test_a_claim_that_only_other_bases_have_is_tested_there(tmp_path):
    [line] = evaluate_claims([BOTH], study(tmp_path, {key: s for key, s in AHEAD.items() if key[1] == "base1"}))
    assert list(line["bases"]) == ["base1"] and "on base1" in line["why"]


def test_a_row_that_is_planned_on_another_base_and_not_run_leaves_a_claim_untested(tmp_path):
    shares = {key: share for key, share in AHEAD.items() if key[1] == "base"}
    [line] = evaluate_claims([BOTH], study(tmp_path, shares), {"a.base2.sample": range(3)})
    assert line["verdict"] == "not tested" and "row a.base2.sample lacks its planned seeds" in line["why"]


@pytest.mark.parametrize(("planned", "verdict"), [(range(2), "supported"), (range(3), "not tested")])
def test_a_run_without_the_first_base_needs_every_planned_seed_on_both_of_its_bases(tmp_path, planned, verdict):
    shares = {(arm, base): 0.9 if arm == "a" else 0.5 for arm in "ab" for base in ("base1", "base2")}
    seeds = {f"{arm}.base1.sample": range(2) for arm in "ab"} | {f"{arm}.base2.sample": planned for arm in "ab"}
    [line] = evaluate_claims([BOTH], study(tmp_path, shares), seeds)
    assert line["verdict"] == verdict
    if verdict == "supported":
        assert list(line["bases"]) == ["base1", "base2"]
    else:
        assert "lacks its planned seed 2" in line["why"]


def test_the_tables_of_a_claim_name_seeds_with_their_bases(tmp_path):
    pairs, (one, other) = rests_on(BOTH, study(tmp_path, AHEAD))
    assert set(pairs["a.sample"]) == set(one.seed) == {"0 on base", "1 on base", "0 on base1", "1 on base1"}
    assert contrast(one, other, "value").seeds == 2


def test_a_row_of_several_bases_has_a_label_for_each(tmp_path):
    records = study(tmp_path, {key: share for key, share in AHEAD.items() if key != ("b", "base1")})
    rows = {"one": "a.sample", "again": "a.sample", "on one base": "b.sample", "not run": "c.sample"}
    assert on_every_base(records, rows) == {"one, base 0": "a.sample", "one, base 1": "a.base1.sample"}


def test_the_base_of_rows_is_named_where_a_study_has_several(tmp_path):
    records = study(tmp_path, AHEAD)
    bases = [only_base(records, rows) for rows in (["a.sample", "b.sample"], ["a.base1.sample"], ["nosuch"])]
    assert bases == ["base 0", "base 1", ""]
    assert only_base(records, ["a.sample", "a.base1.sample"]) == ""
    assert "base 0 (`base`) and base 1 (`base1`). Tables and figures of rows have base 0" in note_on_bases(records)
    alone = [record for record in records if "base1" not in record.row]
    assert note_on_bases(alone) == only_base(alone, ["a.sample"]) == ""


def test_records_tell_the_rows_of_every_base_as_the_study_names_them(tmp_path):
    read = experiments.read_experiments()
    chosen = ["direct", "structured", "direct.sample", "structured.stage_beam4.oracle", "base.greedy", "base", "base1"]
    for row, entry in read.rows.items():
        if row in chosen or entry.twin_of in chosen:
            leave(tmp_path, row, **{"base": "", "model": ""} | experiments.parameters_of(read, "mini", row))
    found = by_base(load_all(tmp_path))
    same = {base: {row: seeds[0].row for row, seeds in rows.items()} for base, rows in found.items()}
    assert same["base1"]["base.greedy"] == "base1.greedy"
    assert same["base1"]["structured.stage_beam4.oracle"] == "structured.base1.stage_beam4.oracle"
    assert same["base"].keys() == same["base1"].keys()

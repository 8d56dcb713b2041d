"""Claims are tested by comparable records, and an untested claim names the missing record."""

import json
import random
from dataclasses import replace
from statistics import fmean

import pandas as pd
import pytest
import yaml
from support import toyrecords
from support.toyrecords import leave

from o1lib.analysis.claims import Claim, FrozenMargin, evaluate_claims, load_claims
from o1lib.analysis.claims.comparison import Evidence
from o1lib.analysis.claims.decoding import how_decoded
from o1lib.analysis.claims.family import corrected
from o1lib.analysis.claims.gates import NOTEBOOK
from o1lib.analysis.claims.page import caveats, cost_table, measured, verdict_counts
from o1lib.analysis.claims.page import judged as with_verdict
from o1lib.analysis.claims.page import reported as reported_text
from o1lib.analysis.claims.registry import FAMILY
from o1lib.analysis.claims.wording import ALL_SETS, changed_by_sets, margin, only_own_judge, worded
from o1lib.analysis.headline import frozen_levels
from o1lib.analysis.observations import observations
from o1lib.analysis.stats import KINDS
from o1lib.data.chance import keep_levels
from o1lib.formats.stages import render
from o1lib.minivqa import mixture
from o1lib.records import UserError, load_all, need, project_root
from o1lib.scoring import PAPER_SETS, metrics
from o1lib.scoring.chance_level import HEADLINE
from o1lib.scoring.policy_scores import chance_levels
from o1lib.study import experiments, specs

CLAIMS = load_claims()
REPORTED = project_root() / "results" / "reported"
ROWS = specs.Study.model_validate(yaml.safe_load((project_root() / experiments.FILE).read_text("utf8"))).rows
TEXT = render({"summary": "s", "caption": "c", "reasoning": "r", "conclusion": "yes"})


def claim(**changes):
    """Make a claim about rows a and b; `contrast` is merged into the default one."""
    contrast = {"a": "a", "b": "b", "metric": "accuracy"} | changes.pop("contrast", {})
    reported = {"a": {"csv": "A_v1_table2_ablation", "value": 63.5}}
    fields = {"id": "T", "paper": "A", "table": "none", "statement": "a is better.", "sign": 1, "reported": reported}
    return Claim(**fields | {"contrast": contrast} | changes)


def lines(share, seed=0, count=200, calls=4, output=TEXT, skill="math"):
    """Return predictions right with a probability; the same question is as hard for every row."""
    rng = random.Random(seed)
    return [
        {
            "qid": f"{skill}/{k}",
            "test_set": "toy",
            "skill": skill,
            "format": "tags",
            "pred": "yes",
            "group": None,
            "correct": rng.random() < share,
            "output": output,
            "stage_scores": None,
            "option_likelihood_correct": None,
            "ledger": {"generated": 90, "judge": 0, "prefilled": 40, "images": 1, "calls": calls, "seconds": 0.5},
        }
        for k in range(count)
    ]


def judged(tmp_path, rows, asked=None, change=None, **options):
    """Record {row: {seed: predictions}} and return the one line of evaluating a claim; `change` edits the records."""
    for row, seeds in rows.items():
        for seed, predictions in seeds.items():
            leave(tmp_path, row, seed, metrics(predictions), predictions)
    records = load_all(tmp_path)
    [line] = evaluate_claims([asked or claim()], [change(r) for r in records] if change else records, **options)
    assert json.loads(json.dumps(line)) == line
    return line


def seeds(share, number=3, **options):
    """Return {seed: predictions} for several seeds."""
    return {seed: lines(share, 1000 * share + seed, **options) for seed in range(number)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("a", "b", "verdict"), [(0.8, 0.5, "supported"), (0.5, 0.8, "opposite"), (0.52, 0.5, "inconclusive")]
)
def test_a_difference_gets_the_verdict_of_its_interval(tmp_path, a, b, verdict):
    line = judged(tmp_path, {"a": seeds(a), "b": seeds(b)})
    assert line["verdict"] == verdict
    assert line["low"] < line["value"] < line["high"]
    assert (line["n"], line["seeds"]) == (200, 3)


@pytest.mark.slow
def test_equal_rows_support_that_nothing_differs_once_a_margin_is_frozen(tmp_path):
    same, asked = seeds(0.5, 1, count=800), claim(kind="equivalence", sign=0)
    assert (
        judged(tmp_path, {"a": same, "b": same}, asked, margins={"T": FrozenMargin(0.01, 0.8)})["verdict"]
        == "supported"
    )
    line = judged(tmp_path, {"a": same, "b": same}, asked)
    assert line["verdict"] == "inconclusive" and "no margin is frozen" in line["why"]


@pytest.mark.slow
def test_without_a_frozen_margin_no_difference_is_negligible(tmp_path):
    same = seeds(0.5, 1, count=800)
    assert judged(tmp_path, {"a": same, "b": same})["verdict"] == "inconclusive"
    line = judged(tmp_path, {"a": same, "b": same}, margins={"T": FrozenMargin(0.03, 0.04)})
    assert (line["verdict"], line["margin"]) == ("negligible", 0.03)
    assert margin(line).startswith("3.0 points (power 0.04); negligible is out of reach")


def test_a_difference_without_a_margin_among_others_with_one_says_so(tmp_path):
    found = {"a": seeds(0.6, 1), "b": seeds(0.5, 1)}
    told = "no margin is frozen for it, so negligible cannot be reached"
    assert told in judged(tmp_path, found, margins={"other": FrozenMargin(0.03, 0.8)})["why"]
    assert told not in judged(tmp_path, found, margins={"T": FrozenMargin(0.03, 0.8)})["why"]


@pytest.mark.slow
@pytest.mark.parametrize(("b", "agrees"), [(63.2, True), (60.7, False)])
def test_a_negligible_difference_agrees_with_a_paper_that_reports_less_than_the_margin(tmp_path, b, agrees):
    reported = {"a": {"csv": "x", "value": 63.5}, "b": {"csv": "x", "value": b}}
    same = seeds(0.5, 1, count=800)
    line = judged(tmp_path, {"a": same, "b": same}, claim(reported=reported), margins={"T": FrozenMargin(0.02, 0.8)})
    assert ("agrees with the paper" in line["why"]) is agrees
    assert ("agrees with the paper" in margin(line)) is agrees


@pytest.mark.parametrize(("calls", "verdict"), [(34, "opposite"), (56, "supported")])
def test_a_ratio_of_calls_is_compared_with_the_claimed_one(tmp_path, calls, verdict):
    asked = claim(kind="ratio", claimed=4, contrast={"metric": "cost/calls"})
    line = judged(tmp_path, {"a": {0: lines(0.5, calls=calls)}, "b": {0: lines(0.5, calls=14)}}, asked)
    assert (line["value"], line["verdict"]) == (pytest.approx(calls / 14), verdict)


@pytest.mark.parametrize(("broken", "verdict"), [(0, "supported"), (30, "opposite"), (6, "inconclusive")])
def test_a_format_that_never_breaks_is_a_rate_of_one_row(tmp_path, broken, verdict):
    asked = claim(kind="rate", sign=-1, claimed=0.01, contrast={"b": "", "metric": "ill_formed"})
    predictions = lines(0.5, count=500)
    for line in predictions[:broken]:
        line["output"] = "B"
    line = judged(tmp_path, {"a": {0: predictions}}, asked)
    assert (line["value"], line["verdict"]) == (pytest.approx(broken / 500), verdict)


def test_a_larger_gain_on_some_skills_is_a_double_difference(tmp_path):
    asked = claim(contrast={"skills": ["math"], "less_skills": ["seeing"]})
    rows = {row: {0: lines(math, 1) + lines(0.5, 2, skill="seeing")} for row, math in (("a", 0.9), ("b", 0.4))}
    line = judged(tmp_path, rows, asked)
    assert (line["verdict"], line["n"]) == ("supported", 400)
    there = [observations(rows[row][0], "accuracy", skills=["math"])["value"].mean() for row in "ab"]
    assert line["value"] == pytest.approx(there[0] - there[1])  # nothing was gained in seeing


def decoded(method, temperature=0.6):
    return {"method": method, "temperature": temperature, "top_p": 0.9}


def differently_decoded(tmp_path, a, b, **contrast):
    """Return the line of a claim whose rows a and b were scored with these parameters."""
    for row, parameters in (("a", a), ("b", b)):
        leave(tmp_path, row, 0, metrics(lines(0.5)), lines(0.5), **parameters)
    return evaluate_claims([claim(contrast=contrast)], load_all(tmp_path))[0]


@pytest.mark.slow
@pytest.mark.parametrize("other", [decoded("sample"), decoded("sample", 1.0), decoded("token_beam")])
def test_rows_that_are_decoded_differently_are_not_compared(tmp_path, other):
    one = decoded("greedy") if other == decoded("sample") else decoded("sample")
    line = differently_decoded(tmp_path, one, other)
    assert line["verdict"] == "not tested" and "rows are decoded differently (a is " in line["why"]


@pytest.mark.slow
def test_a_claim_about_decoding_says_so(tmp_path):
    line = differently_decoded(tmp_path, decoded("token_beam"), decoded("sample"), decoding=True)
    assert line["verdict"] == "inconclusive" and "decoding is part of the contrast" in line["why"]


@pytest.mark.slow
def test_a_search_over_samples_is_decoded_like_one_sample(tmp_path):
    line = differently_decoded(tmp_path, decoded("stage_beam"), decoded("sample"))
    assert line["verdict"] == "inconclusive" and "decod" not in line["why"]


def test_a_file_whose_claim_mixes_ways_of_decoding_is_refused(tmp_path):
    one = CLAIMS[0].model_dump(mode="json", exclude_none=True)
    path = tmp_path / "claims.yaml"
    path.write_text(json.dumps({"claims": [one | {"contrast": one["contrast"] | {"a": "structured.sample"}}]}), "utf8")
    with pytest.raises(UserError, match="A1 compares rows that are decoded differently .*base.greedy is greedy"):
        load_claims(path)


def test_a_greedy_row_is_decoded_alike_at_any_temperature():
    assert how_decoded(decoded("greedy", 0.6)) == how_decoded(decoded("greedy", 1.0)) == "greedy"


def test_a_ratio_of_batched_seconds_has_a_value_and_no_interval(tmp_path):
    asked = claim(kind="ratio", claimed=4, contrast={"metric": "cost/seconds"})
    line = judged(tmp_path, {"a": {0: lines(0.5)}, "b": {0: lines(0.5)}}, asked)
    assert measured(line) == "1.0 times"
    assert (line["value"], line["low"], line["p"]) == (pytest.approx(1), None, None)
    assert line["verdict"] == "not tested" and "no interval over questions" in line["why"]


def test_a_statement_about_cost_gets_a_line_of_its_own_and_no_verdict(tmp_path):
    asked = claim(kind="ratio", claimed=4, holds_by="construction", contrast={"metric": "cost/calls"})
    line = judged(tmp_path, {"a": {0: lines(0.5, calls=34)}, "b": {0: lines(0.5, calls=14)}}, asked)
    assert line["verdict"] == "no verdict" and "holds by construction" in line["why"]
    assert with_verdict([line]) == [] and list(cost_table([line]).index) == ["T"]
    assert verdict_counts([line]).to_numpy().sum() == 0
    [untested] = evaluate_claims([asked], [])
    assert (untested["verdict"], untested["value"]) == ("no verdict", None)


def test_the_named_statements_about_cost_get_no_verdict():
    found = {one.id: one.holds_by for one in CLAIMS if one.holds_by}
    assert {found[name] for name in ("B16", "B18")} == {"construction"}
    assert {found[name] for name in ("B13", "B14", "B15", "B17", "B19", "B20")} == {"implementation"}
    assert found.keys() == {one.id for one in CLAIMS if one.kind == "ratio"}


def test_what_no_paper_claims_says_so():
    assert {one.id for one in CLAIMS if one.origin == "study"} == {"A10", "A22", "B8", "B9", "B10", "B11"}
    line = next(line for line in evaluate_claims(CLAIMS, []) if line["id"] == "B8")
    assert reported_text(line) == "not claimed by the paper (nearest: together 66.04)"


@pytest.mark.parametrize(
    "numbers, told",
    [
        ({"a": 63.5, "b": 56.6}, "63.5 against 56.6"),
        ({"hours a": 0.2, "hours b": 1.5}, "hours 0.2 against 1.5"),
        ({"a": 2, "b": 3, "steps a": 4, "steps b": 5}, "2 against 3, steps 4 against 5"),
        ({"of 1000 outputs": 940}, "of 1000 outputs 940"),
    ],
)
def test_reported_numbers_are_told_in_pairs(numbers, told):
    line = {"reported": {name: {"value": value} for name, value in numbers.items()}}
    assert reported_text(line) == told


def test_tables_5_and_6_are_tested_on_mm_vet_with_six_sets_beside_it():
    found = {one.id: one for one in CLAIMS if one.id in ("A17", "A18", "A19", "A20", "A21", "A22")}
    assert {one.contrast.metric for one in found.values()} == {"mini-MM-Vet"}
    assert {one.second["six sets"].metric for one in found.values()} == {"mini-average"}


@pytest.mark.parametrize("name", ["A17", "A19"])
def test_searches_are_also_compared_under_judges_of_known_accuracy(name):
    asked = next(one for one in CLAIMS if one.id == name)
    for accuracy, by in zip((0.7, 0.8, 0.9), asked.judges.values(), strict=True):
        searched = [row for row in asked.varied(by).rows if row != "structured.sample"]
        assert {ROWS[row].parameters["judge"] for row in searched} == {"synthetic"}
        assert {ROWS[row].parameters.get("judge_accuracy", 0.8) for row in searched} == {accuracy}
        assert [ROWS[row].parameters["method"] for row in searched] == [
            ROWS[row].parameters["method"] for row in asked.contrast.rows if row != "structured.sample"
        ]


@pytest.mark.slow
def test_variations_of_a_claim_are_judged_beside_it(tmp_path):
    asked = claim(second={"calls": {"metric": "cost/calls"}}, judges={"another": {"a": "c"}, "a third": {"a": "d"}})
    line = judged(tmp_path, {"a": seeds(0.9), "b": seeds(0.5), "c": seeds(0.9)}, asked)
    assert line["second"]["calls"]["contrast"]["metric"] == "cost/calls" and line["second"]["calls"]["value"] == 0
    assert line["judges"]["another"]["verdict"] == line["verdict"] == "supported"
    assert line["judges"]["a third"]["why"] == "needs row d, which has no record"


@pytest.mark.parametrize(
    ("others", "told"),
    [
        (["inconclusive", "opposite"], "only under the judge `self`"),
        (["supported", "inconclusive"], "not under judge 1"),
        (["supported", "supported"], ""),
        (["not tested", "not tested"], "shown only under the judge `self`; no other judge was tested"),
        (["not tested", "inconclusive"], "only under the judge `self`"),
    ],
)
def test_a_verdict_under_one_judge_only_is_worded_so(others, told):
    line = {"verdict": "supported", "judges": {f"judge {k}": {"verdict": one} for k, one in enumerate(others)}}
    assert only_own_judge(line) == told
    assert worded(line | {"only_self": told}) == f"supported ({told})" if told else "supported"
    assert only_own_judge(line | {"verdict": "inconclusive"}) == only_own_judge(line | {"verdict": "negligible"}) == ""


def test_claims_about_other_models_are_as_reported_and_not_run():
    found = {line["id"]: line for line in evaluate_claims(CLAIMS, [])}
    assert worded(found["A53"]) == "not tested (as reported, not run)"


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """The records of two toy rows whose dataset has frozen chance levels, and these levels by set."""
    root = tmp_path_factory.mktemp("scored")
    leave(root, "data", source="minivqa", n_test=toyrecords.N_TEST, test_split="devtest")
    for row, accuracy in (("a", 0.7), ("b", 0.4)):
        predictions = toyrecords.answers(row, "tags", "mixed", "sample", 1, "", accuracy)
        leave(root, row, 0, metrics(predictions), predictions, data="data")
    keep_levels(need(root, "data", 0), chance_levels(list(mixture("train", 150)), toyrecords.questions(), "d" * 64))
    records = load_all(root)
    return records, frozen_levels(records)["data"].sets()


@pytest.mark.slow
def test_a_claim_on_averages_is_tested_on_the_chance_corrected_headline(scored):
    records, levels = scored
    [line] = evaluate_claims([claim(contrast={"metric": HEADLINE})], records)
    scores = {record.row: record.metrics for record in records if record.metrics}
    gains = [(scores["a"][name].value - scores["b"][name].value) / (1 - levels[name]) for name in PAPER_SETS]
    assert line["contrast"]["metric"] == HEADLINE and line["value"] == pytest.approx(fmean(gains), abs=1e-6)
    assert line["second"]["six sets"]["contrast"]["metric"] == "mini-average"


@pytest.mark.slow
def test_without_frozen_chance_levels_the_plain_average_is_used_and_named(scored):
    records = [record for record in scored[0] if record.row != "data"]
    [line] = evaluate_claims([claim(contrast={"metric": HEADLINE})], records)
    assert line["contrast"]["metric"] == "mini-average" and line["second"] == {}
    assert "the plain average, because no chance level is frozen" in line["why"]
    assert "not corrected for chance" in caveats([line], records)


@pytest.mark.slow
def test_a_claim_of_the_family_has_no_substitute_for_the_headline_on_test_drawings(tmp_path):
    """Not even where one of the sets that enter lacks a chance level."""
    for row in "ab":
        predictions = toyrecords.answers(row, "tags", "mixed", "sample", 1, "", 0.5)
        leave(tmp_path, row, 0, metrics(predictions), predictions, data="data")
    leave(tmp_path, "data", test_split="test")
    asked = claim(confirmatory=True, contrast={"metric": HEADLINE})
    [line] = evaluate_claims([asked], load_all(tmp_path))
    assert line["verdict"] == "not tested" and "in the metric of the protocol alone" in line["why"]
    [explored] = evaluate_claims([claim(contrast={"metric": HEADLINE})], load_all(tmp_path))
    assert explored["contrast"]["metric"] == "mini-average"


@pytest.mark.slow
def test_a_claim_of_the_family_needs_the_same_seeds_of_all_rows_on_test_drawings(tmp_path):
    study_on(tmp_path, "test")
    leave(tmp_path, "a", 1, metrics(lines(0.8)), lines(0.8), data="data", model="arm")
    [line] = evaluate_claims([claim(confirmatory=True)], load_all(tmp_path))
    assert line["verdict"] == "not tested" and "seed 1 of a has no counterpart" in line["why"]


@pytest.mark.slow
def test_a_set_that_enters_without_a_chance_level_leaves_no_headline(scored):
    records, levels = scored
    evidence, asked = Evidence.of(records), claim(contrast={"metric": HEADLINE}).contrast
    whole = frozen_levels(records)["data"]
    part = {name: found for name, found in whole.scores.items() if name != PAPER_SETS[0]}
    lacking = {"data": whole.model_copy(update={"scores": part})}
    assert evidence.chance(asked, records[0]).keys() == levels.keys() - {"mini-VRC-Bench", "mini-Depth"}
    assert replace(evidence, frozen=lacking).chance(asked, records[0]) == {}


@pytest.mark.slow
def test_the_choice_of_sets_is_compared_in_the_unit_of_the_headline(scored, monkeypatch):
    """With the claim's own margin, which the plain average and other judges do not have."""
    records, levels = scored
    monkeypatch.setattr("o1lib.analysis.claims.comparison.headline_sets", lambda: PAPER_SETS[:2])
    asked = claim(contrast={"metric": HEADLINE}, judges={"same": {"a": "b", "b": "a"}})
    [line] = evaluate_claims([asked], records, margins={"T": FrozenMargin(0.9, 0.8)})
    scores = {record.row: record.metrics for record in records if record.metrics}
    gains = {name: (scores["a"][name].value - scores["b"][name].value) / (1 - levels[name]) for name in PAPER_SETS}
    six = line["second"][ALL_SETS]
    assert line["value"] == pytest.approx(fmean(gains[name] for name in PAPER_SETS[:2]), abs=1e-6)
    assert six["contrast"]["metric"] == HEADLINE and six["value"] == pytest.approx(fmean(gains.values()), abs=1e-6)
    assert line["verdict"] == six["verdict"] == "negligible" and line["changed_by_sets"] == ""
    assert line["second"]["six sets"]["verdict"] == "supported" and line["judges"]["same"]["verdict"] == "inconclusive"


def test_a_verdict_that_the_choice_of_sets_changes_is_named():
    six = {"verdict": "opposite", "contrast": {"metric": HEADLINE}}
    line = {"verdict": "supported", "contrast": {"metric": HEADLINE}, "second": {ALL_SETS: six}}
    assert changed_by_sets(line) == "opposite over all six sets"
    assert worded(line | {"changed_by_sets": changed_by_sets(line)}) == "supported (opposite over all six sets)"
    assert changed_by_sets(line | {"verdict": "opposite"}) == ""


def test_a_row_without_record_is_named(tmp_path):
    line = judged(tmp_path, {"a": seeds(0.5, 1)})
    assert (line["verdict"], line["value"]) == ("not tested", None)
    assert line["why"] == "needs row b, which has no record"


def test_records_of_different_data_are_named_and_not_compared(tmp_path):
    def change(record):
        return record.model_copy(update={"provenance": record.provenance | {"dataset_hash": f"of {record.row}"}})

    line = judged(tmp_path, {"a": seeds(0.8, 1), "b": seeds(0.5, 1)}, change=change)
    assert line["verdict"] == "not tested"
    assert "different data (dataset_hash of a: a seed 0" in line["why"]


@pytest.mark.slow
def test_records_of_different_code_are_named_unless_allowed(tmp_path):
    def change(record):
        return record.model_copy(update={"provenance": record.provenance | {"stack_hash": str(record.seed)}})

    rows = {"a": seeds(0.8), "b": seeds(0.5)}
    line = judged(tmp_path, rows, change=change)
    assert line["verdict"] == "not tested"
    assert "different code" in line["why"]
    assert judged(tmp_path, rows, change=change, same_code=False)["verdict"] == "supported"


@pytest.mark.slow
def test_a_planned_seed_without_record_is_named(tmp_path):
    line = judged(tmp_path, {"a": seeds(0.8, 2), "b": seeds(0.5, 3)}, planned={"a": [0, 1, 2], "b": [0, 1, 2]})
    assert (line["verdict"], line["why"]) == ("not tested", "row a lacks its planned seed 2, so it is incomplete")


@pytest.mark.slow
def test_without_a_plan_an_unpaired_seed_is_left_out_and_named(tmp_path):
    line = judged(tmp_path, {"a": seeds(0.8, 1), "b": seeds(0.5, 3)})
    assert line["seeds"] == 1
    assert "seed 1, 2 of b has no counterpart and is left out" in line["why"]
    assert "one seed says nothing of other seeds" in line["why"]


@pytest.mark.slow
def test_two_seeds_are_said_to_be_few(tmp_path):
    assert "two seeds say little of other seeds" in judged(tmp_path, {"a": seeds(0.8, 2), "b": seeds(0.5, 2)})["why"]


def test_rows_without_a_common_seed_are_not_compared(tmp_path):
    line = judged(tmp_path, {"a": {0: lines(0.5)}, "b": {1: lines(0.5)}})
    assert (line["verdict"], line["why"]) == ("not tested", "rows a and b have no seed in common")


@pytest.mark.slow
def test_a_row_made_once_is_paired_with_every_seed(tmp_path):
    line = judged(tmp_path, {"a": seeds(0.8), "b": seeds(0.5, 1)}, claim(contrast={"once": ["b"]}))
    assert (line["seeds"], line["verdict"]) == (3, "supported")


def test_other_questions_on_one_side_are_named(tmp_path):
    line = judged(tmp_path, {"a": seeds(0.8, 1), "b": seeds(0.5, 1, count=199)})
    assert line["verdict"] == "not tested"
    assert "math/199" in line["why"]


@pytest.mark.slow
def test_cost_says_seconds_of_the_records_and_tokens_of_each_row(tmp_path):
    cost = judged(tmp_path, {"a": seeds(0.8, 2), "b": seeds(0.5, 2)})["cost"]
    assert cost["processed_tokens"] == {"a": 130, "b": 130}
    assert cost["seconds"] >= 0


@pytest.mark.slow
def test_cost_adds_up_the_ledgers_of_all_rows(tmp_path):
    cost = judged(tmp_path, {"a": seeds(0.8, 2), "b": seeds(0.5, 2)})["cost"]
    assert (cost["generated"], cost["judge"], cost["prefilled"]) == (4 * 200 * 90, 0, 4 * 200 * 40)
    assert cost["training_seconds"] == {}


def study_on(tmp_path, split, **differing):
    """Leave rows a and b of arm "arm" scored on `split`, and their dataset; return all records."""
    leave(tmp_path, "data", test_split=split, dataset_hash=differing.get("dataset_hash", "d" * 64))
    leave(tmp_path, "arm")
    for row, share in (("a", 0.8), ("b", 0.5)):
        leave(tmp_path, row, 0, metrics(lines(share)), lines(share), data="data", model="arm")
    return load_all(tmp_path)


@pytest.mark.slow
def test_cost_names_the_training_of_the_arms_that_are_recorded(tmp_path):
    def trained(record):
        return record.model_copy(update={"notebook": "02_train_sft", "provenance": record.provenance | {"seconds": 70}})

    records = [trained(record) if record.row == "arm" else record for record in study_on(tmp_path, "devtest")]
    assert evaluate_claims([claim()], records)[0]["cost"]["training_seconds"] == {"arm": 70}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("split", "member", "confirmatory"), [("test", True, True), ("test", False, False), ("devtest", True, False)]
)
def test_only_family_claims_on_test_drawings_are_confirmatory(tmp_path, split, member, confirmatory):
    [line] = evaluate_claims([claim(confirmatory=member)], study_on(tmp_path, split))
    assert line["confirmatory"] is confirmatory


def test_another_dataset_makes_no_claim_confirmatory(tmp_path):
    [line] = evaluate_claims([claim(confirmatory=True)], study_on(tmp_path, "test", dataset_hash="e" * 64))
    assert line["confirmatory"] is False


def member(p, low=0.01, high=0.2, verdict="supported", **more):
    line = {"id": f"p{p}", "confirmatory": True, "p": p, "low": low, "high": high, "verdict": verdict, "why": "w"}
    return line | more


@pytest.mark.slow
@pytest.mark.parametrize(("p", "verdict"), [(0.008, "supported"), (0.02, "inconclusive")])
def test_untested_members_count_in_holms_correction(p, verdict):
    [line] = corrected([member(p)], size=6)
    assert (line["p_holm"], line["verdict"]) == (pytest.approx(6 * p), verdict)


@pytest.mark.slow
def test_holm_corrects_the_least_p_most():
    found = corrected([member(0.001), member(0.02), member(0.03, confirmatory=False)], size=2)
    assert [line.get("p_holm") for line in found] == [pytest.approx(0.002), pytest.approx(0.02), None]


@pytest.mark.slow
def test_a_negligible_difference_is_not_corrected():
    [line] = corrected([member(0.9, -0.004, 0.005, "negligible")], size=6)
    assert line["verdict"] == "negligible"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("six", "before", "after"),
    [
        ("supported", "", ""),
        ("inconclusive", "inconclusive over all six sets", ""),
        ("opposite", "opposite over all six sets", "opposite over all six sets"),
    ],
)
def test_holms_correction_words_the_choice_of_sets_anew(six, before, after):
    headline = {"contrast": {"metric": HEADLINE}}
    line = member(0.02, **headline, second={ALL_SETS: {"verdict": six, **headline}})
    assert changed_by_sets(line) == before
    [found] = corrected([line | {"changed_by_sets": before}], size=6)
    assert (found["verdict"], found["changed_by_sets"]) == ("inconclusive", after)


def passed_gate(n=1000, captions=300, **changed):
    needed = {"value": 1.0, "low": 0.99, "n": n, "floor": 0.95, "passed": True}
    return {
        "letter of option": needed,
        "captions, mini-CLEVR": needed | {"n": captions, "passed": None},
        "families with captions": needed | {"n": 9},
        "told, one step": needed | {"passed": None},
    } | changed


def bases(root, **gates):
    """Return the records of bases with these reading gates."""
    for row in gates:
        leave(root, row)
    return [
        record.model_copy(update={"notebook": NOTEBOOK, "extra": {"gate": gates[record.row]}})
        for record in load_all(root)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gate", "lacking"),
    [
        (passed_gate(), False),
        (passed_gate(asked={"n": 1000, "passed": False}), True),
        (passed_gate(n=100), True),
        (passed_gate(captions=33), True),
        (None, True),
    ],
)
def test_only_a_gate_that_was_passed_on_enough_questions_takes_the_caveat_away(tmp_path, gate, lacking):
    [base] = bases(tmp_path, base=gate)
    assert ("no record shows that its base model can use" in caveats([], [base])) is lacking


@pytest.mark.parametrize(
    ("gates", "told"),
    [
        ({"base1": passed_gate(), "base2": passed_gate()}, ""),
        ({"base1": passed_gate(), "base2": None}, "its base model base2 can use the words that it wrote itself."),
        (
            {"base1": None, "base2": None},
            "its base models base1 and base2 can use the words that they wrote themselves.",
        ),
    ],
)
def test_every_base_of_a_study_needs_a_passed_gate(tmp_path, gates, told):
    found = caveats([], bases(tmp_path, **gates))
    assert found.endswith(told) and bool(found) is bool(told)


def test_a_row_of_another_notebook_is_no_base(tmp_path):
    [base] = bases(tmp_path, base=None)
    assert caveats([], [base]) and not caveats([], [base.model_copy(update={"notebook": "02_train_sft"})])


def test_the_confirmatory_family_has_both_papers_and_six_at_most():
    family = [one for one in CLAIMS if one.confirmatory]
    assert 1 < len(family) <= FAMILY and {one.paper for one in family} == {"A", "B"}


def test_a_seventh_confirmatory_claim_is_refused(tmp_path):
    path = tmp_path / "claims.yaml"
    able = [one for one in CLAIMS if one.kind == "difference" and one.scope == "mini"][:7]
    entries = [one.model_dump(mode="json", exclude_none=True) | {"confirmatory": True} for one in able]
    path.write_text(json.dumps({"claims": entries}), encoding="utf8")
    with pytest.raises(UserError, match="7 claims are confirmatory .*at most 6 can be"):
        load_claims(path)


def test_without_any_record_every_claim_is_not_tested():
    found = evaluate_claims(CLAIMS, [])
    assert [line["id"] for line in found] == [one.id for one in CLAIMS]
    assert [line["verdict"] for line in found] == ["no verdict" if one.holds_by else "not tested" for one in CLAIMS]
    assert all(line["why"] and line["value"] is None for line in found)


def test_there_are_claims_of_both_papers_and_every_kind():
    assert len(CLAIMS) >= 20
    assert {one.paper for one in CLAIMS} == {"A", "B"}
    assert {one.kind for one in CLAIMS} == set(KINDS)


def printed(where):
    """Return the numbers that results/reported has at the place of a reported number."""
    table = pd.read_csv(REPORTED / f"{where.csv}.csv", dtype=str, keep_default_na=False)
    for column, value in where.place().items():
        table = table[table[column] == value]
    return [float(value) for value in table["value"]]


@pytest.mark.slow
def test_every_reported_number_is_in_its_table():
    places = {(one.id, name): where for one in CLAIMS for name, where in one.reported.items()}
    assert {key: printed(where) for key, where in places.items()} == {k: [w.value] for k, w in places.items()}


def cells(name, **where):
    """Return the (setting, benchmark) pairs of a reported table that claims quote."""
    return {(place.setting, place.benchmark) for one in CLAIMS for place in one.reported.values() if place.csv == name}


@pytest.mark.parametrize("name", ["A_v1_table2_ablation", "A_v1_table3_mmstar_skills", "A_v1_table4_inference"])
def test_claims_quote_every_cell_of_a_table_of_benchmarks(name):
    """Of Table 3, the cells of the two arms that it compares; its averages are those of Table 2."""
    table = pd.read_csv(REPORTED / f"{name}.csv", dtype=str, keep_default_na=False)
    wanted = set(zip(table.setting, table.benchmark, strict=True))
    if "table3" in name:
        wanted = {one for one in wanted if one[0] in ("full", "with Direct Training") and one[1] != "MMStar/Average"}
    if "table4" in name:
        wanted = {one for one in wanted if one[0] != "base model"}  # copied from Table 2
    assert wanted - cells(name) == set()


def test_claims_quote_every_category_of_vrc_bench():
    table = pd.read_csv(REPORTED / "B_fig4_vrcbench_categories.csv", dtype=str, keep_default_na=False)
    quoted = {setting for setting, _ in cells("B_fig4_vrcbench_categories")}
    assert quoted == set(table.setting) - {"Overall"}


def test_the_gain_of_the_abstract_is_the_difference_of_its_reported_numbers():
    numbers = next(one for one in CLAIMS if one.id == "A53").reported
    assert numbers["a"].value - numbers["b"].value == pytest.approx(8.9)


def test_claims_name_rows_of_the_study_unless_of_scope_paper():
    lacking = {one.id for one in CLAIMS if not set(one.contrast.rows) <= ROWS.keys()}
    assert lacking - {"A23"} == {one.id for one in CLAIMS if one.scope == "paper"}


def test_rows_made_once_are_those_of_the_study():
    for one in CLAIMS:
        here = [row for row in one.contrast.rows if row in ROWS]
        assert {row for row in here if ROWS[row].once} == set(one.contrast.once) & set(here)


@pytest.mark.parametrize(
    ("text", "named"),
    [("claims: [", "line 1"), ("claims: 3", "claims"), ("claims: [{id: X}]", "claims.0.paper"), ("", "claims.yaml")],
)
def test_a_broken_file_of_claims_is_refused_in_words(tmp_path, text, named):
    path = tmp_path / "claims.yaml"
    path.write_text(text, encoding="utf8")
    with pytest.raises(UserError, match=named):
        load_claims(path)


def test_a_file_that_is_not_there_is_refused_in_words(tmp_path):
    with pytest.raises(UserError, match="no claims.yaml"):
        load_claims(tmp_path / "claims.yaml")


@pytest.mark.parametrize("change", [{"id": "A1"}, {"id": "other"}], ids=["the same id", "the same contrast"])
def test_two_claims_with_one_contrast_or_id_are_refused(tmp_path, change):
    one = CLAIMS[0].model_dump(mode="json", exclude_none=True)
    other = one | change | ({"contrast": {"a": "x", "b": "y"}} if change["id"] == "A1" else {})
    path = tmp_path / "claims.yaml"
    path.write_text(json.dumps({"claims": [one, other]}), encoding="utf8")
    with pytest.raises(UserError, match="of an earlier one"):
        load_claims(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"sign": 0},
        {"kind": "rate"},
        {"kind": "ratio"},
        {"contrast": {"b": ""}},
        {"contrast": {"c": "d"}},
        {"holds_by": "construction"},
        {"origin": "elsewhere"},
        {"judges": {"another": {"c": "d"}}},
    ],
)
def test_a_claim_without_meaning_is_refused(changes):
    with pytest.raises(ValueError, match="validation error"):
        claim(**changes)


def test_a_verdict_on_a_row_that_judges_itself_carries_the_judge(tmp_path):
    """With the interval of its accuracy and its ties, over all seeds; other judges and rows without one have none."""

    def change(record):
        judge = "self" if record.row == "a" else "random"
        found = {"n": 50, "accuracy": 0.6, "tie": 0.2}
        return record.model_copy(
            update={"parameters": record.parameters | {"judge": judge}, "extra": {"judge_on_own_pairs": found}}
        )

    line = judged(tmp_path, {"a": seeds(0.6, 2), "b": seeds(0.5, 2)}, change=change)
    told = "the judge of a was right in 60.0 % [50.2, 69.1] of 100 comparisons and left 20.0 % to a coin"
    assert told in line["why"] and "the judge of b" not in line["why"]
    assert "the judge of" not in judged(tmp_path, {"a": seeds(0.6, 2), "b": seeds(0.5, 2)})["why"]


def test_a_claim_that_is_not_run_says_why_on_its_line():
    found = {line["id"]: line for line in evaluate_claims([one for one in CLAIMS if one.paper == "B"], [])}
    noted = [name for name, line in found.items() if "mini-VRC-Bench draws the same eight categories" in line["why"]]
    assert noted == [f"B{k}" for k in range(21, 29)]

"""Effects are paired within each family or skill; format violations include those of the published outputs."""

import shutil

import pandas as pd
import pytest
from support import toyrecords

from o1lib.analysis.breakdowns import (
    FORMS,
    PUBLISHED,
    effects,
    format_violations,
    metrics_from_predictions,
    summarize_by_form,
    summarize_guessing,
    summarize_strongest,
)
from o1lib.minivqa.depth import TASKS
from o1lib.minivqa.words import SKILLS
from o1lib.records import UserError, load_all
from o1lib.scoring import metrics

ROWS = {"structured": "structured.sample", "direct training": "direct.sample", "without tags": "no_tags.sample"}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Two arms; the structured one is right in all of mini-AI2D, the direct one never there."""
    root = tmp_path_factory.mktemp("effects")
    for row, format, always in (("structured.sample", "tags", True), ("direct.sample", "direct", False)):
        lines = [
            line | ({"correct": always} if line["family"] == "mini-AI2D" else {})
            for line in toyrecords.answers(row, format, "mixed", "sample", 1, "", 0.5)
        ]
        toyrecords.leave(root, row, 0, metrics(lines), lines)
    return load_all(root)


def test_the_effect_on_a_family_uses_its_questions_alone(records):
    found = effects(records, "structured.sample", "direct.sample", "family").set_index("part")
    line = found.loc["mini-AI2D"]
    assert line.value == 1 and line.low > 0 and line.wins == line.n and line.losses == 0
    assert len(found) > 5 and (found.value.dropna().abs() <= 1).all()


def test_effects_by_skill_cover_all_six_and_the_kinds_of_mini_depth(records):
    found = effects(records, "structured.sample", "direct.sample", "skill")
    assert set(found.part) == {*SKILLS, *(task.kind for task in TASKS.values())} and len(found) == 8


def test_a_row_that_was_not_run_has_no_effects(records):
    assert effects(records, "structured.sample", "shuffled.sample", "family").empty


def test_effects_that_are_sure_are_named_with_their_intervals(records):
    found = effects(records, "structured.sample", "direct.sample", "family")
    assert "mini-AI2D +100 points [" in summarize_strongest(found, "families")
    assert summarize_strongest(found[found.part != "mini-AI2D"].assign(low=-1.0, high=1.0), "families").startswith(
        "None of"
    )


def test_format_violations_include_the_published_outputs(records):
    found = format_violations(records, ROWS).set_index("label")
    assert found.loc[PUBLISHED, ["value", "n"]].tolist() == [0.06, 1000]
    cell = next(record for record in records if record.row == "structured.sample").metrics["well_formed"]
    assert found.value["structured"] == pytest.approx(1 - cell.value) and found.low["structured"] >= 0
    assert "direct training" not in found.index and "without tags" not in found.index


def test_metrics_outside_records_come_from_predictions(records):
    found = metrics_from_predictions(records, ROWS, FORMS).set_index(["label", "metric"])
    lines = [line for record in records if record.row == "direct.sample" for line in record.predictions()]
    alone = [line for line in lines if not line["options"] and not line["group"]]
    assert found.loc[("direct training", "open questions")].n > 0 and len(alone) > 0
    assert ("direct training", "its option's letter") not in found.index and "without tags" not in found.index
    guess = found.loc[("direct training", "choices, chosen blindly")]
    assert 0.25 <= guess.value <= 0.5 and guess.low <= guess.value <= guess.high
    asked = {line["group"] or line["qid"]: line["test_set"] for line in lines if line["options"]}
    assert guess.n == sum(name != "mini-Depth" for name in asked.values()) < len(asked)


def test_the_share_of_letters_stays_a_share_with_few_chains(records):
    few = [record.model_copy(deep=True) for record in records if record.row == "structured.sample"]
    found = metrics_from_predictions(few, {"structured": "structured.sample"}, FORMS)
    assert "its option's letter" in set(found.metric) and (found.low >= 0).all() and (found.high <= 1).all()


def test_damaged_predictions_are_an_error_and_not_left_out(records, tmp_path):
    shutil.copytree(records[0].folder.parents[2], tmp_path / "study")
    next((tmp_path / "study").glob("runs/*/seed0/predictions.jsonl.gz")).write_bytes(b"cut")
    with pytest.raises(UserError, match="is damaged"):
        metrics_from_predictions(load_all(tmp_path / "study"), ROWS, FORMS)


def line(label, metric, value, spread=0.05):
    return {"label": label, "metric": metric, "value": value, "low": value - spread, "high": value + spread}


def test_choices_are_given_with_the_score_of_a_random_option():
    found = pd.DataFrame([line("tags", name, value) for name, value in zip(FORMS, (0.3, 0.5, 0.27, 0.28, 0.31))])
    [sentence] = summarize_by_form(found)
    assert "30 % [25, 35] of open questions, 50 % [45, 55] of yes/no questions and 27 % [22, 32] of" in sentence
    assert "multiple-choice questions (an option at random: 28 %)." in sentence
    assert sentence.endswith("it gives that option's letter in 31 % [26, 36].")


def test_a_bare_answer_has_no_letter_to_speak_of():
    found = pd.DataFrame([line("direct", name, value) for name, value in zip(list(FORMS)[:4], (0.3, 0.5, 0.3, 0.28))])
    assert summarize_by_form(found)[0].endswith("(an option at random: 28 %).")


def test_fewer_options_make_one_of_several_guesses_right():
    lines = [{"qid": words, "options": list(words)} for words in ("ab", "abcd", "")]
    assert summarize_guessing(lines, 2) == (  # (3/4 + 7/16) / 2
        "59 % is the probability that at least one of 2 random guesses is right, "
        "averaged over 2 multiple-choice questions."
    )
    assert summarize_guessing(lines[2:], 2) == ""
    outside = {"qid": "d", "options": list("abc"), "test_set": "mini-Depth"}
    assert summarize_guessing([*lines, outside], 2).startswith("59 %")


def test_rotations_are_one_question_to_guess():
    turned = [{"qid": f"q{k}", "group": "q", "options": list("abcd")} for k in range(4)]
    assert summarize_guessing([{"qid": "ab", "options": list("ab")}, *turned], 2).startswith("59 %")

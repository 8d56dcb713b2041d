"""Effects are paired kind by kind; the format-breaking rate stands beside the published outputs'."""

import pytest
import toyrecords

from o1lib.answers import metrics
from o1lib.effects import PUBLISHED, broken, effects, strongest
from o1lib.records import load_all

ROWS = {"structured": "structured.sample", "direct training": "direct.sample", "without tags": "no_tags.sample"}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Two arms; the structured one is right in all of mini-AI2D, the direct one never there."""
    root = tmp_path_factory.mktemp("effects")
    for row, format, always in (("structured.sample", "tags", True), ("direct.sample", "direct", False)):
        lines = [line | ({"correct": always} if line["family"] == "mini-AI2D" else {})
                 for line in toyrecords.answers(row, format, "mixed", "sample", 1, "", 0.5)]
        toyrecords.leave(root, row, 0, metrics(lines), lines)
    return load_all(root)


def test_the_effect_on_a_family_is_the_difference_on_its_questions_alone(records):
    found = effects(records, "structured.sample", "direct.sample", "family").set_index("part")
    line = found.loc["mini-AI2D"]
    assert line.value == 1 and line.low > 0 and line.wins == line.n and line.losses == 0
    assert len(found) > 5 and (found.value.dropna().abs() <= 1).all()


def test_effects_by_skill_cover_all_six(records):
    assert len(effects(records, "structured.sample", "direct.sample", "skill")) == 6


def test_a_row_that_was_not_run_has_no_effects(records):
    assert effects(records, "structured.sample", "shuffled.sample", "family").empty


def test_effects_that_are_sure_are_named_with_their_intervals(records):
    found = effects(records, "structured.sample", "direct.sample", "family")
    assert "mini-AI2D +100 points [" in strongest(found, "families")
    assert strongest(found[found.part != "mini-AI2D"].assign(low=-1.0, high=1.0), "families").startswith("In none of")


def test_format_breaking_stands_beside_the_published_outputs(records):
    found = broken(records, ROWS).set_index("label")
    assert found.loc[PUBLISHED, ["value", "n"]].tolist() == [0.06, 1000]
    cell = next(record for record in records if record.row == "structured.sample").metrics["well_formed"]
    assert found.value["structured"] == pytest.approx(1 - cell.value) and found.low["structured"] >= 0
    assert "direct training" not in found.index and "without tags" not in found.index

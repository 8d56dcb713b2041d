"""One arm: what is found on the way, in which form answers count, and that looking changes nothing."""

import copy
from types import SimpleNamespace

import pytest
import torch

from o1lib.formats.chat import FORMATS, target
from o1lib.minivqa import draw, mixture
from o1lib.records import Run
from o1lib.training import arms
from o1lib.training.curriculum import plan

EXAMPLE = draw("mini-CLEVR", 0)


def gold(format):
    """Return what a perfect model says, turn by turn."""
    text = target(EXAMPLE, format)
    return text.split("\n\n") if format == "four_turn" else [text]


@pytest.mark.parametrize("format", FORMATS)
def test_what_training_would_have_it_say_is_well_formed_and_exact(monkeypatch, format):
    said = iter(gold(format))
    monkeypatch.setattr(arms, "greedy", lambda model, processor, asked, most: [next(said)])
    assert arms.validated(None, None, [EXAMPLE], format) == {"asked": 1, "well_formed": 1.0, "exact": 1.0}


@pytest.mark.parametrize(
    "format, said",
    [
        ("tags", ["2"]),
        ("tags", [gold("tags")[0][:-20]]),
        ("no_tags", ["2"]),
        ("direct", [" "]),
        ("four_turn", ["a", "", "b", "c"]),
        ("shuffled", ["<SUMMARY> a </SUMMARY>"]),
    ],
)
def test_another_form_is_not_well_formed(format, said):
    assert not arms.well_formed(said, format)


def test_answers_of_a_batch_are_those_of_each_item_alone(tiny):
    items = list(mixture("validation", 3))
    together = arms.answers(*tiny, items, "four_turn", 6)
    assert together == [arms.answers(*tiny, [item], "four_turn", 6)[0] for item in items]
    assert [len(turns) for turns in together] == [4, 4, 4]


def test_validation_on_the_way_joins_the_log_and_changes_no_weight(tiny, tmp_path):
    phases, models = plan("mixed", "direct", list(mixture("train", 16))), []
    for validation in (0, 2):
        settings = {"data": "", "format": "direct"}
        run = Run("arm", 0, "smoke", tmp_path, tmp_path / str(validation), settings)
        models.append(copy.deepcopy(tiny[0]))
        log = arms.learn(
            run, models[-1], tiny[1], arms.dialogs(phases, "direct"), learning_rate=1e-3, batch=8, validation=validation
        )
    assert [line["examples"] for line in log if "exact" in line] == [8, 16]
    assert all(map(torch.equal, models[0].state_dict().values(), models[1].state_dict().values()))


def test_validation_items_are_those_of_the_data_row_or_drawn():
    run = SimpleNamespace(root=None, seed=0)
    assert [item.qid for item in arms.validation_items(run, "", 3)] == [item.qid for item in mixture("validation", 3)]
    assert arms.validation_items(run, "", 0) == []


def test_a_blind_arm_is_shown_grey_pictures_only_in_training_and_validation(tmp_path):
    for items in (arms.training_items(None, "", 3, blind=True), arms.validation_items(None, "", 3, blind=True)):
        assert len(items) == 3 and all(item.image.getcolors() == [(64 * 64, (128, 128, 128))] for item in items)

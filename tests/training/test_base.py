"""What the base's report measures, and how a base is trained."""

import pytest

from o1lib.models.presets import load, save
from o1lib.records import UserError
from o1lib.training import base
from o1lib.training.base import base_metrics, questions


def test_withheld_questions_cover_every_family():
    asked = questions(200, withheld=True)
    assert all(example.withheld for example in asked) and len({example.family for example in asked}) == 10


def test_metrics_count_parts_families_and_leaked_tags():
    line = {"qid": "q", "template": "t", "family": "mini-PISC"}
    found = base_metrics(
        [
            line | {"part": "captions", "output": text, "correct": right}
            for text, right in (("a", True), ("b", False), ("<SUMMARY> c", False), ("d", False))
        ]
    )
    assert {name: (metric["value"], metric["n"]) for name, metric in found.items()} == {
        "captions": (0.25, 4),
        "captions/mini-PISC": (0.25, 4),
        "stage tags": (0.25, 4),
    }
    assert all(metric["low"] < metric["value"] < metric["high"] for metric in found.values())


def test_the_report_leaves_own_captions_to_the_gate(tiny, monkeypatch):
    """They are sampled, and so cost most. The report measures the other kinds of pair."""
    monkeypatch.setattr(base, "greedy", lambda model, processor, asked, most: ["no"] * len(asked))
    monkeypatch.setattr("o1lib.models.presets.sampled", None)
    parts = {line["part"] for line in base.report(*tiny, 2)}
    assert "judging/statement" in parts and "judging/caption" in parts and "judging/own captions" not in parts


def test_a_base_measured_on_no_question_is_refused():
    with pytest.raises(UserError, match="set questions to 1 or more"):
        questions(0)


@pytest.mark.slow
def test_a_trained_base_has_the_usual_chat_template_and_its_own_words(tmp_path):
    model, processor, log = base.train_base(
        "smoke", tmp_path, examples=16, lookups=16, batch=8, curve_questions=2, curve_points=1
    )
    assert [line for line in log if "lookups" in line]
    save(model, processor, tmp_path / "model")
    assert "raw" not in load(tmp_path / "model")[1].chat_template

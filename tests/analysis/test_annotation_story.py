"""Twenty annotations are shown: real ones if there are any, else Mini-VQA's."""

import os
from pathlib import Path

import pytest
from PIL import Image

from o1lib.analysis.views.annotation_story import REAL, show_annotations, twenty
from o1lib.data.annotation.teacher import AnnotationRequest, AnnotationResult, annotate
from o1lib.models.endpoint import Reply


def test_without_real_items_mini_vqa_is_shown(monkeypatch):
    monkeypatch.delenv(REAL, raising=False)
    turns, teacher, attempts = twenty()
    outcomes = list(annotate(turns, teacher, attempts=attempts))
    assert len(outcomes) == 20 and {bool(outcome.stages) for outcome in outcomes} == {True, False}


@pytest.mark.skipif(not os.environ.get(REAL), reason=f"{REAL} names no folder of real data")
def test_recorded_answers_to_real_pictures_are_filtered():
    turns, teacher, attempts = twenty()
    outcomes = list(annotate(turns, teacher, attempts=attempts))
    assert len({outcome.request.image for outcome in outcomes}) == 20
    assert {outcome.reason for outcome in outcomes} == {"", "another answer", "no tags"}
    page = show_annotations(outcomes)
    assert page.count("<img") == 20 and len(page) < 600_000 and str(Path(os.environ[REAL])) not in page


def test_model_text_and_questions_are_escaped():
    bad = "<script>alert(1)</script>"
    page = show_annotations(
        [
            AnnotationResult(
                AnnotationRequest(bad, Image.new("RGB", (400, 4)), bad, bad, hints=(bad,)), None, bad, ((bad, bad),)
            )
        ]
    )
    assert "<script" not in page and page.count("&lt;script&gt;") >= 6 and 'width="160"' in page


def test_the_recorded_teacher_answers_with_its_recording(monkeypatch):
    from o1lib.analysis.views.annotation_story import RecordedTeacher

    assert RecordedTeacher().say(AnnotationRequest("q", None, "q", "3", source="text"), 1) == Reply("text", cached=True)

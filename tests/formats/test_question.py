"""Every class that holds a question has the attributes that the protocols promise."""

import pytest

from o1lib.data.annotation.teacher import AnnotationRequest
from o1lib.data.dataset import read_items, write_items
from o1lib.formats.question import Question, StagedQuestion
from o1lib.minivqa import draw
from o1lib.search.methods import task_for


@pytest.fixture
def example():
    return draw("mini-CLEVR", 0)


@pytest.fixture
def item(example, tmp_path):
    return read_items(write_items([example], tmp_path / "data"))[0]


def test_all_classes_of_questions_share_id_text_and_picture(example, item):
    task = task_for(example.qid, example.question, example.image, "tags")
    request = AnnotationRequest("q", "picture.png", "How many dots?", "3")
    assert all(isinstance(one, Question) for one in (example, item, task, request))


def test_drawn_and_stored_questions_have_stages_and_truth(example, item):
    assert isinstance(example, StagedQuestion) and isinstance(item, StagedQuestion)
    assert not isinstance(AnnotationRequest("q", "picture.png", "How many dots?", "3"), StagedQuestion)

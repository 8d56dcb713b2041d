"""Won and lost questions are the first ones, with pictures, and model output is never HTML."""

from types import SimpleNamespace

import pytest
from PIL import Image
from support.pages import parsed

from o1lib.analysis.views.gallery import first_differences, gallery, inline


def line(qid, correct, output="B"):
    return {"qid": qid, "correct": correct, "output": output, "gold": "B", "test_set": "mini-MMStar"}


def shown(question="How many?", side=64):
    return SimpleNamespace(image=Image.new("RGB", (side, side), "red"), question=question)


def test_the_first_differences_keep_the_order_of_the_set():
    a = [line(str(k), k % 2 == 0) for k in range(10)]
    b = [line(str(k), k % 2 == 1) for k in reversed(range(10))]
    won, lost = first_differences(a, b, 3)
    assert [pair[0]["qid"] for pair in won] == ["0", "2", "4"]
    assert [pair[0]["qid"] for pair in lost] == ["1", "3", "5"]


def test_agreements_and_unpaired_questions_are_left_out():
    both = [line("1", True), line("3", False)]
    assert first_differences([*both, line("2", True)], both) == ([], [])


def test_a_card_has_picture_right_answer_and_both_answers():
    page = gallery([line("1", True, "one")], [line("1", False, "two")], {"1": shown()}, ("structured", "direct"))
    assert page.count("<img ") == 1 and "right: B" in page and "How many?" in page
    assert page.index("structured") < page.index("one") < page.index("two")


@pytest.mark.parametrize("place", ["output", "question", "gold", "label"])
def test_text_from_outside_never_becomes_html(place):
    hostile = "<script>alert('x')</script>"
    row = line("1", True) | ({place: hostile} if place in ("output", "gold") else {})
    labels = (hostile, "b") if place == "label" else ("a", "b")
    page = gallery([row], [line("1", False)], {"1": shown(hostile if place == "question" else "?")}, labels)
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_a_missing_answer_and_a_missing_picture_are_shown():
    page = gallery([line("1", True, None)], [line("1", False)], {})
    assert "(nothing)" in page and "<img" not in page and "<b>1</b>" in page


def test_small_pictures_are_enlarged_and_large_ones_are_not():
    assert 'width="128"' in inline(Image.new("RGB", (64, 64)))
    assert 'width="500"' in inline(Image.new("RGB", (500, 400)))


def test_a_picture_in_a_row_keeps_its_shape():
    """A flex row stretches its items to its own height unless they say otherwise, and nbconvert sets height: auto."""
    page = gallery([line("1", True)], [line("1", False)], {"1": shown()})
    tags = [(event[1], event[2].get("style", "")) for event in parsed(page) if event[0] == "<"]
    styles, rows = (
        [style for tag, style in tags if tag == "img"],
        [style for _, style in tags if "display:flex" in style],
    )
    assert all({"height:auto", "align-self:flex-start", "width:128px"} <= set(style.split(";")) for style in styles)
    assert styles and rows and all("align-items:flex-start" in style for style in rows)


def test_a_picture_larger_than_a_page_is_made_smaller():
    found = inline(picture := Image.new("RGB", (4000, 3000)))
    assert 'width="640" height="480"' in found and len(found) < 50_000 and picture.size == (4000, 3000)


def test_a_picture_may_be_a_file(tmp_path):
    Image.new("L", (10, 20)).save(tmp_path / "picture.png")
    assert inline(tmp_path / "picture.png").startswith("<img ")

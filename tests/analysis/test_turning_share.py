"""The share of deep questions at which a difference between two arms changes its sign."""

import pytest

from o1lib.analysis.turning_share import turning_share
from o1lib.records import UserError


def mixture(cells, share, deep=3):
    """Return a - b on a test set with this share of deep questions, each group with the proportions of `cells`."""
    total = 0.0
    for side, weight in ((False, 1 - share), (True, share)):
        group = [cell for depth, cell in cells.items() if (depth >= deep) == side]
        total += weight * sum(n * (a - b) for n, a, b in group) / sum(n for n, _, _ in group)
    return total


CELLS = {1: (200, 0.80, 0.88), 2: (100, 0.70, 0.72), 4: (100, 0.55, 0.43), 8: (300, 0.40, 0.22)}


def test_the_mixture_is_zero_at_the_share_and_has_both_signs_around_it():
    found = turning_share(CELLS)
    assert mixture(CELLS, found.share) == pytest.approx(0, abs=1e-12)
    assert mixture(CELLS, found.share - 0.05) < 0 < mixture(CELLS, found.share + 0.05)


def test_the_differences_weigh_every_question_alike():
    found = turning_share(CELLS)
    assert found.shallow == pytest.approx((200 * -0.08 + 100 * -0.02) / 300)
    assert found.deep == pytest.approx((100 * 0.12 + 300 * 0.18) / 400)
    assert found.present == pytest.approx(400 / 700)


@pytest.mark.parametrize("deep_gain", [0.1, 0.0])
def test_there_is_no_share_where_the_signs_agree_or_a_difference_is_zero(deep_gain):
    found = turning_share({1: (10, 0.6, 0.5), 5: (10, 0.4 + deep_gain, 0.4)})
    assert found.share is None and "no share" in found.summary("a", "b")


def test_the_border_of_deep_questions_can_be_moved():
    assert turning_share({1: (10, 0.5, 0.6), 2: (10, 0.6, 0.5)}, deep=2).share == pytest.approx(0.5)


def test_swapping_the_arms_keeps_the_share():
    swapped = {depth: (n, b, a) for depth, (n, a, b) in CELLS.items()}
    assert turning_share(swapped).share == pytest.approx(turning_share(CELLS).share)


def test_the_summary_names_both_arms_and_the_share():
    told = turning_share({1: (200, 0.80, 0.86), 4: (100, 0.55, 0.43)}).summary("structured", "direct")
    assert told == (
        "structured − direct is -6.0 points on shallow and +12.0 on deep questions: "
        "the sign turns at 33% of deep questions (here 33% are deep)."
    )


@pytest.mark.parametrize("cells", [{}, {1: (10, 0.5, 0.5)}, {5: (10, 0.5, 0.5)}, {1: (0, 0.5, 0.5), 5: (9, 0.1, 0.2)}])
def test_questions_of_one_kind_are_refused(cells):
    with pytest.raises(UserError, match="both below and from 3"):
        turning_share(cells)

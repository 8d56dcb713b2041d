"""The share of deep questions at which a difference between two arms changes its sign, where both signs are sure."""

import pandas as pd
import pytest

from o1lib.analysis.turning_share import turning_share
from o1lib.records import UserError

CELLS = {1: (200, 0.70, 0.88), 2: (100, 0.70, 0.72), 4: (100, 0.55, 0.43), 8: (300, 0.40, 0.22)}


def answers(cells, side, seeds=(0,)):
    """Return the answers of one arm: the first questions of a depth are right, as many as its accuracy says."""
    return pd.DataFrame(
        [
            (seed, f"{depth}/{k}", depth, float(k < round(n * accuracy[side])))
            for seed in seeds
            for depth, (n, *accuracy) in cells.items()
            for k in range(n)
        ],
        columns=["seed", "qid", "depth", "value"],
    )


def turning(cells, deep=3, swap=False):
    sides = (1, 0) if swap else (0, 1)
    return turning_share(*(answers(cells, side) for side in sides), deep=deep)


def mixture(found, share):
    return (1 - share) * found.shallow.value + share * found.deep.value


def test_the_mixture_is_zero_at_the_share_and_has_both_signs_around_it():
    found = turning(CELLS)
    assert mixture(found, found.share) == pytest.approx(0, abs=1e-12)
    assert mixture(found, found.share - 0.05) < 0 < mixture(found, found.share + 0.05)


def test_the_differences_weigh_every_question_alike():
    found = turning(CELLS)
    assert found.shallow.value == pytest.approx((200 * -0.18 + 100 * -0.02) / 300)
    assert found.deep.value == pytest.approx((100 * 0.12 + 300 * 0.18) / 400)
    assert found.present == pytest.approx(400 / 700)


def test_there_is_no_share_where_the_signs_agree():
    found = turning({1: (200, 0.6, 0.4), 5: (200, 0.5, 0.3)})
    assert found.share is None and "no share of deep questions turns the sign" in found.summary("a", "b")


def test_there_is_no_share_where_an_interval_holds_zero():
    """Differences of opposite signs of which one may be zero say nothing about where the sign turns."""
    found = turning({1: (200, 0.60, 0.80), 5: (50, 0.42, 0.40)})
    assert found.shallow.value < 0 < found.deep.value and found.deep.low < 0
    assert found.share is None
    assert found.summary("a", "b").endswith("so no share is given at which the sign would turn.")


def test_the_border_of_deep_questions_can_be_moved():
    assert turning({1: (200, 0.5, 0.6), 2: (200, 0.6, 0.5)}, deep=2).share == pytest.approx(0.5)


def test_swapping_the_arms_keeps_the_share():
    assert turning(CELLS, swap=True).share == pytest.approx(turning(CELLS).share)


def test_the_summary_has_both_arms_both_intervals_and_the_share():
    found = turning({1: (200, 0.70, 0.82), 4: (100, 0.55, 0.31)})
    (low, high), (least, most) = ((100 * one.low, 100 * one.high) for one in (found.shallow, found.deep))
    assert low < -12 < high < 0 < least < 24 < most
    assert found.summary("structured", "direct") == (
        f"structured − direct is -12.0 points [{low:+.1f}, {high:+.1f}] on shallow and "
        f"+24.0 points [{least:+.1f}, {most:+.1f}] on deep questions: "
        "the sign turns at 33% of deep questions (here 33% are deep)."
    )


@pytest.mark.parametrize("cells", [{}, {1: (10, 0.5, 0.5)}, {5: (10, 0.5, 0.5)}, {1: (1, 0.5, 0.5), 5: (9, 0.1, 0.2)}])
def test_questions_of_one_kind_are_refused(cells):
    with pytest.raises(UserError, match="both below and from 3"):
        turning(cells)

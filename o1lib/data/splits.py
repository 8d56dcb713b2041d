"""What every data source takes and returns: `SourceOptions` and `Splits`.

def load(options: SourceOptions) -> Splits:
    return Splits(train=..., validation=..., test=..., counts={"left_out": 0})
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from o1lib.records import UserError, choose
from o1lib.records.limits import check_size

if TYPE_CHECKING:
    from o1lib.data.annotation.build import AnnotationConfig


class Splits(NamedTuple):
    """Items of the three splits, each to be written once, and counts of what was left out."""

    train: Iterable[Any]
    validation: Iterable[Any]
    test: Iterable[Any]
    counts: dict[str, Any]


@dataclass(frozen=True)
class SourceOptions:
    """Options of all sources. Sizes are numbers of questions; `n_test` is the number per test set.

    A source ignores the options that it does not use: `folder` and `allow_missing` are LLaVA-CoT's, `test_split` (one
    of `minivqa.draw.SPLITS`) and `n_test_by_set` (see `set_sizes`) are Mini-VQA's, `annotation` is the teacher's.
    """

    n_train: int
    n_validation: int
    n_test: int
    folder: str | Path = ""
    test_split: str = "devtest"
    allow_missing: bool = False
    annotation: "AnnotationConfig | None" = None
    n_test_by_set: str = ""


def set_sizes(n_test: int, by_set: str, names: Sequence[str]) -> dict[str, int]:
    """Return {test set: number of questions}: `n_test`, but for the sets that `by_set` gives another number.

    `by_set` is "" or such as "mini-MMBench=4x, mini-AI2D=96". 4x is four times `n_test`, which makes as many groups of
    four rotations as other sets have questions. Raises UserError for an unknown set, and another form of number.
    """
    sizes = dict.fromkeys(names, n_test)
    for entry in filter(None, map(str.strip, by_set.split(","))):
        name, _, number = map(str.strip, entry.partition("="))
        choose(name, names, "test set in n_test_by_set")
        if not re.fullmatch(r"[1-9]\d{0,17}x?", number):
            raise UserError(f"n_test_by_set has {entry!r}: write a number of questions or a multiple, as {name}=4x")
        sizes[name] = n_test * int(number[:-1]) if number.endswith("x") else int(number)
        check_size(f"n_test_by_set of {name}", sizes[name])
    return sizes

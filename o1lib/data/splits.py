"""What every data source takes and returns: `SourceOptions` and `Splits`.

def load(options: SourceOptions) -> Splits:
    return Splits(train=..., validation=..., test=..., counts={"left_out": 0})
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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

    A source ignores the options that it does not use: `folder` and `allow_missing` are LLaVA-CoT's, `test_split` is
    Mini-VQA's ('devtest', 'test' or 'hard'), `annotation` is the teacher's.
    """

    n_train: int
    n_validation: int
    n_test: int
    folder: str | Path = ""
    test_split: str = "devtest"
    allow_missing: bool = False
    annotation: "AnnotationConfig | None" = None

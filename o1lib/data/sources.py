"""The registry of data sources, and the one function that loads their splits.

A source gives train, validation and test items whose pictures do not overlap. No source depends on a seed: the arms of
every seed learn from the same questions and answer the same questions.

    splits = load_splits("minivqa", n_train=1000, n_validation=100, n_test=50)
    write_items(splits.train, "work/mini/train")    # o1lib.data.dataset
    splits.counts                                   # what was left out, and why
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from o1lib.data import easy_vqa, llava_cot_splits, mini_vqa
from o1lib.data.annotation import build
from o1lib.data.annotation.build import AnnotationConfig
from o1lib.data.splits import SourceOptions, Splits
from o1lib.records import choose


@dataclass(frozen=True)
class Source:
    """An entry of the registry: the function that loads the splits, and one line that says what the source is.

    `test_is_reserved`: its test items are `devtest` until the confirmatory run draws `test`. `drawn_again`: the
    pictures of test items are drawn from the parameters of the dataset's row, unless they come from a file.
    """

    load: Callable[[SourceOptions], Splits]
    description: str
    test_is_reserved: bool = True
    drawn_again: bool = False


SOURCES = {
    "minivqa": Source(
        mini_vqa.load, "pictures drawn by a program that knows the truth of every stage", drawn_again=True
    ),
    "llava_cot": Source(llava_cot_splits.load, "LLaVA-CoT-100k as released, from a folder or the Hugging Face hub"),
    "easy_vqa": Source(
        easy_vqa.load, "5,000 pictures of the package easy-VQA, with stages written by a rule", test_is_reserved=False
    ),
    "teacher": Source(
        build.load, "stages written by a teacher, filtered, for a file of questions or for Mini-VQA", drawn_again=True
    ),
}


def load_splits(
    source: str,
    folder: str | Path = "",
    *,
    n_train: int,
    n_validation: int,
    n_test: int,
    test_split: str = "devtest",
    allow_missing: bool = False,
    annotation: AnnotationConfig | None = None,
    n_test_by_set: str = "",
) -> Splits:
    """Return the splits of a source; the options are those of `SourceOptions`.

    Each split has at most the number of questions asked for; `n_test` is the number per test set. Raises UserError for
    an unknown source, a missing folder or package, and a broken record.
    """
    options = SourceOptions(n_train, n_validation, n_test, folder, test_split, allow_missing, annotation, n_test_by_set)
    return choose(source, SOURCES, "source").load(options)


def flatten_counts(counts: Mapping, under: str = "") -> dict[str, int]:
    """Return the integers in nested counts under names joined by ", "; other values, such as tables, are left out."""
    flat = {}
    for name, value in counts.items():
        name = f"{under}, {name}" if under else name.replace("_", " ")
        if isinstance(value, Mapping):
            flat |= flatten_counts(value, name)
        elif isinstance(value, int):
            flat[name] = value
    return flat

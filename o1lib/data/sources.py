"""Where datasets come from: Mini-VQA, LLaVA-CoT-100k as released, the easy-VQA package, and a teacher (o1lib.data.annotation.build).

Each source gives train, validation and test items whose pictures do not overlap; none depends on a seed, so that arms
of every seed learn from and answer the same questions.

    splits = load("minivqa", n_train=1000, n_validation=100, n_test=50)
    write(splits.train, "work/mini/train")
    splits.counts                                   what was split up or left out, and why
"""

import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from o1lib import minivqa
from o1lib.data import easy_vqa, hub
from o1lib.data.annotation import build
from o1lib.data.annotation.build import AnnotationConfig
from o1lib.data.dataset import Item
from o1lib.data.images import Pictures
from o1lib.data.llava_cot import picture, records
from o1lib.data.survey import TABLE_1_FOLDERS, Survey, table_1
from o1lib.minivqa.testsets import TEST_SETS, test_set
from o1lib.records import UserError, shown

SOURCES = ("minivqa", "llava_cot", "easy_vqa", "teacher")

_OPTION = re.compile(r"(?:^|\s)\(?([A-J])[.):]\)?\s*(.+?)(?=\s+\(?[A-J][.):]|\s*$)", re.S)


class Splits(NamedTuple):
    """Items of the three splits, to be written once each, and counts of what was left out."""

    train: Iterable[Any]
    validation: Iterable[Any]
    test: Iterable[Any]
    counts: dict[str, Any]


def load_splits(
    source: str,
    folder: str = "",
    *,
    n_train: int,
    n_validation: int,
    n_test: int,
    test_split: str = "devtest",
    allow_missing: bool = False,
    teaching: AnnotationConfig | None = None,
) -> Splits:
    """Return the splits of a source, at most n items each (`n_test` is per test set).

    `folder` and `allow_missing` belong to 'llava_cot', `teaching` to 'teacher'; `test_split` is Mini-VQA's ('devtest',
    'test' or 'hard'). Raises UserError for an unknown source, a missing folder or package, and a broken record.
    """
    if source == "minivqa":
        return _minivqa(n_train, n_validation, n_test, test_split)
    if source == "llava_cot":
        return llava_cot(folder, n_train, n_validation, n_test, allow_missing)
    if source == "easy_vqa":
        train, validation, test, counts = easy_vqa.splits()
        return Splits(train[:n_train], validation[:n_validation], test[:n_test], counts)
    if source == "teacher":
        train, validation, test, counts = build.annotated_splits(
            teaching or AnnotationConfig(), n_train, n_validation, n_test
        )
        return Splits(train, validation, _tests(n_test, test_split) if test is None else test, counts)
    raise UserError(f"unknown source '{source}': choose one of {', '.join(SOURCES)}.")


def flatten_counts(counts: Mapping, under: str = "") -> dict[str, int]:
    """Return the numbers in counts, nested names joined; tables are left out."""
    found = {}
    for name, value in counts.items():
        name = f"{under}, {name}" if under else name.replace("_", " ")
        found |= (
            flatten_counts(value, name)
            if isinstance(value, Mapping)
            else {name: value}
            if isinstance(value, int)
            else {}
        )
    return found


def _minivqa(n_train, n_validation, n_test, test_split):
    return Splits(
        minivqa.mixture("train", n_train), minivqa.mixture("validation", n_validation), _tests(n_test, test_split), {}
    )


def _tests(n, split):
    test_set(TEST_SETS[0], 1, split)  # an unknown split is refused now, not when the others are written
    return itertools.chain.from_iterable(test_set(name, n, split) for name in TEST_SETS)


def llava_cot(folder: str | Path, n_train: int, n_validation: int, n_test: int, allow_missing: bool = False) -> Splits:
    """Return splits of LLaVA-CoT-100k as released; the rounds of one picture stay in one split.

    `folder` is taken from the project's folder on unless absolute, or names a dataset of the Hugging Face hub
    (`owner/name` or `owner/name@revision`). It holds `train.jsonl` and the pictures, unpacked or as `image.zip.part-*`.
    Pictures are taken in the order of their paths' hashes, for test first, so that each split is a mixture like the
    whole file. Counted (survey.Survey): records without a picture (left out, as by the release's own collator), records
    of several rounds (one item a round), rounds without the four stages (left out; the release holds some raw answers,
    a side effect of its generator), ids that repeat (numbered). Pictures that are missing are reported together, before
    anything is written, and left out with `allow_missing`. Raises UserError for that, for any other broken line and for
    a picture that is corrupt or outside.
    """
    if not folder:
        raise UserError("source 'llava_cot' needs `folder`: the path of a folder with train.jsonl and its pictures.")
    place = hub.folder_of(folder)
    found, pictures = Survey(), Pictures(place)
    rounds = sorted(_rounds(place, pictures, found), key=lambda one: (_digest(one["image"]), one["qid"]))
    _report_missing(place, found, allow_missing)
    wanted = {"test": n_test, "validation": n_validation, "train": n_train}
    parts = {name: [] for name in wanted}
    for _, of_one_picture in itertools.groupby(rounds, key=lambda one: one["image"]):
        name = next((name for name, n in wanted.items() if len(parts[name]) < n), "train")
        parts[name] += of_one_picture
    items = {name: (_item(pictures, one, name) for one in parts[name][:n]) for name, n in wanted.items()}
    return Splits(
        items["train"], items["validation"], items["test"], found.facts() | {"table_1": table_1(found.folders)}
    )


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def _report_missing(folder, found, allowed):
    if found.missing and not allowed:
        by_folder = ", ".join(f"{name} {n:,}" for name, n in found.missing.most_common(8))
        raise UserError(
            f"{shown(folder)} lacks {found.missing.total():,} of its {found.facts()['pictures']:,} pictures"
            f" ({by_folder}; the first is {found.first_missing}): get all parts of image.zip, or set "
            "allow_missing to leave their questions out."
        )


def _rounds(folder, pictures, found):
    """Yield one dict a usable round: where, qid, image, question, stages."""
    for where, record in tqdm(records(folder / "train.jsonl"), desc=f"reading {folder.name}", unit=" records", delay=2):
        pairs, qid = record.pairs(), found.add(record)
        for number, (question, text) in enumerate(pairs if record.image else (), 1):
            stages, wrong = found.answer(text)
            if not wrong and found.has(pictures, record.image, where):
                yield {
                    "where": where,
                    "qid": f"{qid}#{number}" if len(pairs) > 1 else qid,
                    "image": record.image,
                    "question": question.replace("<image>", "").strip(),
                    "stages": stages,
                }


def _item(pictures, one, split):
    answer, (first, *_) = one["stages"]["conclusion"], Path(one["image"]).parts
    return Item(
        one["qid"],
        TABLE_1_FOLDERS.get(first, first),
        one["question"],
        answer,
        one["stages"],
        picture(pictures, one["image"], one["where"]),
        options=_options(one["question"], answer),
        test_set="LLaVA-CoT held out" if split == "test" else "",
    )


def _options(question, answer):
    """Return the options listed in a question, () unless they run A, B, ... and the answer is one of the letters."""
    found = _OPTION.findall(question)
    letters = "".join(letter for letter, _ in found)
    listed = len(found) > 1 and "ABCDEFGHIJ".startswith(letters) and answer.strip(" .()") in list(letters)
    return tuple(text.strip() for _, text in found) if listed else ()

"""Where datasets come from: Mini-VQA, a folder in the released form of LLaVA-CoT-100k, and the easy-VQA package.

Each source gives train, validation and test items whose pictures do not overlap; none depends on a seed, so that arms
of every seed learn from and answer the same questions.

    splits = load("minivqa", n_train=1000, n_validation=100, n_test=50)
    write(splits.train, "work/mini/train")
    splits.counts                                   what was split up or left out, and why
"""
import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from . import easy, minivqa
from .data import Item
from .minivqa.testsets import TEST_SETS, test_set
from .records import UserError, project_root
from .released import picture, records
from .stages import parse

SOURCES = ("minivqa", "llava_cot", "easy_vqa")

# Picture folders of LLaVA-CoT-100k that belong to one source of Table 1; others (coco, gqa, vg, ...) serve several.
TABLE_1_FOLDERS = {"ai2d": "AI2D", "chartqa": "ChartQA", "docvqa": "DocVQA", "geoqa+": "GeoQA+", "pisc": "PISC",
                   "sqa": "ScienceQA", "CLEVR_v1.0": "CLEVR", "sam": "ShareGPT4V", "llava": "ShareGPT4V",
                   "web-celebrity": "ShareGPT4V"}
_OPTION = re.compile(r"(?:^|\s)\(?([A-J])[.):]\)?\s*(.+?)(?=\s+\(?[A-J][.):]|\s*$)", re.S)


class Splits(NamedTuple):
    """Items of the three splits, to be written once each, and counts of what was left out."""
    train: Iterable[Any]
    validation: Iterable[Any]
    test: Iterable[Any]
    counts: dict[str, int]


def load(source: str, folder: str = "", *, n_train: int, n_validation: int, n_test: int,
         test_split: str = "devtest") -> Splits:
    """Return the splits of a source, at most n items each (`n_test` is per test set).

    `folder` holds the released form and is needed by 'llava_cot' alone; `test_split` is Mini-VQA's ('devtest', 'test'
    or 'hard'). Raises UserError for an unknown source, a missing folder or package, and a broken record.
    """
    if source == "minivqa":
        return _minivqa(n_train, n_validation, n_test, test_split)
    if source == "llava_cot":
        return llava_cot(folder, n_train, n_validation, n_test)
    if source == "easy_vqa":
        train, validation, test, counts = easy.splits()
        return Splits(train[:n_train], validation[:n_validation], test[:n_test], counts)
    raise UserError(f"unknown source '{source}': choose one of {', '.join(SOURCES)}.")


def _minivqa(n_train, n_validation, n_test, test_split):
    tests = itertools.chain.from_iterable(test_set(name, n_test, test_split) for name in TEST_SETS)
    return Splits(minivqa.mixture("train", n_train), minivqa.mixture("validation", n_validation), tests, {})


def llava_cot(folder: str | Path, n_train: int, n_validation: int, n_test: int) -> Splits:
    """Return splits of a folder in the released form; the rounds of one picture stay in one split.

    Pictures are taken in the order of their paths' hashes, for test first, so that each split is a mixture like the
    whole file. Counted: records, records without a picture (left out, as by the release's own collator), records of
    several rounds (one item a round), rounds without the four stages in order (left out; the release holds some raw
    answers, a side effect of its generator). `folder` is taken from the project's folder on unless absolute. Raises
    UserError for any other broken line and for a picture that is missing, corrupt or outside.
    """
    if not folder:
        raise UserError("source 'llava_cot' needs `folder`: the path of a folder with train.jsonl and its pictures.")
    folder = project_root() / Path(folder).expanduser()
    counts = Counter(records=0, without_picture=0, several_rounds=0, rounds_without_stages=0)
    rounds = sorted(_rounds(folder, counts), key=lambda one: (_digest(one["image"]), one["qid"]))
    wanted = {"test": n_test, "validation": n_validation, "train": n_train}
    parts = {name: [] for name in wanted}
    for _, of_one_picture in itertools.groupby(rounds, key=lambda one: one["image"]):
        name = next((name for name, n in wanted.items() if len(parts[name]) < n), "train")
        parts[name] += of_one_picture
    items = {name: (_item(folder, one, name) for one in parts[name][:n]) for name, n in wanted.items()}
    return Splits(items["train"], items["validation"], items["test"], dict(counts))


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def _rounds(folder, counts):
    """Yield one dict a usable round: where, qid, image, question, stages."""
    for where, record in records(folder / "train.jsonl"):
        pairs = record.pairs()
        counts["records"] += 1
        counts["several_rounds"] += len(pairs) > 1
        counts["without_picture"] += not record.image
        for number, (question, text) in enumerate(pairs if record.image else (), 1):
            parsed = parse(text)
            counts["rounds_without_stages"] += not parsed.well_formed
            if parsed.well_formed:
                yield {"where": where, "qid": f"{record.id}#{number}" if len(pairs) > 1 else record.id,
                       "image": record.image, "question": question.replace("<image>", "").strip(),
                       "stages": parsed.stages}


def _item(folder, one, split):
    answer, (first, *_) = one["stages"]["conclusion"], Path(one["image"]).parts
    return Item(one["qid"], TABLE_1_FOLDERS.get(first, first), one["question"], answer, one["stages"],
                picture(folder, one["image"], one["where"]), options=_options(one["question"], answer),
                test_set="LLaVA-CoT held out" if split == "test" else "")


def _options(question, answer):
    """Return the options listed in a question, () unless they run A, B, ... and the answer is one of the letters."""
    found = _OPTION.findall(question)
    letters = "".join(letter for letter, _ in found)
    listed = len(found) > 1 and "ABCDEFGHIJ".startswith(letters) and answer.strip(" .()") in list(letters)
    return tuple(text.strip() for _, text in found) if listed else ()

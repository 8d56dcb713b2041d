"""Write and read datasets in the form in which LLaVA-CoT-100k was released.

A dataset is a folder with the pictures and `train.jsonl`. A line holds `id`, `image` (a path inside the folder) and
`conversations` ([{"from": "human" | "gpt", "value": ...}], the answer in the four tags). If the truth is known, the
folder also has `truth.jsonl`, which holds what a program knows about each item.

    write_items(mixture("train", 1000), "work/mini/train")      # complete or absent; one picture in memory at a time
    items = read_items("work/mini/train")                       # UserError names file, line and remedy
    messages(items[0], "tags")                                  # the chat formats are those of o1lib.formats.chat
"""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from o1lib.data.images import Pictures, rgb
from o1lib.data.llava_cot import lines, picture, records
from o1lib.data.split_zip import Member
from o1lib.data.stored_pictures import store
from o1lib.formats.chat import (
    FORMATS,
    FOUR_TURN_PROMPTS,
    SPECIAL_TAGS,
    answer_text,
    from_special,
    messages,
    prompt_turns,
    target,
    to_special,
)
from o1lib.formats.stages import STAGES, parse, render
from o1lib.records import UserError, atomic_folder, shown
from o1lib.records.progress import progress_bar

__all__ = [
    "FORMATS",
    "FOUR_TURN_PROMPTS",
    "SPECIAL_TAGS",
    "Item",
    "answer_text",
    "from_special",
    "messages",
    "opened",
    "prompt_turns",
    "read_items",
    "target",
    "to_special",
    "write_items",
]


@dataclass(frozen=True)
class Item:
    """One question about a picture on disk. Its fields are those of `minivqa.Example`, empty if unknown.

    `image` is the picture's file, or its place in a split zip. `depth` is 0 if unknown.
    """

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)
    qid: str
    family: str
    question: str
    answer: str
    stages: dict[str, str]
    image: Path | Member
    template: str = ""
    skill: str = ""
    bare: str = ""
    options: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    true: frozenset[str] = field(default_factory=frozenset)
    steps: tuple[str, ...] = ()
    withheld: bool = False
    key: str = ""
    depth: int = 0
    test_set: str = ""
    group: str = ""

    @property
    def id(self) -> str:
        """Return the question's id, `qid`."""
        return self.qid

    @property
    def description(self) -> str:
        """Return the caption that does not depend on the question, "" if the facts are unknown."""
        return ". ".join(self.facts) + "." * bool(self.facts)


_IN_RECORD = ("qid", "question", "stages", "image")  # in train.jsonl; truth.jsonl holds the other fields
_IN_TRUTH = tuple(f.name for f in fields(Item) if f.name not in _IN_RECORD)


def write_items(examples: Iterable[Any], folder: str | Path) -> Path:
    """Write examples (`minivqa.Example` or Item) as a dataset and return its folder, which is complete or absent.

    `examples` may be an iterator. Drawn pictures are stored one by one as PNG; pictures on disk are linked, and decoded
    once, so that a truncated one is found here and not in training. Raises UserError for duplicate ids, no examples, a
    picture that cannot be decoded, a text with half a character, and a write error (o1lib.records.atomic_folder).
    """
    folder, seen, stored = Path(folder), set(), {}
    with (
        atomic_folder(folder) as new,
        open(new / "train.jsonl", "w", encoding="utf8") as released,
        open(new / "truth.jsonl", "w", encoding="utf8") as truth,
    ):
        for example in progress_bar(examples, desc=f"writing {folder.name}", unit=" items", delay=2, mininterval=1):
            if example.qid in seen:
                raise UserError(f"{shown(folder)}: the id '{example.qid}' occurs twice; give each question its own id.")
            image = store(example, len(seen), new, stored)
            seen.add(example.qid)
            _put(released, _released(example, image))
            _put(truth, {"id": example.qid} | {name: _plain(getattr(example, name)) for name in _IN_TRUTH})
        if not seen:
            raise UserError(f"{shown(folder)}: the split is empty, nothing was written; ask for at least one item.")
    return folder


def read_items(folder: str | Path, decode: bool = False) -> list[Item]:
    """Return the items of a dataset, checked line by line.

    Each picture's header and checksums are checked; with `decode` all its pixels are. Raises UserError, naming file,
    line and remedy, for a missing file, a line that is not JSON or not of the released form, duplicate ids, an empty
    split, a missing stage, and a picture that is missing, corrupt or outside the folder.
    """
    folder = Path(folder)
    truths = _truths(folder / "truth.jsonl")
    items, seen, pictures, known = [], {}, Pictures(folder), {}
    for where, record in progress_bar(
        records(folder / "train.jsonl"), desc=f"reading {folder.name}", unit=" items", delay=2
    ):
        if record.id in seen:
            raise UserError(f"{where}: id '{record.id}' was already used in {seen[record.id]}; remove one of the two.")
        seen[record.id] = where
        if truths is not None and record.id not in truths:
            raise UserError(f"{where}: id '{record.id}' is not in truth.jsonl; write the dataset again.")
        if record.image not in known:
            known[record.image] = picture(pictures, record.image, where, decode)
        items.append(_item(record, known[record.image], truths.pop(record.id) if truths else {}, where))
    if not items:
        raise UserError(f"{folder / 'train.jsonl'}: the split is empty; write it again with at least one item.")
    return items


def opened(item: Item, side: int | None = None) -> Item:
    """Return the item with its picture decoded (PIL, RGB), shrunk to at most `side` pixels per side if given."""
    picture = rgb(item.image)
    if side:
        picture.thumbnail((side, side))
    return replace(item, image=picture)


def _truths(path):
    if not path.is_file():
        return None
    truths = {}
    for where, line in lines(path):
        if not isinstance(line, dict) or not isinstance(line.get("id"), str):
            raise UserError(f"{where}: not a truth record with an id; write the dataset again.")
        truths[line["id"]] = line
    return truths


@functools.cache
def _adapter():
    return TypeAdapter(Item)


def _item(record, image, truth, where):
    """Return the Item of a record, completed by its line of truth.jsonl if there is one."""
    (question, text), *more = record.pairs()
    parsed = parse(text)
    missing = [stage for stage in STAGES if not parsed.stages.get(stage)]
    if more or missing:
        what = f"{len(more) + 1} rounds" if more else f"no {', '.join(missing)}"
        raise UserError(
            f"{where}: '{record.id}' has {what}, but a dataset needs one round in four stages; build it with source "
            "'llava_cot', which splits rounds and leaves out answers without stages."
        )
    known = {"family": Path(record.image).parts[0], "answer": parsed.stages["conclusion"]} | truth
    try:
        return _adapter().validate_python(
            known | {"qid": record.id, "question": question, "stages": parsed.stages, "image": image}
        )
    except ValidationError as error:
        problem = error.errors()[0]
        raise UserError(
            f"{where}: truth.jsonl, {problem['loc'][0]}: {problem['msg']}; write the dataset again."
        ) from None


def _released(example, image):
    return {
        "id": example.qid,
        "image": image,
        "conversations": [
            {"from": "human", "value": example.question},
            {"from": "gpt", "value": render(example.stages)},
        ],
    }


def _plain(value):
    return sorted(value) if isinstance(value, frozenset) else value


def _put(file, record):
    try:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")
    except UnicodeEncodeError:
        raise UserError(
            f"question {record['id']!a} has a text with half a character (a lone surrogate); correct or remove it."
        ) from None

"""Read and check the released form of LLaVA-CoT-100k line by line.

A line of `train.jsonl` is {"id", "image", "conversations": [{"from": "human" | "gpt", "value"}, ...]}, where `image` is
a path relative to the folder (dataset card of Xkev/LLaVA-CoT-100k; LLaVA-o1, arXiv:2411.10440, section 3). Files of
other projects are read too if they differ in two points: one JSON array instead of lines, and `images` with one path.
The splits made of these records are in o1lib.data.llava_cot_splits.

    pictures = Pictures(folder)
    for where, record in records(folder / "train.jsonl"):       # where = "train.jsonl line 7", for messages
        path = picture(pictures, record.image, where)           # inside the folder, present, not corrupt
"""

import itertools
import os
from collections.abc import Iterator
from json import JSONDecodeError
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from o1lib.data.images import Pictures, check, whole
from o1lib.data.json_text import parsed
from o1lib.data.split_zip import Member
from o1lib.records import UserError

MAX_LINE_BYTES = 16 * 2**20
MAX_ARRAY_BYTES = 2**30  # of a file that is one array: unlike lines, it is read as a whole
_BLANK = b"\xef\xbb\xbf \t\r\n"


class ReleasedTurn(BaseModel):
    """One turn of a released conversation."""

    speaker: Literal["human", "gpt"] = Field(alias="from")
    value: str = Field(min_length=1)


def _path(given: Any) -> Any:
    """Return the path in a value of `image` or `images`: a text, {"path": text}, or a list of one of them."""
    if isinstance(given, list):
        if len(given) > 1:
            raise ValueError(f"{len(given)} images, but a question is about one; split or remove it")
        given = given[0] if given else None
    if isinstance(given, dict) and given:
        if not isinstance(given.get("path"), str):
            raise ValueError("an image without a path; write the picture into a file and name it")
        return given["path"]
    return given


class Pictured(BaseModel):
    """The id and the picture of a record, which is a path in `image`, or in a list of one called `images`."""

    model_config = ConfigDict(coerce_numbers_to_str=True)
    id: str = Field(min_length=1)
    image: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_picture(cls, record):
        if not isinstance(record, dict):
            return record
        found = _path(record.get("image")) or _path(record.get("images"))
        if found != (_path(record.get("images")) or found):
            raise ValueError("`image` and `images` name two pictures, but a question is about one; keep one of them")
        return {name: value for name, value in record.items() if name != "images"} | {"image": found}

    @field_validator("image")
    @classmethod
    def _names_a_file(cls, image):
        if image and not PurePosixPath(image).parts:
            raise ValueError(f"'{image}' names no file")
        return image


class Released(Pictured):
    """One line of a released `train.jsonl`."""

    conversations: list[ReleasedTurn] = Field(min_length=2)

    @model_validator(mode="after")
    def _alternates(self):
        speakers = [turn.speaker for turn in self.conversations]
        if speakers != ["human", "gpt"] * (len(speakers) // 2):
            raise ValueError("conversations must alternate human, gpt and end with gpt")
        return self

    def pairs(self) -> list[tuple[str, str]]:
        """Return the (question, answer) texts of its rounds."""
        texts = [turn.value for turn in self.conversations]
        return list(zip(texts[::2], texts[1::2], strict=True))


def records(path: Path) -> Iterator[tuple[str, Released]]:
    """Yield (where, record) for each line of a released file. Raises UserError for a line of another form."""
    for where, line in lines(path):
        try:
            yield where, Released.model_validate(line)
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(map(str, problem["loc"])) or "record"
            raise UserError(
                f"{where}: {place}: {problem['msg']}; a record is {{id, image, conversations: "
                "[{from: human | gpt, value}]}; correct or remove the line."
            ) from None


def picture(pictures: Pictures, image: str | None, where: str, decode: bool = False) -> Path | Member:
    """Return the place of a record's picture; `decode` checks all its pixels instead of header and checksums.

    Raises UserError for a picture that leaves the folder, is missing or is corrupt.
    """
    if not image:
        raise UserError(f"{where}: the record has no image; remove the line or add its picture.")
    found = pictures.find(image, where)
    image = image[:80]
    if found is None:
        raise UserError(f"{where}: image '{image}' is missing in {pictures.folder}; restore it or remove the line.")
    (whole if decode else check)(found, f"{where}: image '{image}'")
    return found


def lines(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield (where, value) for each line of a JSONL file in UTF-8, with or without a byte order mark.

    A file that is one JSON array has a value for each of its elements. Raises UserError for a missing file, an array of
    more than 1 GiB, and for a line that is longer than 16 MB, not UTF-8, not JSON, or holds half a character.
    """
    if not os.path.isfile(path):
        raise UserError(f"{path} is missing: check the path, or build a dataset with notebook 01.")
    with open(path, "rb") as file:
        for number in itertools.count(1):
            line = file.readline(MAX_LINE_BYTES + 1)
            if not line:
                return
            if line.lstrip(_BLANK)[:1] == b"[":
                yield from _array(path, f"{path} line {number}")
                return
            if line.strip(_BLANK):
                where = f"{path} line {number}"
                if len(line) > MAX_LINE_BYTES:
                    most = MAX_LINE_BYTES // 2**20
                    raise UserError(
                        f"{where}: longer than {most} MB; put one record on a line, without pictures in it."
                    )
                yield where, _json(line, where)


def _array(path, where):
    """Yield (where, value) for each element of a file that is one JSON array, which begins at `where`."""
    if path.stat().st_size > MAX_ARRAY_BYTES:
        raise UserError(
            f"{path}: an array of more than {MAX_ARRAY_BYTES // 2**30} GiB; write one record on a line, as "
            "`jq -c '.[]'` does."
        )
    values = _json(path.read_bytes(), where)
    yield from ((f"{path} record {number}", value) for number, value in enumerate(values, 1))


def _json(data, where):
    try:
        return parsed(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not UTF-8 (byte {error.start + 1}); save the file as UTF-8.") from None
    except JSONDecodeError:
        raise UserError(f"{where}: not JSON; correct or remove the line.") from None
    except ValueError as error:
        raise UserError(f"{where}: {error}; correct or remove the line.") from None

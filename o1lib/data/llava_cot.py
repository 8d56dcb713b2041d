"""Read and check the released form of LLaVA-CoT-100k line by line.

A line of `train.jsonl` is {"id", "image", "conversations": [{"from": "human" | "gpt", "value"}, ...]}, where `image` is
a path relative to the folder (dataset card of Xkev/LLaVA-CoT-100k; LLaVA-o1, arXiv:2411.10440, section 3). The splits
made of these records are in o1lib.data.llava_cot_splits.

    pictures = Pictures(folder)
    for where, record in records(folder / "train.jsonl"):       # where = "train.jsonl line 7", for messages
        path = picture(pictures, record.image, where)           # inside the folder, present, not corrupt
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from o1lib.data.images import Pictures, check, rgb
from o1lib.data.split_zip import Member
from o1lib.records import UserError

MAX_LINE_BYTES = 16 * 2**20
_BLANK = b"\xef\xbb\xbf \t\r\n"


class ReleasedTurn(BaseModel):
    """One turn of a released conversation."""

    speaker: Literal["human", "gpt"] = Field(alias="from")
    value: str = Field(min_length=1)


class Released(BaseModel):
    """One line of a released `train.jsonl`."""

    model_config = ConfigDict(coerce_numbers_to_str=True)
    id: str = Field(min_length=1)
    image: str | None = None
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
    if found is None:
        raise UserError(f"{where}: image '{image}' is missing in {pictures.folder}; restore it or remove the line.")
    (rgb if decode else check)(found, f"{where}: image '{image}'")
    return found


def lines(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield (where, value) for each line of a JSONL file in UTF-8, with or without a byte order mark.

    Raises UserError for a missing file, and for a line that is longer than 16 MB, not UTF-8 or not JSON.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: check the path, or build a dataset with notebook 01.")
    with open(path, "rb") as file:
        for number in itertools.count(1):
            line = file.readline(MAX_LINE_BYTES + 1)
            if not line:
                return
            if line.strip(_BLANK):
                yield f"{path} line {number}", _json(line, f"{path} line {number}")


def _json(line, where):
    if len(line) > MAX_LINE_BYTES:
        raise UserError(
            f"{where}: longer than {MAX_LINE_BYTES // 2**20} MB; put one record on a line, without pictures in it."
        )
    try:
        return json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not UTF-8 (byte {error.start + 1}); save the file as UTF-8.") from None
    except (ValueError, RecursionError):
        raise UserError(f"{where}: not JSON; correct or remove the line.") from None

"""The released form of LLaVA-CoT-100k, line by line: what a record is, and every way in which one can be broken.

A line of `train.jsonl` is {"id", "image", "conversations": [{"from": "human" | "gpt", "value"}, ...]}, `image` a path
relative to the folder (dataset card of Xkev/LLaVA-CoT-100k; paper A, arXiv:2411.10440, section 3).

    for where, record in records(folder / "train.jsonl"):       where = "train.jsonl line 7", for messages
        path = picture(folder, record.image, where)             checked: inside the folder, there, not corrupt
"""
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .records import UserError


class Turn(BaseModel):
    """One turn of a released conversation."""
    speaker: Literal["human", "gpt"] = Field(alias="from")
    value: str = Field(min_length=1)


class Released(BaseModel):
    """One line of a released `train.jsonl`."""
    model_config = ConfigDict(coerce_numbers_to_str=True)
    id: str = Field(min_length=1)
    image: str | None = None
    conversations: list[Turn] = Field(min_length=2)

    @model_validator(mode="after")
    def _alternates(self):
        speakers = [turn.speaker for turn in self.conversations]
        if speakers != ["human", "gpt"] * (len(speakers) // 2):
            raise ValueError("conversations must alternate human, gpt and end with gpt")
        return self

    def pairs(self) -> list[tuple[str, str]]:
        """Return the (question, answer) texts of its turns."""
        texts = [turn.value for turn in self.conversations]
        return list(zip(texts[::2], texts[1::2], strict=True))


def records(path: Path) -> Iterator[tuple[str, Released]]:
    """Yield (where, record) for each line of a released file. Raises UserError for a line that is not of that form."""
    for where, line in lines(path):
        try:
            yield where, Released.model_validate(line)
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(map(str, problem["loc"])) or "record"
            raise UserError(f"{where}: {place}: {problem['msg']}; a record is {{id, image, conversations: "
                            "[{from: human | gpt, value}]}; correct or remove the line.") from None


def picture(folder: Path, image: str | None, where: str, decode: bool = False) -> Path:
    """Return the checked path of a picture. Raises UserError if it leaves the folder, is missing or corrupt."""
    if not image:
        raise UserError(f"{where}: the record has no image; remove the line or add its picture.")
    path = Path(os.path.realpath(folder / image))
    if Path(image).is_absolute() or not path.is_relative_to(os.path.realpath(folder)):
        raise UserError(f"{where}: image '{image}' leaves {folder}; put the picture inside and give a relative path.")
    try:
        with Image.open(path) as opened:
            opened.load() if decode else opened.verify()
    except FileNotFoundError:
        raise UserError(f"{where}: image '{image}' is missing in {folder}; restore it or remove the line.") from None
    except Exception as error:                                        # Pillow raises many kinds for a broken file
        raise UserError(f"{where}: image '{image}' is corrupt ({error}); restore it or remove the line.") from None
    return path


def lines(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield (where, value) for each line of a JSONL file. Raises UserError if it is missing or a line is not JSON."""
    if not path.is_file():
        raise UserError(f"{path} is missing; a dataset holds train.jsonl and its pictures: run 01_build_dataset.")
    with open(path, encoding="utf8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield f"{path} line {number}", json.loads(line)
                except ValueError:
                    raise UserError(f"{path} line {number}: not JSON; correct or remove the line.") from None

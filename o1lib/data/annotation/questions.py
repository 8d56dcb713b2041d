"""Questions about pictures with their right answers, as they are before anybody wrote stages for them.

A line of the file is {"id", "image", "question", "answer"}, with "options" (texts), "hints" and "family" where there
are any, or {"id", "image", "conversations"} in the released form with plain answers, as the release's generator
takes it.
Pictures lie beside the file or in its folder's split zip.

    for turn in turns("data/items.jsonl"):              one a question; of several rounds "id#1", "id#2", ...
        turn.question, turn.gold
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from o1lib.data.annotation.teacher import AnnotationRequest
from o1lib.data.images import Pictures
from o1lib.data.llava_cot import Released, lines
from o1lib.data.llava_cot import ReleasedTurn as Said
from o1lib.records import UserError
from o1lib.scoring.equality import LETTERS, letter_of, words


class Question(BaseModel):
    """One line of the file."""

    model_config = ConfigDict(coerce_numbers_to_str=True)
    id: str = Field(min_length=1)
    image: str = Field(min_length=1)
    question: str = ""
    answer: str = ""
    options: list[str] | None = Field(default=None, max_length=len(LETTERS))
    hints: list[str] | None = None
    family: str | None = None
    conversations: list[Said] | None = None

    @model_validator(mode="after")
    def _asks(self):
        if self.conversations:
            Released(
                id=self.id,
                image=self.image,
                conversations=[said.model_dump(by_alias=True) for said in self.conversations],
            )
        elif not self.question.strip():
            raise ValueError("there is neither a question nor conversations")
        return self

    def pairs(self) -> list[tuple[str, str]]:
        """Return the (question, right answer) texts."""
        said = [turn.value for turn in self.conversations or ()]
        return list(zip(said[::2], said[1::2], strict=True)) or [(self.question, self.answer)]


def annotation_requests(path: Path | str) -> Iterator[AnnotationRequest]:
    """Yield the questions of a file, each with the place of its picture, which is not opened.

    Raises UserError naming file, line and remedy for a broken line, an id that occurs twice, and a picture outside.
    """
    path = Path(path)
    pictures, seen = Pictures(path.parent), {}
    for where, line in lines(path):
        asked = _asked(line, where)
        if asked.id in seen:
            raise UserError(f"{where}: id '{asked.id}' was already used in line {seen[asked.id]}; remove one of them.")
        seen[asked.id] = int(where.rpartition(" ")[2])
        image = pictures.find(asked.image, where) or path.parent / asked.image  # what is missing is dropped, by name
        for number, (question, gold) in enumerate(asked.pairs(), 1):
            options = tuple(asked.options or ())
            yield AnnotationRequest(
                f"{asked.id}#{number}" if len(asked.pairs()) > 1 else asked.id,
                image,
                _with(options, question),
                letter_of(gold, options) or gold.strip(),
                options,
                tuple(asked.hints or ()),
                asked.family or Path(asked.image).parts[0],
            )


def _asked(line, where):
    try:
        return Question.model_validate(line)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "record"
        raise UserError(
            f"{where}: {place}: {problem['msg']}; a question is {{id, image, question, answer}} with "
            "options and hints if any, or {id, image, conversations}; correct or remove the line."
        ) from None


def _with(options, question):
    """Return the question with its options listed, as they may be already."""
    question = question.replace("<image>", "").strip()
    inside = f" {words(question)} "
    if all(f" {words(option)} " in inside for option in options):
        return question
    return question + "".join(f"\n{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False))

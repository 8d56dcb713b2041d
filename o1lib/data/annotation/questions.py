"""Read a file of questions with right answers but without stages, as input for a teacher.

A line is {"id", "image", "question", "answer"}, optionally with "options" (texts), "hints" and "family". It can also be
{"id", "image", "conversations"} in the released form with plain answers, which is the input of the release's generator.
Pictures are in the file's folder or in its split zip.

    for request in annotation_requests("data/items.jsonl"):     # several rounds get the ids "id#1", "id#2", ...
        request.question, request.gold
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, ValidationError, model_validator

from o1lib.data.annotation.teacher import AnnotationRequest
from o1lib.data.images import Pictures
from o1lib.data.llava_cot import Pictured, Released, ReleasedTurn, lines
from o1lib.data.options import gold_letter, shows
from o1lib.records import UserError
from o1lib.scoring.equality import LETTERS


class SourceQuestion(Pictured):
    """One line of the file: a question, or a conversation of several rounds."""

    image: str = Field(min_length=1)
    question: str = ""
    answer: str = ""
    options: list[str] | None = Field(default=None, max_length=len(LETTERS))
    hints: list[str] | None = None
    family: str | None = None
    conversations: list[ReleasedTurn] | None = None

    @model_validator(mode="after")
    def _asks(self):
        if self.conversations:
            Released(
                id=self.id,
                image=self.image,
                conversations=[turn.model_dump(by_alias=True) for turn in self.conversations],
            )
        elif not self.question.strip():
            raise ValueError("neither a question nor conversations")
        return self

    def pairs(self) -> list[tuple[str, str]]:
        """Return the (question, right answer) texts of all rounds."""
        texts = [turn.value for turn in self.conversations or ()]
        return list(zip(texts[::2], texts[1::2], strict=True)) or [(self.question, self.answer)]


def annotation_requests(path: Path | str) -> Iterator[AnnotationRequest]:
    """Yield the questions of a file, each with the place of its picture. Pictures are not opened.

    Raises UserError, naming file, line and remedy, for a broken line, an id that occurs twice, and a picture outside
    the folder.
    """
    path = Path(path)
    pictures, seen = Pictures(path.parent), {}
    for where, line in lines(path):
        source = _parsed(line, where)
        if source.id in seen:
            raise UserError(
                f"{where}: id '{source.id}' was already used in line {seen[source.id]}; remove one of them."
            )
        seen[source.id] = int(where.rpartition(" ")[2])
        image = pictures.find(source.image, where) or path.parent / source.image  # `annotate` drops missing pictures
        for number, (question, gold) in enumerate(source.pairs(), 1):
            options = tuple(source.options or ())
            yield AnnotationRequest(
                f"{source.id}#{number}" if len(source.pairs()) > 1 else source.id,
                image,
                _with_options(question, options),
                _letter(gold, options, where) or gold.strip(),
                options,
                tuple(source.hints or ()),
                source.family or Path(source.image).parts[0],
            )


def _parsed(line, where: str) -> SourceQuestion:
    try:
        return SourceQuestion.model_validate(line)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "record"
        raise UserError(
            f"{where}: {place}: {problem['msg']}; a question is {{id, image, question, answer}}, with "
            "optional options and hints, or {id, image, conversations}; correct or remove the line."
        ) from None


def _letter(gold: str, options: tuple[str, ...], where: str) -> str:
    """Return the letter of the right option, "" if there is none. Raises UserError for a gold answer with two meanings.

    With the options ("B", "A") the gold answer "A" could be the letter of the first or the text of the second.
    """
    try:
        return gold_letter(gold, options)
    except ValueError as error:
        raise UserError(f"{where}: {error}; give letter and option, as 'A. {options[0]}'.") from None


def _with_options(question: str, options: tuple[str, ...]) -> str:
    """Return the question with its options appended, unless it lists them with their letters already."""
    question = question.replace("<image>", "").strip()
    if shows(question, options):
        return question
    return question + "".join(f"\n{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False))

"""Protocols for questions, so that code does not depend on the class that holds one.

Four classes hold a question about a picture: `minivqa.Example`, `data.Item` (released rounds and benchmark questions
are read into it), `data.annotation.AnnotationRequest` and `search.Task`. They live in packages that do not know each
other, so functions are annotated with these protocols instead.

    def first_words(question: Question) -> str:
        return question.question.split()[0]
"""

from collections.abc import Mapping, Sequence, Set
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Question(Protocol):
    """A question about a picture. `image` is a PIL image, a file, or a member of a split zip."""

    @property
    def qid(self) -> str: ...
    @property
    def question(self) -> str: ...
    @property
    def image(self) -> Any: ...


@runtime_checkable
class StagedQuestion(Question, Protocol):
    """A question with its answer and its four stages, to train on and to score.

    `answer` is a letter where `options` are given. `facts`, `true` and `steps` are empty where no program knows the
    picture; `test_set` and `group` are "" outside a test set.
    """

    @property
    def answer(self) -> str: ...
    @property
    def options(self) -> Sequence[str]: ...
    @property
    def stages(self) -> Mapping[str, str]: ...
    @property
    def family(self) -> str: ...
    @property
    def template(self) -> str: ...
    @property
    def skill(self) -> str: ...
    @property
    def test_set(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def facts(self) -> Sequence[str]: ...
    @property
    def true(self) -> Set[str]: ...
    @property
    def steps(self) -> Sequence[str]: ...

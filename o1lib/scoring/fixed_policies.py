"""Fixed policies that answer without looking: what they may know, what they count in training, and what they say.

    counts = TrainingCounts(train)
    POLICIES["commonest"].answer(counts.seen(item), counts)      # {"red": 1.0}

A policy is given a `Seen`, which holds neither the picture nor the right answer. It returns the probability of each
answer that it may give; an answer to a multiple-choice question is the text of an option.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from o1lib.formats.answer_forms import CHOICE, FORMS, OPEN, YES_NO, YES_OR_NO
from o1lib.formats.question import StagedQuestion
from o1lib.scoring.equality import LETTERS, letter_of
from o1lib.scoring.groups import OUTSIDE

Answers = dict[str, float]  # the probability of each answer that may be given


class Seen(NamedTuple):
    """What is known of a question without looking. `asked` is its text without options, `template` its kind."""

    template: str
    form: str
    depth: int
    asked: str
    options: tuple[str, ...] = ()

    @property
    def unordered(self) -> "Seen":
        """Return the same question with its options sorted: rotations of a question are equal."""
        return self._replace(options=tuple(sorted(self.options)))


def right_answer(item: StagedQuestion) -> str:
    """Return the right answer of an item; of a multiple-choice question the text of its option."""
    letter = letter_of(item.answer, item.options) if item.options else ""
    return item.options[LETTERS.index(letter)] if letter else item.answer


def _template(item: StagedQuestion) -> str:
    """Return the kind of a question: its family and template, or its text where no template is known.

    A template of mini-Depth asks for a word ("Where do you stop?") and for yes or no ("Do you stop at R?"). The first
    word of the last sentence, which every reader sees, tells them apart.
    """
    asked = getattr(item, "bare", "") or item.question
    kind = f"{item.family}/{item.template or asked}"
    if item.options or not item.family.startswith(OUTSIDE):
        return kind
    return f"{kind}/{asked.rpartition('. ')[2].partition(' ')[0]}"


def _look(item: StagedQuestion) -> Seen:
    """Return what an item shows without its picture. Without options its form is open, as long as none is counted."""
    asked = getattr(item, "bare", "") or item.question
    form = CHOICE if item.options else OPEN
    return Seen(_template(item), form, getattr(item, "depth", 0), asked, tuple(item.options))


class TrainingCounts:
    """The answers and letters of training items, and the templates whose open answers are all yes or no.

    A template that occurs in no training item counts as one with open answers. `n` is the number of items. They are
    read once and not kept, so a generator of drawings does not fill the memory with pictures.
    """

    def __init__(self, items: Iterable[StagedQuestion]):
        found = [(_look(item), right_answer(item)) for item in items]
        open_answers = defaultdict(set)
        for seen, answer in found:
            if not seen.options:
                open_answers[seen.template].add(answer)
        self.n = len(found)
        self._closed = {template for template, some in open_answers.items() if some <= set(YES_NO)}
        self._letters, self._answers = defaultdict(Counter), defaultdict(Counter)
        for seen, answer in found:
            self._count(self._with_form(seen), answer)

    def _count(self, seen: Seen, answer: str) -> None:
        for cell in _cells(seen):
            self._answers[cell][answer] += 1
        if answer in seen.options:
            self._letters[len(seen.options)][seen.options.index(answer)] += 1

    def seen(self, item: StagedQuestion) -> Seen:
        """Return what may be known of an item."""
        return self._with_form(_look(item))

    def _with_form(self, seen: Seen) -> Seen:
        return seen._replace(form=YES_OR_NO) if seen.form == OPEN and seen.template in self._closed else seen

    def of_answers(self, seen: Seen) -> Counter:
        """Return how often each answer was right in the narrowest cell of `seen` that has training items."""
        return next((self._answers[cell] for cell in _cells(seen) if cell in self._answers), Counter())

    def letter(self, options: int) -> int:
        """Return the number of the letter that was right most often among questions with so many options (0: A)."""
        counted = self._letters.get(options, Counter())
        return max(range(options), key=lambda k: (counted[k], -k))


def _cells(seen: Seen) -> tuple[tuple, ...]:
    """Return the cells of a question: template, form and depth, then without depth, then the form alone."""
    return ("depth", seen.template, seen.form, seen.depth), ("template", seen.template, seen.form), ("form", seen.form)


def _evenly(answers: Sequence[str]) -> Answers:
    return {answer: answers.count(answer) / len(answers) for answer in answers}


def _uniform(seen: Seen, counts: TrainingCounts) -> Answers:
    return _evenly(seen.options)


def _letter(seen: Seen, counts: TrainingCounts) -> Answers:
    return {seen.options[counts.letter(len(seen.options))]: 1.0}


def _commonest(seen: Seen, counts: TrainingCounts) -> Answers:
    counted = counts.of_answers(seen)
    possible = seen.options or tuple(counted)
    most = max((counted[answer] for answer in possible), default=0)
    return _evenly([answer for answer in possible if counted[answer] == most]) if possible else {}


def _coin(seen: Seen, counts: TrainingCounts) -> Answers:
    return _evenly(YES_NO)


def _always(answer: str) -> Callable[[Seen, TrainingCounts], Answers]:
    def policy(seen: Seen, counts: TrainingCounts) -> Answers:
        return _evenly(seen.options) if seen.options and answer not in seen.options else {answer: 1.0}

    return policy


@dataclass(frozen=True)
class Policy:
    """An entry of the registry: one line that says what it answers, the forms it answers, and the answers.

    `once`: an even choice between answers is drawn once for a question and kept over its rotations and pictures;
    otherwise it is drawn again for every line.
    """

    description: str
    forms: tuple[str, ...]
    answer: Callable[[Seen, TrainingCounts], Answers]
    once: bool = False


POLICIES = {
    "uniform": Policy("every option equally often, drawn again for every line", (CHOICE,), _uniform),
    "kept": Policy("every option equally often, drawn once and kept over rotations", (CHOICE,), _uniform, True),
    "letter": Policy("the letter that was right most often in training", (CHOICE,), _letter),
    "commonest": Policy(
        "the option or answer that was right most often in training, given template, form and depth",
        FORMS,
        _commonest,
        True,
    ),
    "yes": Policy("yes; every option equally often where yes is none", (CHOICE, YES_OR_NO), _always("yes")),
    "no": Policy("no; every option equally often where no is none", (CHOICE, YES_OR_NO), _always("no")),
    "coin": Policy("yes or no, equally often", (YES_OR_NO,), _coin),
}

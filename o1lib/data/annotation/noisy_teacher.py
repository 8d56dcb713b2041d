"""Mini-VQA's own program as a teacher that errs as often as it is told to, so that the filter itself can be measured.

Five kinds of error, equally frequent: a fact of the caption altered, a step of the reasoning altered, another
conclusion, a refusal, broken tags. What is wrong is known, so it is known too what the filter lets through: it sees
form, refusals and the conclusion, and no more than that.

    teacher = Program(noise=0.4)
    found = Measure(teacher)
    kept = [outcome.stages for outcome in annotate(map(turn, mixture("train", 100)), teacher) if found.add(outcome)]
    found.by_kind(), found.by_reason()
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from o1lib.data.annotation.teacher import AnnotationRequest, AnnotationResult, annotate
from o1lib.formats.stages import STAGES, close_tag, open_tag, parse, render
from o1lib.minivqa.draw import LETTERS, Example, draw, mixture
from o1lib.minivqa.facts import alter, canonical, caption_score, statements
from o1lib.models.endpoint import Reply
from o1lib.records import UserError
from o1lib.scoring.intervals import wilson

KINDS = ("fact", "step", "answer", "refusal", "tags")
NOTHING = "(nothing)"  # stands for a stage that an unfiltered text lacks
_SORRY = "I'm sorry, but I can't help with that."


@dataclass(frozen=True)
class NoisyTeacher:
    """A teacher that knows the drawing. Of its answers a share `noise` errs; which and how depends on `seed`, the
    question and the attempt alone. Raises UserError for a share outside 0 to 1."""

    noise: float = 0.0
    seed: int = 0

    def __post_init__(self):
        if not 0 <= self.noise <= 1:
            raise UserError(f"noise={self.noise} must be a share from 0 to 1.")

    def say(self, annotation_request: AnnotationRequest, attempt: int) -> Reply:
        """Return the staged answer of a Mini-VQA question, spoilt if it is its turn."""
        rng, kind = self._drawn(annotation_request, attempt)
        return Reply(spoil(annotation_request.source, kind, rng) if kind else render(annotation_request.source.stages))

    def kind(self, annotation_request: AnnotationRequest, attempt: int) -> str:
        """Return what was spoilt in an attempt, "" for nothing."""
        return self._drawn(annotation_request, attempt)[1]

    def _drawn(self, annotation_request, attempt):
        rng = random.Random(f"noise/{self.seed}/{annotation_request.qid}/{attempt}")
        spoilt = rng.random() < self.noise
        return rng, rng.choice(KINDS) if spoilt else ""

    def each(self, function: Callable, items: Iterable) -> Iterator:
        """Yield function(item) in order."""
        return map(function, items)


def annotation_request(example: Example) -> AnnotationRequest:
    """Return a Mini-VQA question as a turn."""
    return AnnotationRequest(
        example.qid,
        example.image,
        example.question,
        example.answer,
        example.options,
        family=example.family,
        source=example,
    )


def spoil(example: Example, kind: str, rng: random.Random) -> str:
    """Return the example's staged answer with an error of that kind; it never is the true text."""
    stages = dict(example.stages)
    if kind == "fact":
        stages["caption"] = _altered(
            stages["caption"], rng, lambda text: not caption_score(text, example.facts)["exact"]
        )
    elif kind == "step":
        known = {canonical(said) for said in (*example.facts, *example.true)}
        stages["reasoning"] = _altered(
            stages["reasoning"], rng, lambda text: any(canonical(said) not in known for said in statements(text))
        )
    elif kind == "answer":
        stages["conclusion"] = _other_answer(example, rng)
    elif kind == "refusal":
        return rng.choice((_SORRY, render(stages | {"reasoning": _SORRY, "conclusion": _SORRY})))
    else:
        return _broken(stages, rng)
    return render(stages)


def _altered(text, rng, wrong):
    """Return the text with one statement altered so that it is `wrong`; a statement is left out where none can be."""
    said = statements(text)
    for place in rng.sample(range(len(said)), len(said)):
        for _ in range(4):
            other = alter(said[place], rng)
            changed = other and ". ".join([*said[:place], other, *said[place + 1 :]]) + "."
            if changed and wrong(changed):
                return changed
    return ". ".join(said[:-1] or ["something else"]) + "."


def _other_answer(example, rng):
    if example.options:
        return rng.choice([letter for letter in LETTERS[: len(example.options)] if letter != example.answer])
    if example.answer in ("yes", "no"):
        return "no" if example.answer == "yes" else "yes"
    other = alter(example.answer, rng)
    while not other or canonical(other) == canonical(example.answer):  # the answer to another such question
        other = draw(example.family, rng.randrange(100_000), template=example.template, choice=False).answer
    return other


def _broken(stages, rng):
    stage = rng.choice(STAGES)
    whole = render(stages)
    return rng.choice(
        (
            lambda: whole.replace(close_tag(stage), "", 1),
            lambda: whole.replace(open_tag(stage), "", 1),
            lambda: render({name: text for name, text in stages.items() if name != stage}),
            lambda: render(stages | {stage: ""}),
            lambda: "\n\n".join(stages.values()),
            lambda: whole[: len(whole) - rng.randrange(16, max(17, len(whole) // 2))],
        )
    )()


class Measure:
    """What the filter did to every attempt of a `NoisyTeacher`, by what was spoilt and by what it gave as reason."""

    def __init__(self, teacher: NoisyTeacher):
        self.teacher, self._seen = teacher, Counter()

    def add(self, outcome: AnnotationResult) -> bool:
        """Count an outcome's attempts and tell whether it was kept."""
        for attempt, (_, reason) in enumerate(outcome.tries, 1):
            self._seen[self.teacher.kind(outcome.turn, attempt), reason] += 1
        return outcome.stages is not None

    def by_kind(self) -> list[dict]:
        """Return rows {spoilt, n, rejected, value, low, high}: the share rejected, its recall (Wilson, 95 %).

        The row "nothing" holds the true texts, of which none should be rejected, "anything" all that were spoilt.
        """
        chosen = {"nothing": [""], **{kind: [kind] for kind in KINDS}, "anything": KINDS}
        return [
            _row({"spoilt": name}, [(n, bool(reason)) for (kind, reason), n in self._seen.items() if kind in kinds])
            for name, kinds in chosen.items()
        ]

    def conclusion(self) -> str:
        """Return what was measured in three sentences (Markdown)."""
        rows, kept = {row["spoilt"]: row for row in self.by_kind()}, self.by_reason()[-1]
        sums = {name: sum(rows[kind][name] for kind in ("fact", "step")) for name in ("rejected", "n")}
        spoilt, true = rows["anything"], rows["nothing"]
        return (
            f"Of {spoilt['n']:,} spoilt texts the filter rejected {spoilt['rejected']:,}: "
            f"{spoilt['rejected'] - sums['rejected']:,} of the {spoilt['n'] - sums['n']:,} with another answer, a "
            f"refusal or broken tags, and {sums['rejected']:,} of the {sums['n']:,} with a false fact or step, "
            f"which it cannot see. Of {true['n']:,} true texts it rejected {true['rejected']:,}. So "
            f"{100 * (kept['value'] or 0):.0f} % of what it kept ({kept['n']:,} texts) is spoilt."
        )

    def by_reason(self) -> list[dict]:
        """Return rows {reason, n, spoilt, value, low, high}: of the texts rejected for it the share spoilt, precision.

        The row "kept" holds the texts that passed: the share of them that is spoilt all the same.
        """
        chosen = [*sorted({reason for _, reason in self._seen if reason}), ""]
        return [
            _row(
                {"reason": name or "kept"},
                [(n, bool(kind)) for (kind, reason), n in self._seen.items() if reason == name],
                "spoilt",
            )
            for name in chosen
        ]


def measure(noise: float = 0.5, n: int = 500) -> Measure:
    """Return what the filter does to n Mini-VQA questions, one attempt each, taught with that much noise."""
    found = Measure(NoisyTeacher(noise))
    for outcome in annotate(map(annotation_request, mixture("validation", n)), found.teacher, attempts=1):
        found.add(outcome)
    return found


def _row(first, counts, hit="rejected"):
    n, hits = sum(count for count, _ in counts), sum(count for count, it_is in counts if it_is)
    share = (hits / n, *wilson(hits, n)) if n else (None, None, None)
    return first | {"n": n, hit: hits} | dict(zip(("value", "low", "high"), share, strict=True))


def salvaged(text: str) -> dict[str, str]:
    """Return four stages of any text, for training without the filter: what it lacks is said to be nothing.

    Without tags all of it is the conclusion, so that a model learns it as it stands.
    """
    found = parse(text).stages or {"conclusion": text.strip()}
    return {stage: found.get(stage) or NOTHING for stage in STAGES}

"""A teacher with a known error rate, built on Mini-VQA's drawing program, to measure the filter.

Five kinds of error are equally frequent: an altered fact in the caption, an altered step in the reasoning, another
conclusion, a refusal, and broken tags. Each error is known, so the filter's recall and precision can be measured. The
filter checks form, refusals and the conclusion; it cannot see false facts and steps.

    teacher = NoisyTeacher(noise=0.4)
    measured = Measure(teacher)
    for result in annotate(map(annotation_request, mixture("train", 100)), teacher):
        measured.add(result)
    measured.by_kind(), measured.by_reason()
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from o1lib.data.annotation.teacher import AnnotationRequest, AnnotationResult, annotate
from o1lib.formats.answer_forms import YES_NO
from o1lib.formats.stages import STAGES, close_tag, open_tag, parse, render
from o1lib.minivqa.draw import LETTERS, Example, draw, mixture
from o1lib.minivqa.facts import alter, canonical, caption_score, statements
from o1lib.models.endpoint import Reply
from o1lib.records import UserError
from o1lib.scoring.intervals import wilson

KINDS = ("fact", "step", "answer", "refusal", "tags")
NOTHING = "(nothing)"  # the text of a stage that an unfiltered answer lacks
_SORRY = "I'm sorry, but I can't help with that."


@dataclass(frozen=True)
class NoisyTeacher:
    """A teacher that knows the drawing and errs in a share `noise` of its answers.

    Whether and how an answer errs depends only on `seed`, the question and the attempt. Raises UserError for a share
    outside 0 to 1.
    """

    noise: float = 0.0
    seed: int = 0

    def __post_init__(self):
        if not 0 <= self.noise <= 1:
            raise UserError(
                f"noise={self.noise} must be a share from 0 to 1; set it to 0.3 for three errors in ten answers."
            )

    def say(self, request: AnnotationRequest, attempt: int) -> Reply:
        """Return the staged answer to a Mini-VQA question, with an error if one is drawn for this attempt."""
        rng, kind = self._drawn(request, attempt)
        return Reply(corrupt(request.source, kind, rng) if kind else render(request.source.stages))

    def kind(self, request: AnnotationRequest, attempt: int) -> str:
        """Return the kind of error in an attempt, "" for none."""
        return self._drawn(request, attempt)[1]

    def _drawn(self, request: AnnotationRequest, attempt: int) -> tuple[random.Random, str]:
        rng = random.Random(f"noise/{self.seed}/{request.qid}/{attempt}")
        errs = rng.random() < self.noise
        return rng, rng.choice(KINDS) if errs else ""

    def each(self, function: Callable, items: Iterable) -> Iterator:
        """Yield function(item) in order."""
        return map(function, items)


def annotation_request(example: Example) -> AnnotationRequest:
    """Return a Mini-VQA example as a request for a teacher."""
    return AnnotationRequest(
        example.qid,
        example.image,
        example.question,
        example.answer,
        example.options,
        family=example.family,
        source=example,
    )


def corrupt(example: Example, kind: str, rng: random.Random) -> str:
    """Return the example's staged answer with an error of that kind (one of KINDS). It is never the true text."""
    stages = dict(example.stages)
    if kind == "fact":
        needed = statements(stages["caption"])
        stages["caption"] = _altered(
            stages["caption"], rng, lambda text: not caption_score(text, example.facts, needed)["exact"]
        )
    elif kind == "step":
        known = {canonical(statement) for statement in (*example.facts, *example.true)}
        stages["reasoning"] = _altered(
            stages["reasoning"], rng, lambda text: any(canonical(one) not in known for one in statements(text))
        )
    elif kind == "answer":
        stages["conclusion"] = _other_answer(example, rng)
    elif kind == "refusal":
        return rng.choice((_SORRY, render(stages | {"reasoning": _SORRY, "conclusion": _SORRY})))
    else:
        return _broken(stages, rng)
    return render(stages)


def _altered(text, rng, wrong):
    """Return the text with one statement altered so that `wrong` holds, or without its last one if none can be."""
    parts = statements(text)
    for place in rng.sample(range(len(parts)), len(parts)):
        for _ in range(4):
            other = alter(parts[place], rng)
            changed = other and ". ".join([*parts[:place], other, *parts[place + 1 :]]) + "."
            if changed and wrong(changed):
                return changed
    return ". ".join(parts[:-1] or ["something else"]) + "."


def _other_answer(example, rng):
    if example.options:
        return rng.choice([letter for letter in LETTERS[: len(example.options)] if letter != example.answer])
    if example.answer in YES_NO:
        return "no" if example.answer == "yes" else "yes"
    other = alter(example.answer, rng)
    while not other or canonical(other) == canonical(example.answer):  # draw another question
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
    """Recall and precision of the filter over all attempts of a `NoisyTeacher`.

    The rows have the keys that records hold: `spoilt` means "with an error".
    """

    def __init__(self, teacher: NoisyTeacher):
        self.teacher, self._seen = teacher, Counter()

    def add(self, result: AnnotationResult) -> bool:
        """Count a result's attempts and return whether the question was kept."""
        for attempt, (_, reason) in enumerate(result.tries, 1):
            self._seen[self.teacher.kind(result.request, attempt), reason] += 1
        return result.stages is not None

    def by_kind(self) -> list[dict]:
        """Return rows {spoilt, n, rejected, value, low, high} by kind of error; `value` is the recall (Wilson, 95 %).

        Recall is the share of texts that were rejected. The row "nothing" counts the true texts, none of which should
        be rejected; the row "anything" counts all texts with an error.
        """
        chosen = {"nothing": [""], **{kind: [kind] for kind in KINDS}, "anything": KINDS}
        return [
            _row({"spoilt": name}, [(n, bool(reason)) for (kind, reason), n in self._seen.items() if kind in kinds])
            for name, kinds in chosen.items()
        ]

    def summarize(self) -> str:
        """Return three sentences (Markdown) about recall and precision."""
        rows, kept = {row["spoilt"]: row for row in self.by_kind()}, self.by_reason()[-1]
        sums = {name: sum(rows[kind][name] for kind in ("fact", "step")) for name in ("rejected", "n")}
        wrong, true = rows["anything"], rows["nothing"]
        return (
            f"The filter rejected {wrong['rejected']:,} of {wrong['n']:,} texts with an error: "
            f"{wrong['rejected'] - sums['rejected']:,} of the {wrong['n'] - sums['n']:,} with another answer, a "
            f"refusal or broken tags, and {sums['rejected']:,} of the {sums['n']:,} with a false fact or step, "
            f"which it cannot see. It rejected {true['rejected']:,} of {true['n']:,} true texts. So "
            f"{100 * (kept['value'] or 0):.0f} % of the {kept['n']:,} texts that it kept have an error."
        )

    def by_reason(self) -> list[dict]:
        """Return rows {reason, n, spoilt, value, low, high} by reason; `value` is the precision (Wilson, 95 %).

        Precision is the share of the texts rejected for a reason that have an error. The row "kept" counts the texts
        that passed; its value is the share of them that has an error.
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
    """Return the filter's measurement on n Mini-VQA questions, one attempt each, with errors in a share `noise`."""
    measured = Measure(NoisyTeacher(noise))
    for result in annotate(map(annotation_request, mixture("validation", n)), measured.teacher, attempts=1):
        measured.add(result)
    return measured


def _row(first: dict, counts: list[tuple[int, bool]], hit: str = "rejected") -> dict:
    n, hits = sum(count for count, _ in counts), sum(count for count, is_hit in counts if is_hit)
    share = (hits / n, *wilson(hits, n)) if n else (None, None, None)
    return first | {"n": n, hit: hits} | dict(zip(("value", "low", "high"), share, strict=True))


def salvaged(text: str) -> dict[str, str]:
    """Return four stages of any text, for training without the filter; a missing stage becomes NOTHING.

    A text without tags becomes the conclusion as a whole, so that a model learns it unchanged.
    """
    found = parse(text).stages or {"conclusion": text.strip()}
    return {stage: found.get(stage) or NOTHING for stage in STAGES}

"""Datasets whose stages a teacher wrote: from a file of questions, or from Mini-VQA with a teacher that errs.

splits(Teaching(noise=0.3), n_train=1000, n_validation=100, n_test=50)             Mini-VQA
splits(Teaching("items.jsonl", "http://127.0.0.1:8000/v1", "qwen2.5-vl", log="replies.jsonl"), ...)
build("items.jsonl", "work/taught", teacher)        one folder, every question kept or dropped with its reason
"""

import hashlib
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from o1lib.data.annotation import questions
from o1lib.data.annotation.noisy_teacher import Measure, NoisyTeacher, annotation_request, salvaged
from o1lib.data.annotation.teacher import ATTEMPTS, AnnotationRequest, AnnotationResult, Served, Teacher, annotate
from o1lib.data.dataset import Item, write_items
from o1lib.minivqa import mixture
from o1lib.models.endpoint import Endpoint
from o1lib.records import UserError, atomic_file, project_root


@dataclass(frozen=True)
class AnnotationConfig:
    """Who writes the stages, and for what. Without `items` the program of Mini-VQA does, erring in a share `noise`.

    `items` is a file of questions (o1lib.data.annotation.questions), taken from the project's folder on unless absolute; `base_url`, `model`,
    `log`, `requests_per_minute`, `max_tokens_total` are those of `Endpoint`, and a `judge_model` behind the same
    address is asked where the rule cannot tell. Not `filtered`, whatever came back first is kept as it is.
    """

    items: str = ""
    base_url: str = ""
    model: str = ""
    judge_model: str = ""
    log: str = "work/teacher.jsonl"
    attempts: int = ATTEMPTS
    noise: float = 0.0
    filtered: bool = True
    requests_per_minute: float = 0
    max_tokens_total: int = 0

    @property
    def tries(self) -> int:
        """Return how often a question is asked at most."""
        return self.attempts if self.filtered else 1

    def stages(self, outcome: AnnotationResult) -> dict[str, str] | None:
        """Return the stages that an outcome gives the dataset, None for none."""
        if outcome.stages or self.filtered:
            return outcome.stages
        return salvaged(outcome.tries[-1][0]) if outcome.tries and outcome.reason != "no answer" else None

    def endpoint(self, model: str) -> Endpoint:
        """Return the endpoint of a model. Raises UserError for settings that cannot work."""
        return Endpoint(
            self.base_url,
            model,
            self.log,
            requests_per_minute=self.requests_per_minute,
            max_tokens_total=self.max_tokens_total,
        )


def annotated_splits(teaching: AnnotationConfig, n_train: int, n_validation: int, n_test: int) -> tuple:
    """Return (train, validation, test, counts); the items are made as they are taken, and counts are full then.

    Of Mini-VQA as many questions are asked as give n kept ones, and test is None: its answers need no teacher. Of a
    file n questions a split are asked, at least; the questions of one picture stay in one split.
    """
    if not teaching.items:
        program, counts = NoisyTeacher(teaching.noise), {}
        train, validation = (
            _drawn(program, split, n, teaching, counts)
            for split, n in (("train", n_train), ("validation", n_validation))
        )
        return train, validation, None, counts
    if teaching.noise:
        raise UserError("noise is for Mini-VQA's own teacher: set it to 0, or leave `items` empty.")
    teacher = Served(teaching.endpoint(teaching.model))
    judge = teaching.endpoint(teaching.judge_model) if teaching.judge_model else None
    counts = {}
    items = project_root() / Path(teaching.items).expanduser()
    parts = _parts(
        questions.annotation_requests(items),
        items.parent,
        {"test": n_test, "validation": n_validation, "train": n_train},
    )
    made = {name: _asked(part, name, teaching, teacher, judge, counts) for name, part in parts.items()}
    return made["train"], made["validation"], made["test"], counts


def _drawn(program, split, n, teaching, counts):
    """Yield n Mini-VQA examples whose stages the erring program wrote."""
    found, ends, kept = Measure(program), Counter(), 0
    for outcome in (
        annotate(map(annotation_request, mixture(split, 20 * n)), program, None, teaching.tries) if n else ()
    ):
        ends[outcome.reason or "kept"] += 1
        found.add(outcome)
        stages = teaching.stages(outcome)
        if stages:
            kept += 1
            yield replace(outcome.turn.source, stages=stages, answer=stages["conclusion"])
        if kept == n:
            break
    counts[split] = {"ends": dict(ends), "by_kind": found.by_kind(), "by_reason": found.by_reason()}


def _parts(turns, home, wanted):
    """Return {split: turns}: a picture's questions in one split, pictures in the order of their names' hashes."""

    def picture(one):
        name = os.path.relpath(one.image, os.path.realpath(home)) if isinstance(one.image, Path) else one.image.name
        return hashlib.sha256(name.encode()).hexdigest()

    parts = {name: [] for name in wanted}
    for _, of_one_picture in itertools.groupby(sorted(turns, key=lambda one: (picture(one), one.qid)), key=picture):
        name = next((name for name, n in wanted.items() if len(parts[name]) < n), None)
        if name is None:
            break
        parts[name] += of_one_picture
    return parts


def _asked(part, name, teaching, teacher, judge, counts):
    ends = Counter()
    for outcome in annotate(part, teacher, judge, teaching.tries):
        ends[outcome.reason or "kept"] += 1
        stages = teaching.stages(outcome)
        if stages:
            yield item(outcome.turn, stages, "taught, held out" if name == "test" else "")
    counts[name] = {"ends": dict(ends)}
    counts["ledger"] = teacher.endpoint.usage.facts()
    if judge:
        counts["judge_ledger"] = judge.usage.facts()


def item(one: AnnotationRequest, stages: Mapping[str, str], test_set: str = "") -> Item:
    """Return a turn with its stages as a dataset's item; its answer is the right one as it was given."""
    return Item(
        one.qid, one.family, one.question, one.gold, dict(stages), one.image, options=one.options, test_set=test_set
    )


def build_dataset(
    items: Path | str, folder: Path | str, teacher: Teacher, judge: Endpoint | None = None, attempts: int = ATTEMPTS
) -> dict[str, int]:
    """Write what a teacher made of a file of questions, and return how many were kept or dropped, by reason.

    Beside `folder`, which is whole or absent, `<folder>.outcomes.jsonl` has one line a question: {id, kept, reason,
    attempts}. Raises UserError as `annotate` does; called again it goes on from what was received.
    """
    folder, ends = Path(folder), Counter()
    with atomic_file(folder.with_name(f"{folder.name}.outcomes.jsonl")) as part, open(part, "w") as journal:
        write_items(
            _kept(annotate(questions.annotation_requests(items), teacher, judge, attempts), journal, ends), folder
        )
    return dict(ends)


def _kept(outcomes: Iterable[AnnotationResult], journal, ends: Counter) -> Iterator[Item]:
    for outcome in outcomes:
        ends[outcome.reason or "kept"] += 1
        journal.write(
            json.dumps(
                {
                    "id": outcome.turn.qid,
                    "kept": bool(outcome.stages),
                    "reason": outcome.reason,
                    "attempts": len(outcome.tries),
                }
            )
            + "\n"
        )
        if outcome.stages:
            yield item(outcome.turn, outcome.stages)

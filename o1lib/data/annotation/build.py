"""Build datasets whose stages a teacher wrote: from a file of questions, or from Mini-VQA with a noisy teacher.

annotated_splits(AnnotationConfig(noise=0.3), n_train=1000, n_validation=100, n_test=50)        # Mini-VQA
config = AnnotationConfig("items.jsonl", "http://127.0.0.1:8000/v1", "qwen2.5-vl", log="replies.jsonl")
annotated_splits(config, n_train=1000, n_validation=100, n_test=50)                             # a file of questions
build_dataset("items.jsonl", "work/annotated", teacher)     # one folder; every question kept or dropped with a reason
"""

import hashlib
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from o1lib.data import mini_vqa
from o1lib.data.annotation import questions
from o1lib.data.annotation.noisy_teacher import Measure, NoisyTeacher, annotation_request, salvaged
from o1lib.data.annotation.teacher import (
    ATTEMPTS,
    JUDGE_TOKENS,
    NO_ANSWER,
    TOKENS,
    AnnotationRequest,
    AnnotationResult,
    Judge,
    Served,
    Teacher,
    annotate,
)
from o1lib.data.dataset import Item, write_items
from o1lib.data.hub import local_path
from o1lib.data.splits import SourceOptions, Splits
from o1lib.minivqa import Example, mixture
from o1lib.models.endpoint import Endpoint
from o1lib.records import UserError, atomic_file, project_root


@dataclass(frozen=True)
class AnnotationConfig:
    """The teacher, the questions and the filter. Without `items`, a noisy teacher annotates Mini-VQA.

    - `items`: a file of questions (o1lib.data.annotation.questions), relative to the project's folder unless absolute
    - `base_url`, `model`, `log`, `requests_per_minute`, `max_tokens_total`: those of `Endpoint`
    - `judge_model`: a model at the same address, asked if no rule can decide whether two answers agree
    - `max_tokens`, `judge_tokens`: the most tokens of a reply of the teacher and of the judge, thoughts included
    - `noise`: the share of answers in which the noisy teacher errs
    - `filtered`: if False, the first reply to each question is kept unchanged
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
    max_tokens: int = TOKENS
    judge_tokens: int = JUDGE_TOKENS

    @property
    def tries(self) -> int:
        """Return the largest number of attempts at a question."""
        return self.attempts if self.filtered else 1

    def stages(self, result: AnnotationResult) -> dict[str, str] | None:
        """Return the stages that a result adds to the dataset, or None if it adds none."""
        if result.stages or self.filtered:
            return result.stages
        return salvaged(result.tries[-1][0]) if result.tries and result.reason != NO_ANSWER else None

    def endpoint(self, model: str) -> Endpoint:
        """Return the endpoint of a model. Raises UserError for invalid settings."""
        return Endpoint(
            self.base_url,
            model,
            self.log,
            requests_per_minute=self.requests_per_minute,
            max_tokens_total=self.max_tokens_total,
        )


def load(options: SourceOptions) -> Splits:
    """Return annotated splits as a data source. Mini-VQA's own test sets complete the splits of a noisy teacher."""
    config = options.annotation or AnnotationConfig()
    splits = annotated_splits(config, options.n_train, options.n_validation, options.n_test)
    return splits._replace(test=mini_vqa.test_examples(options)) if splits.test is None else splits


def annotated_splits(config: AnnotationConfig, n_train: int, n_validation: int, n_test: int) -> Splits:
    """Return annotated splits. Items are made while they are iterated, and `counts` is complete after that.

    For Mini-VQA, questions are drawn until n are kept, and `test` is None: its true answers need no teacher. For a file
    of questions, at least n questions per split are asked, and the questions about one picture are in one split.
    Raises UserError for invalid settings, a missing file and a broken line.
    """
    if config.items:
        return _from_file(config, {"test": n_test, "validation": n_validation, "train": n_train})
    teacher, counts = NoisyTeacher(config.noise), {}
    train = _drawn(teacher, "train", n_train, config, counts)
    return Splits(train, _drawn(teacher, "validation", n_validation, config, counts), None, counts)


def _from_file(config: AnnotationConfig, sizes: dict[str, int]) -> Splits:
    if config.noise:
        raise UserError(f"noise={config.noise} is for Mini-VQA's own teacher: set it to 0, or leave `items` empty.")
    teacher = Served(config.endpoint(config.model), max_tokens=config.max_tokens)
    judge = Judge(config.endpoint(config.judge_model), config.judge_tokens) if config.judge_model else None
    path, counts = project_root() / local_path(config.items), {}
    parts = _split_by_picture(questions.annotation_requests(path), path.parent, sizes)
    items = {name: _annotated(part, name, config, teacher, judge, counts) for name, part in parts.items()}
    return Splits(items["train"], items["validation"], items["test"], counts)


def _drawn(teacher: NoisyTeacher, split: str, n: int, config: AnnotationConfig, counts: dict) -> Iterator[Example]:
    """Yield n Mini-VQA examples with the stages of a noisy teacher; `counts[split]` says how all questions ended."""
    measured, ends, kept = Measure(teacher), Counter(), 0
    requests = map(annotation_request, mixture(split, 20 * n))
    for result in annotate(requests, teacher, None, config.tries) if n else ():
        ends[result.reason or "kept"] += 1
        measured.add(result)
        stages = config.stages(result)
        if stages:
            kept += 1
            yield replace(result.request.source, stages=stages, answer=stages["conclusion"])
        if kept == n:
            break
    counts[split] = {"ends": dict(ends), "by_kind": measured.by_kind(), "by_reason": measured.by_reason()}


def _split_by_picture(
    requests: Iterable[AnnotationRequest], home: Path, sizes: dict[str, int]
) -> dict[str, list[AnnotationRequest]]:
    """Return {split: requests}, whole pictures in the order of `sizes`, sorted by the hashes of their names."""

    def digest(one):
        """Return the hash of a picture's name."""
        name = os.path.relpath(one.image, os.path.realpath(home)) if isinstance(one.image, Path) else one.image.name
        return hashlib.sha256(name.encode()).hexdigest()

    parts = {name: [] for name in sizes}
    for _, of_one_picture in itertools.groupby(sorted(requests, key=lambda one: (digest(one), one.qid)), key=digest):
        name = next((name for name, n in sizes.items() if len(parts[name]) < n), None)
        if name is None:
            break
        parts[name] += of_one_picture
    return parts


def _annotated(
    requests: list[AnnotationRequest],
    name: str,
    config: AnnotationConfig,
    teacher: Served,
    judge: Judge | None,
    counts: dict,
) -> Iterator[Item]:
    ends = Counter()
    for result in annotate(requests, teacher, judge, config.tries):
        ends[result.reason or "kept"] += 1
        stages = config.stages(result)
        if stages:
            yield item(result.request, stages, "taught, held out" if name == "test" else "")
    counts[name] = {"ends": dict(ends)}
    counts["ledger"] = teacher.endpoint.usage.facts()  # these keys are published in records
    if judge:
        counts["judge_ledger"] = judge.endpoint.usage.facts()


def item(request: AnnotationRequest, stages: Mapping[str, str], test_set: str = "") -> Item:
    """Return a request with its stages as a dataset's item. Its answer is the right one, not the teacher's wording."""
    return Item(
        request.qid,
        request.family,
        request.question,
        request.gold,
        dict(stages),
        request.image,
        options=request.options,
        test_set=test_set,
    )


def build_dataset(
    items: Path | str, folder: Path | str, teacher: Teacher, judge: Judge | None = None, attempts: int = ATTEMPTS
) -> dict[str, int]:
    """Annotate a file of questions, write the kept ones as a dataset, and return {reason or "kept": number}.

    `folder` is complete or absent. Next to it, `<folder>.outcomes.jsonl` has one line per question: {id, kept, reason,
    attempts}, and the `problem` of the server if it gave no answer. Raises UserError as `annotate` does; the same call
    then continues with the replies already received.
    """
    folder, ends = Path(folder), Counter()
    results = annotate(questions.annotation_requests(items), teacher, judge, attempts)
    with atomic_file(folder.with_name(f"{folder.name}.outcomes.jsonl")) as part, open(part, "w") as journal:
        write_items(_kept(results, journal, ends), folder)
    return dict(ends)


def _kept(results: Iterable[AnnotationResult], journal, ends: Counter) -> Iterator[Item]:
    """Yield the items that were kept; write a line per question to `journal` and count the reasons in `ends`."""
    for result in results:
        ends[result.reason or "kept"] += 1
        line = {
            "id": result.request.qid,
            "kept": bool(result.stages),
            "reason": result.reason,
            "attempts": len(result.tries),
        }
        if result.reason == NO_ANSWER:
            line["problem"] = result.tries[-1][0]
        journal.write(json.dumps(line) + "\n")
        if result.stages:
            yield item(result.request, result.stages)

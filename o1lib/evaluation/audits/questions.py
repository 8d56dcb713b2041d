"""The questions of an audit: drawings, a benchmark, a dataset, or a file of your own, with or without answers.

asked = audit_items("", 40, run)                         # Mini-VQA drawings
asked.chain, asked.judge                                 # the questions of each audit
audit_items("MMStar@MMStar.tsv", 40, run)                # a benchmark, as notebook 03 takes it
audit_items("data/my-set", 40, run)                      # a folder in the released form of LLaVA-CoT-100k
audit_items("questions.jsonl", 40, run)                  # lines {"id", "image", "question", "answer", "options"}

An item whose right answer is not known has the answer "".
"""

import random
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from o1lib.data.annotation.questions import annotation_requests
from o1lib.data.benchmarks import load_benchmark
from o1lib.data.benchmarks.known import BENCHMARKS
from o1lib.data.dataset import Item, read_items
from o1lib.data.hub import local_path
from o1lib.data.images import check
from o1lib.data.options import by_letter, listed
from o1lib.data.split_zip import Member
from o1lib.evaluation.inputs import from_root
from o1lib.evaluation.probes.pairs import drawn_pairs
from o1lib.formats.stages import parse
from o1lib.records import UserError, need, project_root

FILE, TRUTH = "train.jsonl", "truth.jsonl"


class AuditItems(NamedTuple):
    """The questions of the chain reading, those of the judge, and of how many they were drawn (0: made on demand)."""

    chain: list
    judge: list
    total: int = 0


def audit_items(data: str, n: int, run) -> AuditItems:
    """Return up to n questions for each audit, drawn at random under `run.seed`.

    The chain reading gets pairs with the same text first, because only their chains can be swapped. The judge gets a
    plain draw of the questions whose right answer is known, so that its gain is one on such questions. `data` is "" for
    Mini-VQA validation drawings, NAME@FILE for a benchmark, the folder of a dataset, a JSONL file of questions, or the
    row id of a dataset of `run.root`. Raises UserError for n below 2, a name that is none of these, what the readers of
    these files refuse, and a drawn question whose picture is missing or corrupt.
    """
    if n < 2:
        raise UserError(f"questions={n} is too few for an audit: give 2 or more")
    if not data:
        drawn = [item for pair in drawn_pairs(-(-n // 2)) for item in pair][:n]
        return AuditItems(drawn, drawn)
    items = _read(data, run)
    known = [item for item in items if item.answer]
    judge = random.Random(f"{run.seed}/judge").sample(known, min(n, len(known)))
    asked = AuditItems(pairs_first(items, n, run.seed), judge, len(items))
    for item in (*asked.chain, *asked.judge):
        _check_picture(item)
    return asked


def pairs_first(items: Sequence, n: int, seed: int = 0) -> list:
    """Return up to n items in random order: first pairs with the same question and options, then others.

    Where the right answers are known, those of a pair differ.
    """
    rng = random.Random(f"{seed}/chain")
    pool = sorted(rng.sample(items, len(items)), key=_text)
    pairs = []
    for _, group in groupby(pool, key=_text):
        own = sorted(group, key=lambda item: item.answer)  # so far apart that only a majority answer meets itself
        half = len(own) // 2
        pairs += [pair for pair in zip(own, own[-half:]) if half and _differ(*pair)]
    rng.shuffle(pairs)
    found = [item for pair in pairs[: n // 2] for item in pair]
    taken = {id(item) for item in found}
    others = [item for item in rng.sample(items, len(items)) if id(item) not in taken]
    return found + others[: n - len(found)]


def _text(item) -> tuple:
    return item.question, tuple(item.options)


def _differ(a, b) -> bool:
    return a.answer != b.answer or not a.answer


def _read(data: str, run) -> list:
    name, named, source = data.partition("@")
    place = next((one for one in (local_path(data), project_root() / local_path(data)) if one.exists()), None)
    if named and (name in BENCHMARKS or place is None):
        found = load_benchmark(name, from_root(source), run.path("pictures"), scored=False).items
        return list({item.group: item for item in reversed(found)}.values())[::-1] if _circular(name) else found
    if place is None:
        return read_items(need(run.root, data, run.seed).folder / "data" / "test")
    if (place / TRUTH).is_file():
        return read_items(place)
    return own_questions(place / FILE if place.is_dir() else place)


def _circular(name: str) -> bool:
    """Return whether a benchmark asks each question in several rotations, of which an audit asks the first."""
    return BENCHMARKS[name].circular


def own_questions(path: Path) -> list[Item]:
    """Return the questions of a file; of a staged answer the conclusion is the right answer.

    Pictures are not opened. Raises UserError as `annotation_requests` does, and for no question.
    """
    found = [_item(one) for one in annotation_requests(path)]
    if not found:
        raise UserError(f"{path} has no question: give lines with id, image and question")
    return found


def _check_picture(item) -> None:
    if isinstance(item.image, Path) and not item.image.is_file():
        raise UserError(f"question {item.qid}: the picture {item.image} is missing: put it there")
    if isinstance(item.image, (Path, bytes, Member)):
        check(item.image, f"question {item.qid}: the picture")


def _item(one) -> Item:
    answer = parse(one.gold).stages.get("conclusion") or one.gold
    options = one.options or listed(one.question).options
    if not one.options and answer and not by_letter(answer, options):
        options = ()  # the list in the question is not what the answer is chosen from
    return Item(one.qid, one.family, one.question, answer, {}, one.image, options=tuple(options))

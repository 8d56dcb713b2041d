"""The questions of an audit: drawings, a benchmark, a dataset, or a file of your own, with or without answers.

audit_items("", 40, run)                                 # Mini-VQA drawings
audit_items("MMStar@MMStar.tsv", 40, run)                # a benchmark, as notebook 03 takes it
audit_items("data/my-set", 40, run)                      # a folder in the released form of LLaVA-CoT-100k
audit_items("questions.jsonl", 40, run)                  # lines {"id", "image", "question", "answer", "options"}

An item whose right answer is not known has the answer "".
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from o1lib.data.annotation.questions import annotation_requests
from o1lib.data.benchmarks import load_benchmark
from o1lib.data.benchmarks.known import BENCHMARKS
from o1lib.data.dataset import Item, read_items
from o1lib.data.hub import local_path
from o1lib.data.images import check
from o1lib.data.options import by_letter, listed
from o1lib.evaluation.inputs import from_root
from o1lib.evaluation.probes.pairs import drawn_pairs
from o1lib.formats.stages import parse
from o1lib.records import UserError, need, project_root

FILE, TRUTH = "train.jsonl", "truth.jsonl"


def audit_items(data: str, n: int, run) -> list:
    """Return up to n questions; those that share their text come first, because only their chains can be swapped.

    `data` is "" for Mini-VQA validation drawings, NAME@FILE for a benchmark, the folder of a dataset, a JSONL file of
    questions, or the row id of a dataset of `run.root`. Raises UserError for n below 2, a name that is none of these,
    and what the readers of these files refuse.
    """
    if n < 2:
        raise UserError(f"questions={n} is too few for an audit: give 2 or more")
    if not data:
        return [item for pair in drawn_pairs(n // 2) for item in pair]
    return sharing_first(_read(data, run), n)


def sharing_first(items: Sequence, n: int) -> list:
    """Return up to n items, first those whose question and options another item has too."""
    keys = [(item.question, tuple(item.options)) for item in items]
    sizes, first = Counter(keys), {key: place for place, key in reversed(list(enumerate(keys)))}
    order = sorted(range(len(items)), key=lambda k: (sizes[keys[k]] == 1, first[keys[k]], k))
    return [items[k] for k in order[:n]]


def _read(data: str, run) -> list:
    name, named, source = data.partition("@")
    if named:
        found = load_benchmark(name, from_root(source), run.path("pictures"), scored=False).items
        return list({item.group: item for item in reversed(found)}.values())[::-1] if _circular(name) else found
    place = next((one for one in (local_path(data), project_root() / local_path(data)) if one.exists()), None)
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

    Raises UserError as `annotation_requests` does, for a picture that is missing or corrupt, and for no question.
    """
    found = [_item(one) for one in annotation_requests(path)]
    if not found:
        raise UserError(f"{path} has no question: give lines with id, image and question")
    for item in found:
        if not Path(str(item.image)).is_file() and isinstance(item.image, Path):
            raise UserError(f"question {item.qid}: the picture {item.image} is missing: put it there")
        check(item.image, f"question {item.qid}: the picture")
    return found


def _item(one) -> Item:
    answer = parse(one.gold).stages.get("conclusion") or one.gold
    options = one.options or listed(one.question).options
    if not one.options and answer and not by_letter(answer, options):
        options = ()  # the list in the question is not what the answer is chosen from
    return Item(one.qid, one.family, one.question, answer, {}, one.image, options=tuple(options))

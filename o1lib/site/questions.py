"""The questions of published predictions: drawn again from their seeds, checked, and written with their pictures.

    asked = Questions(record, root)             # all questions that the dataset of a record can give again
    asked.check(line)                           # a prediction that contradicts the drawing takes it off the site
    asked.table(folder)                         # columns for the explorer; the pictures land in `folder`

A generator that changed since a record was made draws other pictures from the same seeds. So a drawing is shown only if
every checked prediction fits it: family, template, options, right answer, and which of the model's statements hold.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path

from PIL import Image

from o1lib.analysis.views.examples import questions
from o1lib.data.dataset import opened
from o1lib.data.sources import SOURCES
from o1lib.data.splits import SourceOptions
from o1lib.formats.chat import FORMATS
from o1lib.formats.stages import STAGES
from o1lib.records import Record, UserError, need
from o1lib.scoring.short_form import is_short
from o1lib.scoring.stage_scores import score
from o1lib.search.segments import Segment, found_stages

CHECKS = 3  # staged answers of one question whose scores are computed again
SIDE = 192  # pixels; larger pictures are reduced
OPEN, YES_NO, CHOICE = "open", "yes/no", "multiple choice"


def dataset_of(record: Record, root: Path) -> Record | None:
    """Return the record of the dataset that a run was scored on, None for a benchmark's file."""
    try:
        return need(root, record.parameters.get("data") or "", record.seed)
    except UserError:
        return None


def form(gold: str, options: list | tuple) -> str:
    """Return the form of a question: multiple choice, yes/no or open."""
    return CHOICE if options else YES_NO if gold in ("yes", "no") else OPEN


class Questions:
    """The questions of one dataset, in the order in which predictions first name them.

    `add` returns the index of a prediction's question, and `check` compares the prediction with the drawing.
    """

    def __init__(self):
        self.lines: dict[str, dict] = {}
        self.items: dict = {}
        self.checked: Counter = Counter()
        self.refuted: set[str] = set()

    def add(self, lines: list[dict], record: Record, root: Path) -> list[int]:
        """Add the questions of a run's predictions, check their drawings, and return the index of each question."""
        fresh = [line for line in lines if line["qid"] not in self.lines]
        self.lines |= {line["qid"]: line for line in fresh}
        if fresh:
            self.items |= recover(record, root, fresh)
        for line in lines:
            self.check(line)
        places = {qid: k for k, qid in enumerate(self.lines)}
        return [places[line["qid"]] for line in lines]

    def check(self, line: dict) -> None:
        """Refute the drawing of a prediction's question if the two contradict each other."""
        qid = line["qid"]
        item = self.items.get(qid)
        if item is None or qid in self.refuted:
            return
        again = staged = bool(line.get("stage_scores")) and self.checked[qid] < CHECKS
        self.checked[qid] += staged
        if not _same_question(line, item) or (again and not _same_scores(line, item)):
            self.refuted.add(qid)

    def shown(self, qid: str):
        """Return the item of a question if its drawing may be shown, else None."""
        return None if qid in self.refuted else self.items.get(qid)

    def table(self, pictures: Path) -> dict[str, list]:
        """Return the columns of all questions. Pictures are written into `pictures`, named by the hash of their pixels.

        A question without a drawing has an empty question, picture and true stages.
        """
        rows = [self._row(qid, line, pictures) for qid, line in self.lines.items()]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def _row(self, qid: str, line: dict, pictures: Path) -> dict:
        item = self.shown(qid)
        options = [] if item is None else list(item.options)
        bare = "" if item is None else (item.bare or item.question)
        return {
            "qid": qid,
            "set": line["test_set"] or "",
            "family": line["family"] or "",
            "skill": line["skill"] or "",
            "template": line.get("template") or "",
            "depth": line.get("depth") or getattr(item, "depth", 0) or 0,
            "form": form(line["gold"], line.get("options") or options),
            "question": bare,
            "options": json.dumps(line.get("options") or options, ensure_ascii=False),
            "gold": str(line["gold"]),
            "picture": "" if item is None else save_picture(item, pictures),
            **{f"true_{stage}": "" if item is None else item.stages.get(stage, "") for stage in STAGES},
        }


def recover(record: Record, root: Path, lines: list[dict]) -> dict:
    """Return {qid: item} for predictions: drawn again, read from the dataset, or loaded from an installed package."""
    dataset = dataset_of(record, root)
    if dataset is None:
        return {}
    found = questions(record, root, lines)
    return found or _packaged({line["qid"] for line in lines}, dataset.parameters)


def _packaged(wanted: set[str], parameters: dict) -> dict:
    """Return the questions of a source that needs no folder and no drawing, such as a package; {} for other sources."""
    source = SOURCES.get(parameters.get("source") or "")
    if source is None or source.drawn_again or parameters.get("folder") or source.test_is_reserved:
        return {}
    try:
        splits = source.load(SourceOptions(1, 1, parameters["n_test"]))
    except UserError:
        return {}
    return {item.qid: item for item in splits.test if item.qid in wanted}


def _same_question(line: dict, item) -> bool:
    """Return whether a prediction answers the question of an item."""
    told = (line["family"], line.get("template", item.template), line.get("options", list(item.options)), line["gold"])
    return told == (item.family, item.template, list(item.options), item.answer)


def _same_scores(line: dict, item) -> bool:
    """Return whether the same statements of a staged answer hold of the item's picture as the prediction records.

    A prediction in short form has no statements to look at, and counts as the same.
    """
    if is_short(line):
        return True
    kept = [one for one in line["candidates"] if one["kept"]]
    by_turn = FORMATS[line["format"]].by_turn
    segments = [Segment(one["stage"], one["text"], turn=by_turn) for one in kept] or [Segment("all", line["output"])]
    again = score(found_stages(segments), item, FORMATS[line["format"]].stages)
    return again["wrong_statements"] == line["stage_scores"].get("wrong_statements", again["wrong_statements"])


def save_picture(item, folder: Path) -> str:
    """Write the picture of an item as lossless WebP and return its name; equal pictures share one file."""
    image = item.image if isinstance(item.image, Image.Image) else opened(item, SIDE).image
    image = image.convert("RGB")
    name = f"{hashlib.sha256(image.tobytes()).hexdigest()[:16]}.webp"
    if not (folder / name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        image.save(folder / name, lossless=True, quality=80, method=4)
    return name

"""A journal of finished questions, with which an interrupted evaluation run resumes.

    finished = FinishedQuestions(run.path("searched.jsonl"), {"method": "stage_beam", "seed": 0})
    finished.found["q1"].row                    # its prediction
    finished.add(tree, row)                     # writes one line at once

A journal of other settings, or of other code, is discarded. A last line that a kill cut short is ignored.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from o1lib.records import to_json
from o1lib.records.files import LONE_SURROGATES, disk_errors
from o1lib.search.segments import Segment
from o1lib.search.types import SearchResult, SearchRound, Task, Usage


@dataclass(frozen=True)
class KeptAnswer:
    """A finished search without its task, which holds the picture, and its prediction."""

    method: str
    n: int
    rounds: tuple[SearchRound, ...]
    segments: tuple[Segment, ...]
    usage: Usage
    stopped: bool
    row: dict

    def tree(self, task: Task) -> SearchResult:
        """Return the search result of `task`."""
        return SearchResult(task, self.method, self.n, self.rounds, self.segments, self.usage, self.stopped)


_FORM = TypeAdapter(KeptAnswer)


class FinishedQuestions:
    """The questions that were finished with these `settings` (plain values), in `found` by qid.

    Without a path no journal is written. Raises UserError when the file cannot be written.
    """

    def __init__(self, path: Path | None, settings: dict):
        self.path, self.found = path, {}
        if path is None:
            return
        head = to_json({"settings": settings}, path.name)
        lines = path.read_text(encoding="utf8").split("\n") if path.is_file() else []
        if lines[:1] == [head]:
            self.found = dict(filter(None, map(_kept, lines[1:-1])))  # the last line has no line end, so it is cut
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = "".join(line + "\n" for line in ([head, *lines[1:-1]] if self.found else [head]))
            path.write_text(kept, encoding="utf8")

    def add(self, tree: SearchResult, row: dict) -> None:
        """Write a finished search and its prediction to the journal."""
        if self.path is None:
            return
        kept = KeptAnswer(tree.method, tree.n, tree.rounds, tree.segments, tree.usage, tree.stopped, row)
        line = to_json({"qid": tree.task.qid, "kept": _FORM.dump_python(kept, mode="python")}, self.path.name)
        with disk_errors(self.path), open(self.path, "a", encoding="utf8", errors=LONE_SURROGATES) as file:
            file.write(line + "\n")


def _kept(line):
    """Return (qid, KeptAnswer) of a line, or None for an incomplete one."""
    try:
        found = json.loads(line)
        return found["qid"], _FORM.validate_python(found["kept"])
    except (ValueError, KeyError):
        return None

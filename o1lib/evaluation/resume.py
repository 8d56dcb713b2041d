"""Searches finished so far, in a file beside the run: an interrupted evaluation goes on without redoing them.

    journal = Journal(run.path("searched.jsonl"), {"method": "stage_beam", "seed": 0, ...})
    journal.found["q1"]                         # (rounds, segments, ... of its tree, its prediction)
    journal.add(tree, row)                      # one line, written at once

A journal of other settings, or of other code, is thrown away. A last line that a kill cut short is not counted.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from o1lib.records import to_json
from o1lib.records.files import LONE, disk_errors
from o1lib.search.segments import Segment
from o1lib.search.types import SearchResult, SearchRound, Task, Usage


@dataclass(frozen=True)
class KeptAnswer:
    """A finished search without its task (which holds the picture), and its prediction."""

    method: str
    n: int
    rounds: tuple[SearchRound, ...]
    segments: tuple[Segment, ...]
    usage: Usage
    stopped: bool
    row: dict

    def tree(self, task: Task) -> SearchResult:
        """Return the finished search of `task`."""
        return SearchResult(task, self.method, self.n, self.rounds, self.segments, self.usage, self.stopped)


_FORM = TypeAdapter(KeptAnswer)


class FinishedQuestions:
    """What was finished under these `settings` (plain values), by qid in `found`; without a path nothing is kept.

    Raises UserError when the disk refuses.
    """

    def __init__(self, path: Path | None, settings: dict):
        self.path, self.found = path, {}
        if path is None:
            return
        head = to_json({"settings": settings}, path.name)
        lines = path.read_text(encoding="utf8").split("\n") if path.is_file() else []
        if lines[:1] == [head]:
            self.found = dict(filter(None, map(_kept, lines[1:-1])))  # behind the last line's end nothing is whole
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = "".join(line + "\n" for line in ([head, *lines[1:-1]] if self.found else [head]))
            path.write_text(kept, encoding="utf8")

    def add(self, tree: SearchResult, row: dict) -> None:
        """Keep a finished search and its prediction."""
        if self.path is None:
            return
        kept = KeptAnswer(tree.method, tree.n, tree.rounds, tree.segments, tree.usage, tree.stopped, row)
        line = to_json({"qid": tree.task.qid, "kept": _FORM.dump_python(kept, mode="python")}, self.path.name)
        with disk_errors(self.path), open(self.path, "a", encoding="utf8", errors=LONE) as file:
            file.write(line + "\n")

    def close(self) -> None:
        """Remove the file: all that it held is recorded elsewhere."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _kept(line):
    """Return (qid, Kept) of a line, None for one that is not whole."""
    try:
        found = json.loads(line)
        return found["qid"], _FORM.validate_python(found["kept"])
    except (ValueError, KeyError):
        return None

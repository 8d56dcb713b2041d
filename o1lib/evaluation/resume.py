"""A journal of finished questions, with which an interrupted evaluation run resumes.

    finished = FinishedQuestions(run.path("searched.jsonl"), {"method": "stage_beam", "seed": 0})
    finished.found["q1"].row                    # its prediction
    finished.add(tree, row)                     # writes one line at once

A journal of other settings, or of other code, is renamed, and a new one begins. Lines that cannot be read are dropped,
such as a last line that a kill cut short.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from o1lib.records.journals import Journal
from o1lib.search.segments import Segment
from o1lib.search.types import SearchResult, SearchRound, Task, Usage


@dataclass(frozen=True)
class KeptSearch:
    """A finished search without its task, which holds the picture."""

    method: str
    n: int
    rounds: tuple[SearchRound, ...]
    segments: tuple[Segment, ...]
    usage: Usage
    stopped: bool

    @classmethod
    def of(cls, tree: SearchResult, **more) -> "KeptSearch":
        """Return what is kept of a search result; `more` are the further fields of this class."""
        return cls(tree.method, tree.n, tree.rounds, tree.segments, tree.usage, tree.stopped, **more)

    def tree(self, task: Task) -> SearchResult:
        """Return the search result of `task`."""
        return SearchResult(task, self.method, self.n, self.rounds, self.segments, self.usage, self.stopped)


@dataclass(frozen=True)
class KeptAnswer(KeptSearch):
    """A finished search and its prediction."""

    row: dict


_FORM = TypeAdapter(KeptAnswer)
ROW = {"qid": str, "test_set": str, "family": str, "correct": bool, "output": str, "ledger": dict, "candidates": list}


class FinishedQuestions:
    """The questions that were finished with these `settings` (plain values), in `found` by qid.

    Without a path no journal is written. A line that cannot be read, or whose prediction is of another question, is
    dropped, and its question is searched again. Raises UserError when the file cannot be written.
    """

    def __init__(self, path: Path | None, settings: dict):
        remedy = "their questions are searched again"
        self.journal = Journal(path, settings, _kept, remedy) if path else None
        self.found = dict(self.journal.entries) if self.journal else {}

    def add(self, tree: SearchResult, row: dict) -> None:
        """Write a finished search and its prediction to the journal."""
        if self.journal:
            kept = _FORM.dump_python(KeptAnswer.of(tree, row=row), mode="python")
            self.journal.add({"qid": tree.task.qid, "kept": kept})


def _kept(line: dict) -> tuple[str, KeptAnswer]:
    """Return (qid, KeptAnswer) of a line. Raises ValueError or KeyError for a line of another form."""
    kept = _FORM.validate_python(line["kept"])
    if not all(isinstance(kept.row[name], kind) for name, kind in ROW.items()) or kept.row["qid"] != line["qid"]:
        raise ValueError("its prediction has another form")
    if kept.row["ledger"] != asdict(kept.usage):
        raise ValueError("its prediction has another cost than its search")
    return line["qid"], kept

"""Keep what the judge's part of an audit has finished, so that a killed audit goes on where it was.

    kept = KeptJudging(run.path("judged.jsonl"), {"model": model_hash(folder), "judge": "self"})
    sample_answers(items, "tags", decoder, 8, kept)
    ask_judge(judge, pairs, kept=kept)

A file of other settings is renamed, and lines that cannot be read are dropped: what they held is made again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from o1lib.evaluation.resume import KeptSearch
from o1lib.records.journals import Journal
from o1lib.search.types import Comparison, SearchResult, Task

_FORM = TypeAdapter(KeptSearch)
LINE = {
    "qid": str, "kind": str, "stage": bool, "better": int, "winner": int, "tie": bool, "read": bool, "choices": list,
    "calls": int, "tokens": (int, float), "note": str,
}  # fmt: skip


class KeptJudging:
    """Finished searches by method and question, and one line for each judged pair by question and key.

    `settings` (plain values) name what these depend on. Without a path nothing is kept. Raises UserError when the file
    cannot be written.
    """

    def __init__(self, path: Path | None = None, settings: Mapping | None = None):
        self.journal = Journal(path, settings or {}, _entry, "what they held is made again") if path else None
        self._found = dict(self.journal.entries) if self.journal else {}

    def tree(self, method: str, task: Task) -> SearchResult | None:
        """Return the finished search of a question by this method, None if it is not there."""
        found = self._found.get((method, task.qid))
        return found and found.tree(task)

    def line(self, pair: Comparison) -> dict | None:
        """Return the line of a judged pair, None if it is not there."""
        return self._found.get((pair.task.qid, pair.key, "line"))

    def add_tree(self, tree: SearchResult) -> None:
        """Keep a finished search."""
        if self.journal:
            kept = _FORM.dump_python(KeptSearch.of(tree), mode="python")
            self.journal.add({"method": tree.method, "qid": tree.task.qid, "kept": kept})

    def add_lines(self, pairs: Sequence[Comparison], lines: Sequence[dict]) -> None:
        """Keep the lines of judged pairs."""
        if self.journal:
            self.journal.add(*({"key": pair.key, "line": line} for pair, line in zip(pairs, lines, strict=True)))


def _entry(line: dict) -> tuple[tuple, KeptSearch | dict]:
    """Return (key, what was kept) of a line. Raises ValueError or KeyError for a line of another form."""
    if "kept" in line:
        return (line["method"], line["qid"]), _FORM.validate_python(line["kept"])
    found = line["line"]
    if found.keys() != LINE.keys() or not all(isinstance(found[name], kind) for name, kind in LINE.items()):
        raise ValueError("a judged pair has another form")
    return (found["qid"], line["key"], "line"), found

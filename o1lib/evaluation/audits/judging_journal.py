"""Keep what the judge's part of an audit has finished, so that a killed audit goes on where it was.

    kept = KeptJudging(run.path("judge_value.jsonl"), {"model": model_hash(folder), "judge": "self"})
    sample_answers(items, "tags", decoder, 8, kept)
    ask_judge(judge, pairs, kept=kept)

A search is known by its question's words and by what its picture shows, not by the question's id alone. A judged pair
is known by that, by the texts that were compared, and by the better side, which the right answer decides. A file of
other settings is renamed, and lines that cannot be read are dropped: what they held is made again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from o1lib.evaluation.probes.reply_journal import picture_hash
from o1lib.evaluation.resume import KeptSearch
from o1lib.records.journals import Journal
from o1lib.search.types import Comparison, SearchResult, Task

_FORM = TypeAdapter(KeptSearch)
LINE = {
    "qid": str, "kind": str, "stage": bool, "better": int, "winner": int, "tie": bool, "read": bool, "choices": list,
    "calls": int, "tokens": (int, float), "note": str,
}  # fmt: skip


class KeptJudging:
    """Finished searches by method and question, and one line for each judged pair.

    `settings` (plain values) name what else these depend on. Without a path nothing is kept. Raises UserError when the
    file cannot be written.
    """

    def __init__(self, path: Path | None = None, settings: Mapping | None = None):
        self.journal = Journal(path, settings or {}, _entry, "what they held is made again") if path else None
        self._found = dict(self.journal.entries) if self.journal else {}
        self._pictures: dict[str, tuple] = {}  # qid -> (picture, its hash): a question is in many pairs

    def tree(self, method: str, task: Task, n: int) -> SearchResult | None:
        """Return the finished search of a question by this method with n candidates, None if it is not there."""
        found = self._found.get(self._search(method, task, n)) if self.journal else None
        return found and found.tree(task)

    def line(self, pair: Comparison, better: int) -> dict | None:
        """Return the line of a judged pair whose better side is this one, None if it is not there."""
        return self._found.get(self._pair(pair, better)) if self.journal else None

    def add_tree(self, tree: SearchResult) -> None:
        """Keep a finished search."""
        if self.journal:
            kept = _FORM.dump_python(KeptSearch.of(tree), mode="python")
            self.journal.add({"key": self._search(tree.method, tree.task, tree.n), "kept": kept})

    def add_lines(self, pairs: Sequence[tuple[Comparison, int]], lines: Sequence[dict]) -> None:
        """Keep the lines of judged pairs, each given with its better side."""
        if self.journal:
            keyed = zip(pairs, lines, strict=True)
            self.journal.add(*({"key": self._pair(*pair), "line": line} for pair, line in keyed))

    def _search(self, method, task, n) -> str:
        """Return the hash of all that a search depends on, besides the settings."""
        return _hash(method, n, *self._asked(task))

    def _pair(self, pair, better) -> str:
        """Return the hash of all that a line depends on, besides the settings; the right answer is in `better`."""
        told = (pair.kind, pair.hint, pair.key, pair.before, better)
        sides = [(one.index, one.segments) for one in (pair.a, pair.b, *pair.pool)]
        return _hash(*self._asked(pair.task), told, sides)

    def _asked(self, task) -> tuple:
        """Return the words of a question, its id, under which all is drawn, and what stands for its picture."""
        image, content = self._pictures.get(task.qid, (None, ""))
        if image is not task.image:
            content = picture_hash(task.image) if task.image is not None else ""
            self._pictures[task.qid] = task.image, content
        return task.qid, task.question, task.opening, task.stages, content


def _hash(*parts) -> str:
    return hashlib.sha256(repr(parts).encode("utf8", "surrogatepass")).hexdigest()[:24]


def _entry(line: dict) -> tuple[str, KeptSearch | dict]:
    """Return (key, what was kept) of a line. Raises ValueError or KeyError for a line of another form."""
    if not isinstance(line["key"], str):
        raise ValueError("a key is needed")
    if "kept" in line:
        return line["key"], _FORM.validate_python(line["kept"])
    found = line["line"]
    if found.keys() != LINE.keys() or not all(isinstance(found[name], kind) for name, kind in LINE.items()):
        raise ValueError("a judged pair has another form")
    return line["key"], found

"""Keep predictions in memory while a report reads them again and again, without the texts of their candidates.

records = keeping(load_all("results/mini"))
records[0].predictions()      # read once; "candidates" is []
records[0].whole()            # read again, with every candidate
"""

from collections.abc import Iterable
from pathlib import Path

from pydantic import PrivateAttr

from o1lib.records import Record
from o1lib.scoring.short_form import CANDIDATES

MOST = 50_000  # lines in memory, about 5 kB each; those that were not asked for the longest time make room


class _Memory:
    """The predictions of the records that were asked for last, by folder."""

    def __init__(self):
        self.lines: dict[Path, list[dict]] = {}

    def recall(self, record: "KeptRecord") -> list[dict]:
        """Return the predictions of a record, from memory or else from its file."""
        found = self.lines.pop(record.folder, None)
        if found is None:
            found = [line | {CANDIDATES: []} if line.get(CANDIDATES) else line for line in record.whole()]
        self.lines[record.folder] = found
        while len(self.lines) > 1 and sum(map(len, self.lines.values())) > MOST:
            del self.lines[next(iter(self.lines))]
        return found


class KeptRecord(Record):
    """A record whose predictions are read once, as long as they fit; nobody may change the lines."""

    _memory: _Memory = PrivateAttr(default_factory=_Memory)

    def predictions(self) -> list[dict]:
        """Return the predictions without candidates, which no metric reads. Raises UserError as `Record` does."""
        return self._memory.recall(self)

    def whole(self) -> list[dict]:
        """Return the predictions as they are in their file. Raises UserError as `Record` does."""
        return super().predictions()


def keeping(records: Iterable[Record]) -> list[KeptRecord]:
    """Return the records with one memory for the predictions of all of them."""
    memory, found = _Memory(), []
    for record in records:
        kept = KeptRecord.model_construct(**dict(record))
        kept._memory = memory
        found.append(kept)
    return found

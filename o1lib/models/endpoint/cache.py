"""An append-only log of an endpoint's replies: each is written and fsynced on arrival, and never requested again.

Each line holds {"key", "model", "text", "finish", "prompt_tokens", "completion_tokens"}. The key is the hash of the
request, the address and the model, so the log contains no pictures, addresses or API keys. A line torn by a kill or a
full disk is skipped. Of two lines with one key the later one holds. A line {"spent": true, "model", "prompt_tokens",
"completion_tokens"} counts the tokens of a reply that was no answer; so does a line of an older log whose text is none.

    log = ReplyLog("work/teacher.jsonl")
    log.put(key, {"text": "<SUMMARY> ..."})
    log.get(key)["text"]                        # read back from the disk: texts are not kept in memory
"""

import json
import os
import threading
from pathlib import Path

from o1lib.models.endpoint.completion import is_answer, token_count
from o1lib.records.files import disk_errors
from o1lib.records.limits import MOST_BYTES_OF_A_REPLY

_BLOCK = 1 << 16
_LONGEST = 8 * MOST_BYTES_OF_A_REPLY  # bytes of a line: JSON writes a character in at most six


class ReplyLog:
    """The log at `path`, created if missing; safe for threads and for two processes that append to one file.

    `tokens` {model: [prompt, completion]} sums the tokens of the whole log; `torn` counts unreadable lines. Raises
    UserError if the file cannot be read or written.
    """

    def __init__(self, path: Path | str):
        self.path, self.tokens, self.torn = Path(path), {}, 0
        self._ends_torn = False  # whether the last write stopped in the middle of its line
        self._at, self._lock = {}, threading.Lock()  # 8 bytes of the key -> where its line starts
        with disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            self._read()

    def _read(self) -> None:
        start, line = 0, b""
        with open(self.path, "rb") as file:
            while part := file.readline(_LONGEST):
                whole_line = not line or line.endswith(b"\n")  # of a longer line only the beginning is looked at
                line = part
                if whole_line:
                    self._note(line, start)
                start += len(line)
            if start and not line.endswith(b"\n"):  # the next line must not be appended to a torn one
                os.write(self._file, b"\n")

    def _note(self, line: bytes, start: int) -> None:
        try:
            entry = json.loads(line)
            if entry.get("spent") is not True:
                where = _short(entry["key"])
                if not isinstance(entry["text"], str):
                    raise TypeError
                if is_answer(entry):
                    self._at[where] = start  # the later line wins, else what it answers is asked again in each run
            self._count(entry)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.torn += bool(line.strip())

    def _count(self, entry: dict) -> None:
        spent = self.tokens.setdefault(str(entry.get("model", "")), [0, 0])
        for k, name in enumerate(("prompt_tokens", "completion_tokens")):
            spent[k] += token_count(entry.get(name)) or 0

    def __len__(self) -> int:
        return len(self._at)

    def get(self, key: str) -> dict | None:
        """Return the entry of a key, or None."""
        start = self._at.get(_short(key))
        if start is None:
            return None
        blocks, size = [], _BLOCK  # each block is twice the last, and none is searched twice
        while block := os.pread(self._file, size, start):
            head, newline, _ = block.partition(b"\n")
            blocks.append(head)
            if newline:
                break
            start, size = start + len(block), 2 * size
        entry = json.loads(b"".join(blocks))
        return entry if entry["key"] == key else None  # eight bytes of two keys may be equal by chance

    def put(self, key: str, entry: dict) -> None:
        """Append the entry of a key and return when it is on the disk. Raises UserError if it cannot be written."""
        self._append({"key": key} | entry, key)

    def spend(self, model: str, prompt: int, completion: int) -> None:
        """Append the tokens of a reply that was no answer. Raises UserError if they cannot be written."""
        self._append({"spent": True, "model": model, "prompt_tokens": prompt, "completion_tokens": completion})

    def _append(self, entry: dict, key: str = "") -> None:
        line = (json.dumps(entry) + "\n").encode()
        with disk_errors(self.path):
            with self._lock:
                written = b"\n" * self._ends_torn + line  # no line is appended to a torn one
                if (size := os.write(self._file, written)) < len(written):
                    self._ends_torn = self._ends_torn or size > 0
                    raise OSError("No space left on device")
                self._ends_torn = False
                if key:
                    self._at[_short(key)] = os.lseek(self._file, 0, os.SEEK_CUR) - len(line)
                self._count(entry)
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file; the log cannot be used afterwards."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _short(key: str) -> int:
    return int(key[:16], 16)

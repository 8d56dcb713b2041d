"""Processes that the kill campaign starts and ends with SIGKILL.

process = Forked(lambda: train(folder), folder / "log.txt")       # no imports: it is a copy of this process
process.kill(random.Random(0))
process.poll()                                                    # -9
"""

import os
import random
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path

import psutil


class Forked:
    """A process forked from this one that does `work` and ends with 0, or with 1 and a traceback in `log`."""

    def __init__(self, work, log: Path):
        self.code = None
        self.pid = os.fork()
        if self.pid:
            return
        code = 1
        try:
            sys.stdout = sys.stderr = open(log, "a", encoding="utf8")  # noqa: SIM115 (open until the process ends)
            os.dup2(sys.stdout.fileno(), 1)
            os.dup2(sys.stdout.fileno(), 2)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def poll(self) -> int | None:
        """Return the exit code (negative: the signal that ended it), None while it runs."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code

    def kill(self, rng: random.Random) -> None:
        """End the process with SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)


class Command:
    """A command in a session of its own."""

    def __init__(self, words: list[str], environment: dict[str, str], log: Path):
        with open(log, "ab") as out:
            self.process = psutil.Popen(words, env=environment, stdout=out, stderr=out, start_new_session=True)

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self.process.poll()

    def kill(self, rng: random.Random) -> None:
        """End the command alone or, in half of the cases, with all that it started, as when the machine goes down."""
        family = [self.process, *self.process.children(recursive=True)] if rng.random() < 0.5 else [self.process]
        for one in family:
            with suppress(psutil.NoSuchProcess):
                one.kill()

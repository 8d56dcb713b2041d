"""Does the machine have time for a benchmark? A table made while other processes work says nothing about the code.

with quiet(loaded=False) as load:                   # UserError at once if other processes keep a core busy
    found = measure()
print(table(found | load.facts()))                  # not reached if they did so in the meantime
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from o1lib.records import UserError

MOST = 0.25  # cores that other processes may keep busy on the average
LOOK = 2.0  # seconds for which the machine is watched before a measurement


class Load:
    """The cores that other processes keep busy, on the average since this object was made.

    `loaded` allows for any load, and marks the figures. Time that a hypervisor gives to other machines counts too.
    """

    def __init__(self, loaded: bool = False):
        self.loaded, self.start = loaded, _times()

    @property
    def others(self) -> float:
        """The average number of busy cores, this process and its children apart."""
        wall, busy, own = (now - before for now, before in zip(_times(), self.start, strict=True))
        return max(0.0, (busy - own) / max(wall, 1e-9))

    def check(self) -> None:
        """Raise UserError if other processes kept more than MOST cores busy, unless any load is allowed."""
        others = self.others
        if others > MOST and not self.loaded:
            raise UserError(
                f"other processes keep {others:.1f} of {os.cpu_count()} cores busy, which spoils the figures: "
                "end them, or have the figures marked as those of a loaded machine with LOADED=1"
            )

    def facts(self) -> dict:
        """Return the load, and whether the figures are marked because of it."""
        others = self.others
        return {"other_cores_busy": round(others, 2), "loaded": others > MOST}


@contextmanager
def quiet(loaded: bool = False) -> Iterator[Load]:
    """Watch the machine before and during a measurement; refuse it, or its result, if other processes work."""
    first = Load(loaded)
    if not loaded:
        time.sleep(LOOK)
    first.check()
    load = Load(loaded)
    yield load
    load.check()


@contextmanager
def said_plainly(tool: str) -> Iterator[None]:
    """End the program with the message of a UserError."""
    try:
        yield
    except UserError as error:
        raise SystemExit(f"{tool}: {error}") from None


def mark(facts: dict) -> str:
    """Return the line that marks a table of a loaded machine, "" for one of a quiet machine."""
    busy = facts["other_cores_busy"]
    return f"LOADED: other processes kept {busy:.1f} cores busy, so these figures do not count\n" * facts["loaded"]


def _times():
    """Return seconds: of the clock, of all cores at work, and of this process and its children."""
    cores, own = psutil.cpu_times(), os.times()
    busy = sum(cores) - cores.idle - getattr(cores, "iowait", 0.0) - getattr(cores, "guest", 0.0)
    busy -= getattr(cores, "guest_nice", 0.0)  # both are counted in user and nice already
    return time.perf_counter(), busy, sum(own[:4])

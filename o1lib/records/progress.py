"""Progress bars for terminals and for notebooks, also for notebooks that run in a batch.

    for item in progress_bar(items, desc="reading", unit=" items", delay=2): ...
    with progress_bar(total=100, desc="training", unit="step") as shown:
        shown.update(1)

In a terminal this is tqdm. In a notebook tqdm would write to the error stream, which is shown on red, and its own bars
for notebooks need widgets, which an executed notebook does not keep. There the bar is one line of text that is replaced
as it moves, and its last state stays.
"""

import io
import sys
import warnings
from importlib import import_module
from typing import Any

from tqdm import TqdmWarning, tqdm

WIDTH, SECONDS = 80, 1.0  # characters of a bar in a notebook, and least seconds between two states


def in_notebook() -> bool:
    """Return whether this code runs in the kernel of a notebook."""
    found = sys.modules.get("IPython")
    return getattr(found.get_ipython(), "kernel", None) is not None if found else False


def progress_bar(*args: Any, **options: Any) -> tqdm:
    """Return a progress bar with the arguments of tqdm."""
    return (_InNotebook if in_notebook() else tqdm)(*args, **options)


def say(text: str) -> None:
    """Print a line above the progress bars: to the error stream of a terminal, or below a notebook's cell."""
    if in_notebook():
        print(text)
    else:
        tqdm.write(text, file=sys.stderr)


def import_quietly() -> None:
    """Import the module of tqdm by which other libraries choose their bars, without its warning in a notebook.

    It warns where widgets are missing, on the error stream and once, when it is imported.
    """
    if in_notebook():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TqdmWarning)
            import_module("tqdm.auto")


class _InNotebook(tqdm):
    """A bar in one output of a cell. Only how it is displayed differs from tqdm."""

    def __init__(self, *args: Any, **options: Any):
        self.shown = None
        super().__init__(*args, **{"ncols": WIDTH, "mininterval": SECONDS} | options | {"file": io.StringIO()})

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Replace the text of the output, which the first call makes."""
        from IPython.display import display

        text = {"text/plain": str(self) if msg is None else msg}
        if self.shown is None:
            self.shown = display(text, raw=True, display_id=True)
        else:
            self.shown.update(text, raw=True)
        return True

"""Every command, one way in: `python -m o1lib --help`.

    python -m o1lib plan --scale mini --rows all       # what would run, why, and how long it would take
    python -m o1lib answer --model results/checkpoints/mini-structured --image picture.png --question "How many?"

A mistake the user can fix is one sentence on stderr and exit code 2. A row that failed is exit code 1.
"""

from o1lib.cli import checks, model, probes, study  # noqa: F401  registers the commands, in the order in which help shows them
from o1lib.cli.app import app, as_command

__all__ = ["app", "main"]


def main() -> None:
    """Run the command named in `sys.argv`."""
    as_command(app)

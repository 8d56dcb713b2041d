"""Every command: `python -m o1lib --help`.

    python -m o1lib plan --scale mini --rows all       # what would run, why, and for how long
    python -m o1lib answer --model results/checkpoints/mini-structured --image picture.png --question "How many?"

A mistake that the user can fix gives one sentence on stderr and exit code 2. A failed row gives exit code 1.
"""

# registers the commands in help's order
from o1lib.cli import audits, chance, checks, harness, hub, model, probes, site, study  # noqa: F401
from o1lib.cli.app import app, as_command

__all__ = ["app", "main"]


def main() -> None:
    """Run the command named in `sys.argv`."""
    as_command(app)

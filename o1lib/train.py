"""`python -m o1lib.train --scale paper --dry-run`: the same as `python -m o1lib train`."""

from o1lib.cli.app import as_command
from o1lib.training.command import train

if __name__ == "__main__":
    as_command(train)

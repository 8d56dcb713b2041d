"""Train one arm, or say beforehand what that would take: `python -m o1lib.train --help`."""

from .command import main

if __name__ == "__main__":
    main()

"""`python -m o1lib`: see o1lib/cli.py."""

from o1lib.cli import main

if __name__ == "__main__":
    main()

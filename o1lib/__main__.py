"""`python -m o1lib`: every command, see o1lib.cli."""

from o1lib.cli import main

if __name__ == "__main__":
    main()

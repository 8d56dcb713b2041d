"""`python -m o1lib.answers check FILE`: the same as `python -m o1lib answers-check FILE`."""

from o1lib.cli.app import as_command, check_app
from o1lib.cli.checks import check_answers

if __name__ == "__main__":
    as_command(check_app(check_answers, "Work with scored answers."))

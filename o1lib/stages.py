"""`python -m o1lib.stages check FILE`: the same as `python -m o1lib stages-check FILE`."""

from o1lib.cli.app import as_command, check_app
from o1lib.cli.checks import check_stages

if __name__ == "__main__":
    as_command(check_app(check_stages, "Work with staged texts."))

"""`python -m o1lib.survey check FOLDER`: the same as `python -m o1lib survey-check FOLDER`."""

from o1lib.cli.app import as_command, check_app
from o1lib.cli.checks import check_survey

if __name__ == "__main__":
    as_command(check_app(check_survey, "Look at a folder in the released form of LLaVA-CoT-100k."))

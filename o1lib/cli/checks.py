"""Commands that check: staged outputs, scored answers, a downloaded dataset, drawn questions, readiness of a study.

python -m o1lib stages-check outputs.jsonl --field prediction      # the same as python -m o1lib.stages check
python -m o1lib survey-check data/llava-cot
python -m o1lib shortcuts --family mini-PISC                       # can its questions be answered without looking?
python -m o1lib shortcuts --out results/shortcuts.csv              # the same for every family, into a table
python -m o1lib depth-shortcuts --n 400                            # the same for mini-Depth, by rule
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from o1lib.cli.app import Scale, app, numbers, stoppable
from o1lib.minivqa.__main__ import show as show_drawings
from o1lib.records import UserError

DEEPEST = 12  # the most steps of a question of mini-Depth


@app.command("stages-check")
def check_stages(
    file: Annotated[Path, typer.Argument(help="a JSONL file of model outputs")],
    field: Annotated[str, typer.Option(help="the key of the text in each line")] = "prediction",
) -> None:
    """Print one JSON line: how many texts in a JSONL FILE follow the staged format."""
    from o1lib.formats.stages import check_file

    print(json.dumps(check_file(file, field)))


@app.command("answers-check")
def check_answers(
    file: Annotated[Path, typer.Argument(help="answers with verdicts: TSV, CSV, JSON, JSONL or parquet")],
    gold: Annotated[
        str, typer.Option(help="HallusionBench.json, for results of HallusionBench; by default a nearby file")
    ] = "",
) -> None:
    """Print one JSON line: how often answer extraction agrees with the verdicts in FILE."""
    from o1lib.evaluation.extraction_check import check_file

    print(json.dumps(check_file(file, gold)))


@app.command("survey-check")
def check_survey(
    folder: Annotated[Path, typer.Argument(help="a dataset in the form of LLaVA-CoT-100k")],
) -> None:
    """Print one JSON line: the counts of a FOLDER in the released form, and the pictures it lacks."""
    from o1lib.data.survey import survey

    print(json.dumps(survey(folder)))


@app.command("reasoning-steps")
def count_steps(
    file: Annotated[Path, typer.Argument(help="a JSONL file of staged outputs")],
    field: Annotated[str, typer.Option(help="the key of the text in each line")] = "prediction",
) -> None:
    """Print one JSON line: how many reasoning stages in FILE have how many steps."""
    from o1lib.data.step_counts import step_counts

    print(json.dumps(step_counts(file, field)))


@app.command("shortcuts")
def check_shortcuts(
    n: Annotated[int, typer.Option(min=100, help="number of items to score in each cell")] = 400,
    family: Annotated[str, typer.Option(help="one family, or mini-Depth; by default all, about five minutes")] = "",
    out: Annotated[Path | None, typer.Option(help="a CSV file to write the table to")] = None,
) -> None:
    """Print, for every template and form, what classifiers guess that see no picture; the last line counts leans."""
    from o1lib.minivqa import shortcuts

    rows = shortcuts.table(n, (family,) if family else shortcuts.EVERY)
    if out:
        shortcuts.save(rows, out)
    print(shortcuts.report(rows))


app.command("minivqa")(show_drawings)


@app.command("depth-shortcuts")
def depth_shortcuts(
    n: Annotated[int, typer.Option(help="questions of each task, depth and form of answer")] = 400,
    depths: Annotated[str, typer.Option(help="depths from 3 to 12, between commas")] = "3,4,5,6,7,8,9,10,11,12",
) -> None:
    """Print how often shortcuts answer mini-Depth's questions, next to chance. Exit code 1 if one differs from it."""
    from o1lib.minivqa.depth.shortcuts import cells, off_chance, summarize, table

    if n < 1:
        raise UserError(f"--n {n} asks no question: give 1 or more")
    wanted = numbers("depths", depths, 3)
    if max(wanted) > DEEPEST:
        raise UserError(f"--depths {depths}: mini-Depth has no question of more than {DEEPEST} steps")
    found = cells(depths=wanted, n=n)
    print(f"{table(found)}\n\n{summarize(found)}")
    if off_chance(found):
        raise typer.Exit(1)


@app.command("readiness")
def show_readiness(
    scale: Scale = "mini",
    direct: Annotated[str, typer.Option(help="row of the arm that answers at once")] = "direct",
    structured: Annotated[str, typer.Option(help="row of the arm that answers in stages")] = "structured",
    name: Annotated[str, typer.Option(help="name of this try, for its table")] = "try",
    n: Annotated[int, typer.Option(help="questions behind each criterion; fewer than 600 meet none")] = 600,
) -> None:
    """Print as one JSON line whether both arms are above chance, and whether a chain's option gives its letter.

    Only validation drawings are asked. The table of the try is written to work/<scale>/readiness/<name>.json, its entry
    for the log to <name>.md. A name is used once. The exit code is 1 if a criterion is not met.
    """
    from o1lib.study import readiness

    if n < 1:
        raise UserError(f"--n {n} asks no question: give 1 or more questions")
    readiness.check_new(scale, name)
    with stoppable("answers are kept, and "):
        found = readiness.measure(scale, direct, structured, n)
    readiness.write_try(found, name)
    print(readiness.json_line(found["criteria"]))
    raise typer.Exit(0 if found["passed"] else 1)

"""The command that trains one arm, in as many processes as its scale needs, or says beforehand what that would take.

python -m o1lib.train --scale paper --data work/paper/runs/data/seed0/data/train --dry-run
python -m o1lib.train --scale gpu --row structured --data data --tracker tensorboard
"""

import sys

import typer

from o1lib.records import Run
from o1lib.training.launch import launch, world
from o1lib.training.recipes import RECIPES, TRACKERS


def train(
    scale: str = typer.Option("smoke", help="smoke, mini, gpu or paper"),
    row: str = typer.Option("arm", help="the name under which the model is kept"),
    seed: int = typer.Option(0, help="of the items' order"),
    root: str = typer.Option("", help="where runs are kept; work/<scale> if left out"),
    data: str = typer.Option("", help="row id of a dataset, for a dry run its folder; drawings if left out"),
    base: str = typer.Option("", help="row id or folder of a model to start from; the scale's own if left out"),
    format: str = typer.Option("tags", help="direct, no_tags, tags, special_tags, shuffled, separate or four_turn"),
    schedule: str = typer.Option("mixed", help="mixed, two_phase, reversed or b_recipe"),
    warm_share: float = typer.Option(0.0, help="share of the items learned as summary and caption only"),
    examples: int = typer.Option(0, help="items to learn from; if left out 1,200, for a dry run 99,000"),
    learning_rate: float = typer.Option(0.0, help="the recipe's if left out"),
    batch: int = typer.Option(0, help="items a step over all processes; the recipe's if left out"),
    validation: int = typer.Option(64, help="validation items answered now and then"),
    processes: int = typer.Option(0, help="the recipe's if left out"),
    tracker: str = typer.Option("", help=f"{' or '.join(TRACKERS)}: where the run can be followed too"),
    dry_run: bool = typer.Option(False, "--dry-run", help="train nothing: say what it would take"),
    gpu_gb: float = typer.Option(80.0, help="dry run: memory of a GPU in GB"),
    at_once: int = typer.Option(0, help="dry run: examples a GPU handles at a time; the recipe's if left out"),
    tflops: float = typer.Option(400.0, help="dry run: assumed speed of a GPU in TFLOP/s"),
) -> None:
    """Train one arm and leave it in work/<scale>/runs/<row>/seed<k>/model."""
    recipe = RECIPES.get(scale, RECIPES["smoke"])
    settings = {
        "row": row,
        "seed": seed,
        "scale": scale,
        "root": root,
        "data": data,
        "base": base,
        "format": format,
        "schedule": schedule,
        "warm_share": warm_share,
        "examples": examples or 1200,
        "validation": validation,
        "learning_rate": learning_rate or recipe.learning_rate,
        "batch": batch or recipe.batch,
    }
    if dry_run:
        from o1lib.training.preflight import AUTHORS_ITEMS, preflight, source_of

        print(
            preflight(
                scale,
                *source_of(data),
                format=format,
                examples=examples or AUTHORS_ITEMS,
                gpus=processes,
                gpu_gb=gpu_gb,
                at_once=at_once,
                rate=tflops * 1e12,
            )
        )
    elif (processes or recipe.processes) > 1 and world() == 1:
        launch(processes or recipe.processes, [word for word in sys.argv[1:] if word != "train"])
    else:
        _arm(settings, processes or recipe.processes, tracker)


def _arm(settings: dict, processes: int, tracker: str) -> None:
    """Train the arm in this process, one of `processes`."""
    from o1lib.records.runs import places
    from o1lib.training.arms import dialogs, learn, starting_model, training_items
    from o1lib.training.curriculum import plan

    root, folder = places(settings["row"], settings["seed"], settings["scale"], settings["root"])
    run = Run(settings["row"], settings["seed"], settings["scale"], root, folder, settings)
    items = training_items(run, settings["data"], settings["examples"])
    model, processor, _ = starting_model(run, settings["base"])
    phases = plan(settings["schedule"], settings["format"], items, run.seed, settings["warm_share"])
    log = learn(
        run,
        model,
        processor,
        dialogs(phases, settings["format"], run.seed),
        tracker=tracker,
        learning_rate=settings["learning_rate"],
        batch=settings["batch"],
        validation=settings["validation"],
        processes=processes,
        save_to=run.path("model"),
    )
    print(f"{sum(line.get('loss') is not None for line in log)} lines of log and the model are in {run.folder}")

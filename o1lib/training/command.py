"""The command that trains one arm in as many processes as its scale needs, or reports beforehand what that would take.

python -m o1lib.train --scale paper --data work/paper/runs/data/seed0/data/train --dry-run
python -m o1lib.train --scale gpu --row structured --data data --tracker tensorboard
"""

import sys

import typer

from o1lib.formats.chat import FORMATS
from o1lib.records import Run, choose
from o1lib.training.budget import MORE
from o1lib.training.curriculum import SCHEDULES
from o1lib.training.launch import launch, world
from o1lib.training.recipes import OPTIMIZERS, RECIPES, TRACKERS

_SCHEDULE_HELP = ", ".join(f"{name} ({schedule.description})" for name, schedule in SCHEDULES.items())
LOOKING = ("validation", "looks", "max_new_tokens")  # how the model is looked at during training
EXAMPLES = 1200  # of a training run when --examples is left out


def train(
    scale: str = typer.Option("smoke", help=", ".join(RECIPES)),
    row: str = typer.Option("arm", help="row id under which the model is kept"),
    seed: int = typer.Option(0, help="seed of the order of the items"),
    root: str = typer.Option("", help="folder of the runs; default work/<scale>"),
    data: str = typer.Option("", help="row id of a dataset (dry run: its folder); default Mini-VQA drawings"),
    base: str = typer.Option("", help="row id or folder of the model to start from; default the scale's own"),
    format: str = typer.Option("tags", help=", ".join(FORMATS)),
    schedule: str = typer.Option("mixed", help=_SCHEDULE_HELP),
    warm_share: float = typer.Option(0.0, help="share of the items learned as summary and caption only"),
    match: str = typer.Option("", help="train until as many positions are processed as this format would"),
    more: str = typer.Option("fresh", help=f"with --match, further items: {' or '.join(MORE)}"),
    blind: bool = typer.Option(False, "--blind", help="show gray pictures only"),
    examples: int = typer.Option(0, help=f"number of items to learn from; default {EXAMPLES:,}, for a dry run 99,000"),
    learning_rate: float = typer.Option(0.0, help="default: the recipe's"),
    optimizer: str = typer.Option("", help=f"{' or '.join(OPTIMIZERS)}; default: the recipe's"),
    batch: int = typer.Option(0, help="items per step over all processes; default: the recipe's"),
    validation: int = typer.Option(64, help="validation items that are answered during training"),
    looks: int = typer.Option(8, help="how many times they are answered"),
    max_new_tokens: int = typer.Option(200, help="most new tokens of a turn of these answers"),
    processes: int = typer.Option(0, help="number of processes; default: the recipe's"),
    tracker: str = typer.Option("", help=f"also log to {' or '.join(TRACKERS)}"),
    dry_run: bool = typer.Option(False, "--dry-run", help="do not train; report what training would take"),
    gpu_gb: float = typer.Option(80.0, help="dry run: memory of a GPU in GB"),
    at_once: int = typer.Option(0, help="dry run: examples in one forward pass of a GPU; default: the recipe's"),
    tflops: float = typer.Option(400.0, help="dry run: assumed speed of a GPU in TFLOP/s"),
) -> None:
    """Train one arm and leave it in work/<scale>/runs/<row>/seed<k>/model."""
    options = dict(locals())  # every option by its name
    recipe = choose(scale, RECIPES, "scale")
    count = processes or recipe.processes
    if dry_run:
        _report(options)
    elif count > 1 and world() == 1:
        launch(count, [word for word in sys.argv[1:] if word != "train"])
    else:
        names = ("row", "seed", "scale", "root", "data", "base", "format", "schedule", "warm_share", *LOOKING)
        settings = {name: options[name] for name in (*names, "match", "more", "blind", "optimizer")} | {
            "examples": examples or EXAMPLES,
            "learning_rate": learning_rate or recipe.learning_rate,
            "batch": batch or recipe.batch,
        }
        _arm(settings, count, tracker)


def _report(options: dict) -> None:
    """Print the preflight report of the options of `train`."""
    from o1lib.training.preflight import AUTHORS_ITEMS, preflight, source_of

    report = preflight(
        options["scale"],
        *source_of(options["data"]),
        format=options["format"],
        examples=options["examples"] or AUTHORS_ITEMS,
        gpus=options["processes"],
        gpu_gb=options["gpu_gb"],
        at_once=options["at_once"],
        rate=options["tflops"] * 1e12,
    )
    print(report)


def _arm(settings: dict, processes: int, tracker: str) -> None:
    """Train the arm in this process, one of `processes`."""
    from o1lib.records.runs import places
    from o1lib.training.arm_plan import plan_arm
    from o1lib.training.arms import dialogs, learn, starting_model, training_items

    root, folder = places(settings["row"], settings["seed"], settings["scale"], settings["root"])
    run = Run(settings["row"], settings["seed"], settings["scale"], root, folder, settings)
    items = training_items(run, settings["data"], settings["examples"], settings["blind"])
    model, processor, _ = starting_model(run, settings["base"])
    how = {name: settings[name] for name in ("format", "schedule", "warm_share", "match", "more")}
    planned = plan_arm(run, model, processor, items, **how)
    log = learn(
        run,
        model,
        processor,
        dialogs(planned.phases, settings["format"], run.seed),
        tracker=tracker,
        learning_rate=settings["learning_rate"],
        optimizer=settings["optimizer"],
        batch=settings["batch"],
        **{name: settings[name] for name in LOOKING},
        processes=processes,
        save_to=run.path("model"),
    )
    print(f"{sum(line.get('loss') is not None for line in log)} log lines and the model are in {run.folder}")

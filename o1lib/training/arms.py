"""Train one arm of the study: a base, a format, a schedule and items become a fine-tuned model.

These are the steps of notebook 02: find the base and the data by row id or folder, order the items by the schedule,
turn them into chats, train, and show some answers. Without a base or data small ones are made, so that the notebook
runs on its own.

    items = training_items(run, "data", 24_000)
    model, processor, source = starting_model(run, "base")
    planned = plan_arm(run, model, processor, items, format="tags")     # o1lib.training.arm_plan
    log = learn(run, model, processor, dialogs(planned.phases, "tags"), learning_rate=1e-3, batch=48)
"""

from dataclasses import replace
from pathlib import Path

from o1lib.data.dataset import prompt_turns, read_items
from o1lib.data.images import picture_of
from o1lib.formats.chat import FORMATS, answer_text
from o1lib.formats.stages import STAGES, parse
from o1lib.minivqa import depth
from o1lib.models.presets import build, device_and_dtype, greedy, load, model_hash
from o1lib.records import UserError, choose, need, project_root
from o1lib.records.html import render
from o1lib.records.journals import read_lines
from o1lib.training import RECIPES, Lazy, fit, spans
from o1lib.training.arm_plan import PlannedArm
from o1lib.training.batch_order import item_text
from o1lib.training.curriculum import per_item
from o1lib.training.fresh import with_pictures
from o1lib.training.launch import launch
from o1lib.training.positions import budget_metrics, chat
from o1lib.training.recipes import OPTIMIZERS

LOOKS, REPLY = 8, 200  # validations of the model during training, and most tokens of a turn of its answers


def training_items(run, data: str, examples: int, blind: bool = False) -> list:
    """Return the first `examples` items of the dataset of row `data`, or with "" as many Mini-VQA drawings.

    With `blind` every picture is gray, which measures what can be learned without the picture. Raises UserError for a
    row that has not run, or a dataset with fewer items.
    """
    if not data:
        return with_pictures(list(depth.mixture("train", examples)), blind)
    items = read_items(need(run.root, data, run.seed).folder / "data" / "train")
    if len(items) < examples:
        raise UserError(
            f"row '{data}' has {len(items)} training items but examples is {examples}: "
            f"set examples to {len(items)} or build the dataset with a larger n_train"
        )
    return with_pictures(items[:examples], blind)


def validation_items(run, data: str, n: int, blind: bool = False) -> list:
    """Return up to `n` validation items of the dataset of row `data`, or with "" drawings; gray pictures if `blind`."""
    if not n:
        return []
    folder = need(run.root, data, run.seed).folder / "data" / "validation" if data else None
    return with_pictures(read_items(folder)[:n] if folder else list(depth.mixture("validation", n)), blind)


def checkpoint_folder(run, name: str) -> Path:
    """Return the folder of the checkpoint `name`: a folder in the project, or the model of the row with that id."""
    folder = project_root() / name
    return folder if (folder / "config.json").is_file() else need(run.root, name, run.seed).folder / "model"


def starting_model(run, base: str):
    """Return (model, processor, folder) of the base with that row id or folder; with "" random weights and None."""
    if not base:
        return *build(run.scale, run.seed), None
    folder = checkpoint_folder(run, base)
    return *load(folder), folder


def dialogs(phases, format: str, seed: int = 0) -> list:
    """Return the phases of a plan as sequences of {"messages", "images", "sorted_by"} that are built on access."""

    def dialog(pair):
        item, _ = pair
        return {"messages": chat(pair, format, seed), "images": [picture_of(item)], "sorted_by": item_text(item)}

    return [Lazy(phase, dialog) for phase in phases]


def learn(
    run,
    model,
    processor,
    phases,
    *,
    learning_rate: float,
    batch: int,
    optimizer: str = "",
    validation: int = 64,
    looks: int = LOOKS,
    max_new_tokens: int = REPLY,
    also=None,
    **following,
) -> list[dict]:
    """Train `model` in place with the recipe of the scale, and return the log (see `fit`, also for `following`).

    `batch` counts items, and `optimizer` "" is that of the recipe. During training the model is looked at `looks`
    times: greedy answers to `validation` items, of at most `max_new_tokens` a turn, are scored and added to the log
    (see `validated`, also for `also`). If the recipe needs several processes and `processes` is not given, they are
    started here; they leave the model in the run's folder, from which its weights are read. Raises UserError for an
    unknown optimizer, and for a faithfulness suite in several processes.
    """
    settings, recipe = run.parameters, RECIPES[run.scale]
    if recipe.processes > 1 and "processes" not in following:
        return _learn_in_processes(run, model, recipe.processes)
    optimizer = choose(optimizer or recipe.optimizer, OPTIMIZERS, "optimizer")
    items = validation_items(run, settings["data"], validation, settings.get("blind", False))
    batch *= per_item(settings["format"])
    steps = sum(map(len, phases)) * recipe.epochs // batch

    def look(trained) -> dict:
        return validated(trained, processor, items, settings["format"], also, max_new_tokens)

    return fit(
        model,
        processor,
        phases,
        run.folder,
        learning_rate=learning_rate,
        batch=batch,
        seed=run.seed,
        recipe=replace(recipe, optimizer=optimizer),
        look=look if items else None,
        look_steps=max(1, steps // looks),
        **following,
    )


def _learn_in_processes(run, model, processes: int) -> list[dict]:
    """Train in `processes` that get the run's parameters, load the weights that they leave, and return the log."""
    given = dict(run.parameters)
    if suite := given.pop("suite", 0):
        raise UserError(f"suite {suite}: it is measured in one process, and {run.scale} trains in several")
    launch(processes, [word for name, value in given.items() for word in _option(name, value)])
    model.load_state_dict(type(model).from_pretrained(run.path("model"), dtype=model.dtype).state_dict())
    return read_lines(run.path("log.jsonl"))[0]


def _option(name, value):
    """Return a parameter as words of a command line."""
    option = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [option] if value else []
    return [option, str(value)]


def validated(model, processor, items, format: str, also=None, max_new_tokens: int = REPLY) -> dict:
    """Return {"asked": number of items, "well_formed": share in the format's form, "exact": share that is right}.

    What `also(model, items, outputs)` returns is added, such as follow rates (o1lib.evaluation.probes.rates).
    """
    outputs = answers(model, processor, items, format, max_new_tokens)
    right = [_answer(turns, format) == item.answer for item, turns in zip(items, outputs, strict=True)]
    formed = [well_formed(turns, format) for turns in outputs]
    found = {"asked": len(items), "well_formed": sum(formed) / len(items), "exact": sum(right) / len(items)}
    return found | (also(model, items, outputs) if also else {})


def well_formed(turns: list[str], format: str) -> bool:
    """Return whether the model's turns have the form of the format. A short answer only has to be non-empty."""
    entry = FORMATS[format]
    if entry.by_turn or entry.keeps_form is None:
        return all(turn.strip() for turn in turns)
    if format == "shuffled":  # text outside the tags is allowed
        return all(parse(turns[0]).stages.get(stage) for stage in STAGES)
    return entry.keeps_form(turns[0])


def answers(model, processor, items, format: str, max_new_tokens: int = REPLY) -> list[list[str]]:
    """Return the model's greedy outputs: for each item one text for each turn of the format."""
    pictures, users = [picture_of(item) for item in items], [prompt_turns(item.question, format) for item in items]
    dialogs, outputs = [[] for _ in items], [[] for _ in items]
    for turn in range(len(users[0]) if users else 0):
        for dialog, prompts in zip(dialogs, users, strict=True):
            dialog.append(prompts[turn])
        new = greedy(model, processor, [(p, list(d)) for p, d in zip(pictures, dialogs, strict=True)], max_new_tokens)
        for dialog, texts, text in zip(dialogs, outputs, new, strict=True):
            dialog.append(text)
            texts.append(text)
    return outputs


def _answer(turns, format):
    return answer_text(turns if FORMATS[format].by_turn else turns[0], format).strip(" .")


def marked(processor, dialog: dict) -> str:
    """Return one training example as HTML: every token that the model reads, the learned ones highlighted."""
    learned = spans(processor, dialog["messages"], *dialog["images"])
    return render("training/training_example.html.j2", spans=learned)


def outputs(model, processor, items, format: str, inline, max_new_tokens: int = REPLY) -> tuple[str, list[dict]]:
    """Return (HTML, lines): each item's picture with the model's output, and {qid, gold, output, correct}.

    `inline` turns a picture into an <img> tag (`o1lib.analysis.views.gallery.inline`). `correct` compares the answer's
    text with the gold answer, as written.
    """
    cards, lines = [], []
    for item, turns in zip(items, answers(model, processor, items, format, max_new_tokens), strict=True):
        text, right = "\n\n".join(turns), _answer(turns, format) == item.answer
        lines.append({"qid": item.qid, "gold": item.answer, "output": text, "correct": right})
        picture = inline(picture_of(item))
        cards.append({"picture": picture, "question": item.question, "gold": item.answer, "output": text})
    return render("training/outputs.html.j2", cards=cards), lines


def record_of(run, log: list[dict], lines: list[dict], source: Path | None, planned: PlannedArm) -> dict:
    """Return the arguments of `records.finish`: log and sample outputs under `extra`, device, dtype and hashes.

    The metrics say how much was computed and taught (`positions.budget_metrics`). Notebook 03 measures the model.
    """
    device, dtype = device_and_dtype()
    steps = [line for line in log if "loss" in line]
    data = run.parameters["data"]
    extra = {
        "log": log,
        "first_loss": float(steps[0]["loss"]),
        "last_loss": float(steps[-1]["loss"]),
        "outputs": lines,
        "base_hash": model_hash(source) if source else "",
        **planned.facts,
    }
    taken = len(planned.counts) // per_item(run.parameters["format"])
    return {
        "metrics": budget_metrics(planned.counts, taken),
        "extra": extra,
        "device": device.type,
        "dtype": str(dtype).removeprefix("torch."),
        "dataset_hash": need(run.root, data, run.seed).provenance["dataset_hash"] if data else "",
        "model_hash": model_hash(run.folder / "model"),
    }


def summarize_arm(record: dict) -> str:
    """Return three sentences that summarize a training run, computed from the result of `record_of`."""
    extra, found = record["extra"], record["metrics"]
    right, n = sum(line["correct"] for line in extra["outputs"]), len(extra["outputs"])
    last = [line for line in extra["log"] if "loss" in line][-1]
    return (
        f"After {last['examples']} examples the loss per token fell from {extra['first_loss']:.2f} to "
        f"{extra['last_loss']:.2f}; {right} of the {n} answers shown are right. "
        f"It was taught {found['supervised_tokens']['value']:.1f} tokens per item, at "
        f"{found['training_positions']['value'] / 1e6:.1f} million processed positions. "
        f"The model is {record['model_hash'][:12]}."
    )

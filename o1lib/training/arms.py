"""One arm of the study: a base, a format, a schedule and items become a fine-tuned model.

What notebook 02 does, in functions: find the base and the data by row id, folder or not at all (then small ones are made,
so that the notebook runs by itself), order the items by the schedule, turn them into chats, and show what was learned.

    items = training_items(run, "data", 24_000)
    model, processor, source = starting_model(run, "base")
    phases = dialogs(plan("mixed", "tags", items), "tags")
    log = learn(run, model, processor, phases, learning_rate=1e-3, batch=48)
"""

import html
import json
import random
from dataclasses import replace
from pathlib import Path

from o1lib.data.dataset import messages, prompt_turns, read_items
from o1lib.data.images import picture_of
from o1lib.formats.chat import answer_text, from_special
from o1lib.formats.stages import STAGES, parse, parse_plain
from o1lib.minivqa import mixture
from o1lib.models.presets import build, device_and_dtype, greedy, load, model_hash
from o1lib.records import UserError, need, project_root
from o1lib.training import RECIPES, Lazy, fit, spans
from o1lib.training.curriculum import per_item
from o1lib.training.launch import launch

LOOKS = 8  # at the model, while it is trained


def training_items(run, data: str, examples: int, blind: bool = False) -> list:
    """Return the first `examples` items of the dataset of row `data`, or with "" as many fresh Mini-VQA drawings.

    With `blind` every picture is grey: what can be learned without looking?

    Raises UserError for a row that has not run, or a dataset with fewer items.
    """
    if not data:
        return _shown(list(mixture("train", examples)), blind)
    items = read_items(need(run.root, data, run.seed).folder / "data" / "train")
    if len(items) < examples:
        raise UserError(
            f"row '{data}' holds {len(items)} training items but {examples} are asked for: "
            f"set examples to {len(items)} or build the dataset with a larger n_train"
        )
    return _shown(items[:examples], blind)


def validation_items(run, data: str, n: int, blind: bool = False) -> list:
    """Return up to `n` items of the validation split of row `data`, or with "" drawings of that split."""
    if not n:
        return []
    folder = need(run.root, data, run.seed).folder / "data" / "validation" if data else None
    return _shown(read_items(folder)[:n] if folder else list(mixture("validation", n)), blind)


def _shown(items, blind):
    return [replace(item, image=picture_of(item, blind)) for item in items] if blind else items


def checkpoint_folder(run, name: str) -> Path:
    """Return the checkpoint called `name`: a folder in the project, else the model of the row with that id."""
    folder = project_root() / name
    return folder if (folder / "config.json").is_file() else need(run.root, name, run.seed).folder / "model"


def starting_model(run, base: str):
    """Return (model, processor, folder or None): the base of that row id or folder, or with "" one with random weights."""
    if not base:
        return *build(run.scale, run.seed), None
    folder = checkpoint_folder(run, base)
    return *load(folder), folder


def dialogs(phases, format: str, seed: int = 0) -> list:
    """Return the phases of `curriculum.plan` as sequences of {"messages", "images"}, made when asked for.

    What a format draws (the order of `shuffled`) depends on `seed` and the item only.
    """

    def dialog(pair):
        item, stages = pair
        rng = random.Random(f"{seed}/{item.qid}") if len(stages) > 1 else None
        return {"messages": messages(item, format, rng, stages), "images": [picture_of(item)]}

    return [Lazy(phase, dialog) for phase in phases]


def learn(
    run, model, processor, phases, *, learning_rate: float, batch: int, validation: int = 64, **following
) -> list[dict]:
    """Train `model` in place as the scale's recipe says, and return the log (see `train.fit`, also for `following`).

    `batch` counts items. Eight times, greedy answers to `validation` items join the log (`asked`, `well_formed`,
    `exact`).
    Where the recipe wants several processes and none is said to have been started (no `processes`), they are, leave
    the model in the run's folder, and it is read back.
    """
    settings, recipe = run.parameters, RECIPES[run.scale]
    if recipe.processes > 1 and "processes" not in following:
        options = ((f"--{name.replace('_', '-')}", str(value)) for name, value in settings.items())
        launch(recipe.processes, [word for option in options for word in option])
        model.load_state_dict(type(model).from_pretrained(run.path("model"), dtype=model.dtype).state_dict())
        return [json.loads(line) for line in run.path("log.jsonl").read_text(encoding="utf8").splitlines()]
    asked = validation_items(run, settings["data"], validation, settings.get("blind", False))
    together = batch * per_item(settings["format"])
    steps = sum(map(len, phases)) * recipe.epochs // together
    look = (lambda trained: validated(trained, processor, asked, settings["format"])) if asked else None
    return fit(
        model,
        processor,
        phases,
        run.folder,
        learning_rate=learning_rate,
        batch=together,
        seed=run.seed,
        recipe=recipe,
        look=look,
        look_steps=max(1, steps // LOOKS),
        **following,
    )


def validated(model, processor, items, format: str) -> dict:
    """Return how many items were asked, and the shares answered in the format's form and with the very gold answer."""
    said = answers(model, processor, items, format)
    right = [_said_answer(turns, format) == item.answer for item, turns in zip(items, said, strict=True)]
    formed = [well_formed(turns, format) for turns in said]
    return {"asked": len(items), "well_formed": sum(formed) / len(items), "exact": sum(right) / len(items)}


def well_formed(said: list[str], format: str) -> bool:
    """Return whether the model's turns have the form that the format teaches; of a short answer, that there is one."""
    if format in ("tags", "special_tags"):
        return parse(from_special(said[0]) if format == "special_tags" else said[0]).well_formed
    if format == "shuffled":
        parsed = parse(said[0])
        return all(parsed.stages.get(stage) for stage in STAGES)
    return len(parse_plain(said[0])) == len(STAGES) if format == "no_tags" else all(turn.strip() for turn in said)


def answers(model, processor, items, format: str, max_new_tokens: int = 200) -> list[list[str]]:
    """Return what the model says about each item, most likely words first: one text a turn of the format."""
    pictures, users = [picture_of(item) for item in items], [prompt_turns(item.question, format) for item in items]
    dialogs, said = [[] for _ in items], [[] for _ in items]
    for turn in range(len(users[0]) if users else 0):
        for dialog, asked in zip(dialogs, users, strict=True):
            dialog.append(asked[turn])
        new = greedy(model, processor, [(p, list(d)) for p, d in zip(pictures, dialogs, strict=True)], max_new_tokens)
        for dialog, texts, text in zip(dialogs, said, new, strict=True):
            dialog.append(text)
            texts.append(text)
    return said


def _said_answer(said, format):
    return answer_text(said if format == "four_turn" else said[0], format).strip(" .")


def marked(processor, dialog: dict) -> str:
    """Return one training example as HTML: every token the model is given, those it learns from highlighted."""
    parts = [
        f"<mark>{html.escape(text)}</mark>" if learned else html.escape(text)
        for text, learned in spans(processor, dialog["messages"], *dialog["images"])
    ]
    return f"<pre style='white-space: pre-wrap'>{''.join(parts)}</pre>"


def outputs(model, processor, items, format: str, inline) -> tuple[str, list[dict]]:
    """Return (HTML, lines): the model's words about each item beside its picture, and {qid, gold, output, correct}.

    `inline` turns a picture into an <img> tag. `correct` compares the answer's text with the gold answer, as written.
    """
    cards, lines = [], []
    for item, said in zip(items, answers(model, processor, items, format), strict=True):
        right = _said_answer(said, format) == item.answer
        lines.append({"qid": item.qid, "gold": item.answer, "output": "\n\n".join(said), "correct": right})
        cards.append(
            f"<p>{inline(picture_of(item))}<br><b>{html.escape(item.question)}</b> gold: {html.escape(item.answer)}"
            f"<pre style='white-space: pre-wrap'>{html.escape(lines[-1]['output'])}</pre></p>"
        )
    return "".join(cards), lines


def record_of(run, log: list[dict], said: list[dict], source: Path | None) -> dict:
    """Return what `records.finish` is given: the training log and sample outputs under `extra`, device, dtype and hashes.

    A training run publishes no metric: its model is measured by notebook 03.
    """
    device, dtype = device_and_dtype()
    steps = [line for line in log if "loss" in line]
    data = run.parameters["data"]
    extra = {
        "log": log,
        "first_loss": float(steps[0]["loss"]),
        "last_loss": float(steps[-1]["loss"]),
        "outputs": said,
        "base_hash": model_hash(source) if source else "",
    }
    return {
        "metrics": {},
        "extra": extra,
        "device": device.type,
        "dtype": str(dtype).removeprefix("torch."),
        "dataset_hash": need(run.root, data, run.seed).provenance["dataset_hash"] if data else "",
        "model_hash": model_hash(run.folder / "model"),
    }


def summarize_arm(record: dict) -> str:
    """Return a sentence or two on a training run, computed from what `record_of` returned."""
    extra = record["extra"]
    right, n = sum(line["correct"] for line in extra["outputs"]), len(extra["outputs"])
    last = [line for line in extra["log"] if "loss" in line][-1]
    return (
        f"After {last['examples']} examples the loss a token fell from {extra['first_loss']:.2f} to {extra['last_loss']:.2f}; "
        f"{right} of the {n} answers shown are right. The model is {record['model_hash'][:12]}."
    )

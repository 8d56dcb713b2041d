"""One arm of the study: a base, a format, a schedule and items become a fine-tuned model.

What notebook 02 does, in functions: find the base and the data by row id, folder or not at all (then small ones are made,
so that the notebook runs by itself), order the items by the schedule, turn them into chats, and show what was learned.

    items = training_items(run, "data", 24_000)
    model, processor, source = starting_model(run, "base")
    phases = dialogs(plan("mixed", "tags", items), "tags")
    log = fit(model, processor, phases, run.folder, learning_rate=1e-3, batch=48)
"""
import html
import random
from pathlib import Path

from PIL import Image

from .data import messages, prompt_turns, read
from .formats import answer_text
from .minivqa import mixture
from .model import build, device_and_dtype, greedy, load, model_hash
from .pictures import rgb
from .records import UserError, need, project_root
from .train import Lazy, spans


def training_items(run, data: str, examples: int) -> list:
    """Return the first `examples` items of the dataset of row `data`, or with "" as many fresh Mini-VQA drawings.

    Raises UserError for a row that has not run, or a dataset with fewer items.
    """
    if not data:
        return list(mixture("train", examples))
    items = read(need(run.root, data, run.seed).folder / "data" / "train")
    if len(items) < examples:
        raise UserError(f"row '{data}' holds {len(items)} training items but {examples} are asked for: "
                        f"set examples to {len(items)} or build the dataset with a larger n_train")
    return items[:examples]


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


def picture_of(item) -> Image.Image:
    """Return an item's picture in RGB; the item may carry it or name its file."""
    if isinstance(item.image, Image.Image):
        return item.image
    return rgb(item.image)


def answer(model, processor, item, format: str, max_new_tokens: int = 200) -> list[str]:
    """Return what the model says about an item, most likely words first: one text a turn of the format."""
    turns, said = [], []
    for user in prompt_turns(item.question, format):
        turns.append(user)
        said += greedy(model, processor, [(picture_of(item), list(turns))], max_new_tokens)
        turns.append(said[-1])
    return said


def marked(processor, dialog: dict) -> str:
    """Return one training example as HTML: every token the model is given, those it learns from highlighted."""
    parts = [f"<mark>{html.escape(text)}</mark>" if learned else html.escape(text)
             for text, learned in spans(processor, dialog["messages"], *dialog["images"])]
    return f"<pre style='white-space: pre-wrap'>{''.join(parts)}</pre>"


def outputs(model, processor, items, format: str, inline) -> tuple[str, list[dict]]:
    """Return (HTML, lines): the model's words about each item beside its picture, and {qid, gold, output, correct}.

    `inline` turns a picture into an <img> tag. `correct` compares the answer's text with the gold answer, as written.
    """
    cards, lines = [], []
    for item in items:
        said = answer(model, processor, item, format)
        right = answer_text(said if format == "four_turn" else said[0], format).strip(" .") == item.answer
        lines.append({"qid": item.qid, "gold": item.answer, "output": "\n\n".join(said), "correct": right})
        cards.append(f"<p>{inline(picture_of(item))}<br><b>{html.escape(item.question)}</b> gold: {html.escape(item.answer)}"
                     f"<pre style='white-space: pre-wrap'>{html.escape(lines[-1]['output'])}</pre></p>")
    return "".join(cards), lines


def record_of(run, log: list[dict], said: list[dict], source: Path | None) -> dict:
    """Return what `records.finish` is given: the training log and sample outputs under `extra`, device, dtype and hashes.

    A training run publishes no metric: its model is measured by notebook 03.
    """
    device, dtype = device_and_dtype()
    steps = [line for line in log if "loss" in line]
    data = run.parameters["data"]
    extra = {"log": log, "first_loss": float(steps[0]["loss"]), "last_loss": float(steps[-1]["loss"]), "outputs": said,
             "base_hash": model_hash(source) if source else ""}
    return {"metrics": {}, "extra": extra, "device": device.type, "dtype": str(dtype).removeprefix("torch."),
            "dataset_hash": need(run.root, data, run.seed).provenance["dataset_hash"] if data else "",
            "model_hash": model_hash(run.folder / "model")}


def conclusion(record: dict) -> str:
    """Return a sentence or two on a training run, computed from what `record_of` returned."""
    extra = record["extra"]
    right, n = sum(line["correct"] for line in extra["outputs"]), len(extra["outputs"])
    last = [line for line in extra["log"] if "loss" in line][-1]
    return (f"After {last['examples']} examples the loss a token fell from {extra['first_loss']:.2f} to {extra['last_loss']:.2f}; "
            f"{right} of the {n} answers shown are right. The model is {record['model_hash'][:12]}.")

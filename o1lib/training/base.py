"""Train the base and measure what it can do before any arm starts from it.

`train_base` trains on the tasks of `o1lib.training.base_tasks` and logs a learning curve. `report` measures the result
on validation drawings: short answers on seen and on withheld templates, captions, answers without the right picture,
judging by kind of pair, and the share of outputs with a stage tag, which has to be zero.

    model, processor, log = train_base("mini", "work/base", examples=100_000, learning_rate=1.5e-3, batch=64)
    predictions = report(model, processor, 300)
    base_metrics(predictions)["answers/seen"]     # {"value": 0.61, "n": 300, "low": 0.55, "high": 0.66}
"""

import json
import random
import shutil
from pathlib import Path

from o1lib.data.images import grey
from o1lib.formats.judge_prompts import CORRECT, INCORRECT, KINDS, REASONS, judge_prompt, parse_verdict, verdict_prefix
from o1lib.formats.stages import STAGES, open_tag
from o1lib.minivqa.facts import caption_score
from o1lib.models.presets import build, encode, greedy, load, sampled, save
from o1lib.records import UserError, atomic_folder, project_root
from o1lib.scoring.intervals import share
from o1lib.training import fit
from o1lib.training.base_tasks import DESCRIBE, base_phases, drawn, pair, single

JUDGED = tuple(kind for kind in KINDS if kind != "summary")


def train_base(
    scale: str,
    folder,
    *,
    examples: int,
    learning_rate: float,
    batch: int,
    judge_share: float = 0.2,
    seed: int = 0,
    curve_questions: int = 150,
    curve_points: int = 8,
    save_steps: int = 200,
):
    """Return (model, processor, log) of a base trained from random weights. An interrupted call can be repeated.

    It then resumes from its last checkpoint. The log has the loss and, `curve_points` times, a point of the learning
    curve on validation drawings (see `curve`).
    """
    model, processor = build(scale, seed)
    drawings = questions(curve_questions)
    log = fit(
        model,
        processor,
        base_phases(examples, seed, judge_share),
        Path(folder),
        learning_rate=learning_rate,
        batch=batch,
        seed=seed,
        warmup=0.02,
        save_steps=save_steps,
        look=lambda trained: curve(trained, processor, drawings),
        look_steps=max(1, examples // batch // curve_points),
    )
    return model, processor, log


def obtain(run, checkpoint: str = "", **training):
    """Return (model, processor, log) of the run's base. Weights and log.jsonl are in the folder `model` of the run.

    The base is trained with the options `training` (see `train_base`), or copied from the folder `checkpoint` in the
    project. Raises UserError when that folder is not a checkpoint.
    """
    folder = run.path("model")
    if checkpoint:
        load(project_root() / checkpoint)
        with atomic_folder(folder) as part:
            shutil.copytree(project_root() / checkpoint, part, dirs_exist_ok=True)
    else:
        model, processor, log = train_base(run.scale, run.folder, seed=run.seed, **training)
        save(model, processor, folder)
        shutil.copyfile(run.path("log.jsonl"), folder / "log.jsonl")
    lines = (folder / "log.jsonl").read_text(encoding="utf8").splitlines() if (folder / "log.jsonl").is_file() else []
    return *load(folder), [json.loads(line) for line in lines]


def questions(n: int, withheld: bool = False) -> list:
    """Return n validation drawings on templates that the base saw, or on `withheld` ones.

    Families have the shares of training. Raises UserError for n < 1.
    """
    if n < 1:
        raise UserError(f"the number of questions is {n}: set questions to 1 or more")
    return [drawn(random.Random(f"validation/{k}"), "validation", k, withheld) for k in range(n)]


def curve(model, processor, drawings) -> dict:
    """Return one point of the learning curve: shares of right short answers and exact captions, mean caption recall."""
    short, described = answers(model, processor, drawings), captions(model, processor, drawings)
    scores = [caption_score(text, e.facts) for text, e in zip(described, drawings)]
    return {
        "answers": sum(text == e.answer for text, e in zip(short, drawings)) / len(drawings),
        "captions": sum(s["exact"] for s in scores) / len(drawings),
        "recall": sum(s["recall"] for s in scores) / len(drawings),
    }


def answers(model, processor, drawings, pictures=None) -> list[str]:
    """Return the model's short answers. `pictures` replaces the pictures of the drawings."""
    shown = pictures or [e.image for e in drawings]
    return [text.strip() for text in greedy(model, processor, [(p, e.question) for p, e in zip(shown, drawings)], 16)]


def captions(model, processor, drawings) -> list[str]:
    """Return the model's captions."""
    return greedy(model, processor, [(e.image, DESCRIBE) for e in drawings], 160)


def judged(model, processor, drawings, kind: str, seed: int = 0) -> list[bool]:
    """Return for each drawing whether the model prefers the true text to an altered one of judge kind `kind`.

    The preference is the likelier next token, " 1" or " 2", after the fixed reason of the kind. The order is random.
    """
    pairs = [(e, *pair(e, random.Random(f"{seed}/{e.qid}"), kind)) for e in drawings]
    return _prefers(
        model,
        processor,
        [(e.image, user, parse_verdict(verdict) - 1) for e, user, verdict in pairs],
        (" 1", " 2"),
        verdict_prefix(REASONS[kind]),
    )


def judged_singly(model, processor, drawings, seed: int = 0) -> list[bool]:
    """Return for each drawing whether the model judges one statement of its caption, true or altered, correctly."""
    questions = [(e, *single(e, random.Random(f"{seed}/{e.qid}"))) for e in drawings]
    words = (CORRECT, INCORRECT)
    return _prefers(model, processor, [(e.image, user, words.index(verdict)) for e, user, verdict in questions], words)


def judged_own(model, processor, drawings, samples: int = 4, seed: int = 0) -> list[tuple]:
    """Return (drawing, whether the exact caption is preferred) for pairs of the model's own sampled captions.

    A pair is an exact caption and one that is not, in random order. Drawings without such a pair are left out.
    """
    sampled_captions = sampled(
        model, processor, [(e.image, DESCRIBE) for e in drawings for _ in range(samples)], seed, 160
    )
    found = []
    for k, example in enumerate(drawings):
        texts = sampled_captions[k * samples : (k + 1) * samples]
        exact = [caption_score(text, example.facts)["exact"] for text in texts]
        if any(exact) and not all(exact):
            right = random.Random(f"{seed}/{example.qid}").randrange(2)
            two = [texts[exact.index(True)], texts[exact.index(False)]]
            user = judge_prompt("caption", example.question, "", two[right], two[1 - right], short=True)
            found.append((example, (example.image, user, right)))
    cases = [case for _, case in found]
    hits = _prefers(model, processor, cases, (" 1", " 2"), verdict_prefix(REASONS["caption"]))
    return [(example, hit) for (example, _), hit in zip(found, hits, strict=True)]


def _prefers(model, processor, cases, words, prefix=""):
    """Return for each (picture, user text, index of the right word) whether that one of `words` is the likeliest."""
    import torch

    ids = [processor.tokenizer.encode(word, add_special_tokens=False)[0] for word in words]
    hits = []
    for first in range(0, len(cases), 64):
        rows = cases[first : first + 64]
        inputs = encode(processor, [(picture, user) for picture, user, _ in rows], prefix)
        with torch.inference_mode():
            logits = model(**inputs.to(model.device)).logits[:, -1, ids]
        hits += [right == preferred for (*_, right), preferred in zip(rows, logits.argmax(-1).tolist())]
    return hits


def report(model, processor, n: int) -> list[dict]:
    """Return the base's predictions on n validation drawings for each part of the report.

    A prediction is a dict with part, qid, family, template, output and correct.
    """
    seen, unseen = questions(n), questions(n, withheld=True)
    lines = []
    others, gray = [e.image for e in seen[1:] + seen[:1]], [grey(e.image) for e in seen]
    for part, drawings, pictures in (
        ("answers/seen", seen, None),
        ("answers/withheld", unseen, None),
        ("answers/other picture", seen, others),
        ("answers/grey picture", seen, gray),
    ):
        texts = answers(model, processor, drawings, pictures)
        lines += [_line(part, e, text, text == e.answer) for e, text in zip(drawings, texts)]
    texts = captions(model, processor, seen)
    lines += [_line("captions", e, text, caption_score(text, e.facts)["exact"]) for e, text in zip(seen, texts)]
    for kind in JUDGED:
        lines += [
            _line(f"judging/{kind}", e, "", right) for e, right in zip(seen, judged(model, processor, seen, kind))
        ]
    lines += [_line("judging/statement", e, "", right) for e, right in zip(seen, judged_singly(model, processor, seen))]
    return lines + [_line("judging/own captions", e, "", right) for e, right in judged_own(model, processor, seen)]


def base_metrics(predictions: list[dict]) -> dict[str, dict]:
    """Return {name: {value, n, low, high}} with Wilson's 95 % intervals.

    Names are the parts of the report, parts with a family, and "stage tags", the share of outputs with a stage tag.
    """
    groups = {}
    for line in predictions:
        for name in (line["part"], f"{line['part']}/{line['family']}"):
            groups.setdefault(name, []).append(line["correct"])
        if line["output"]:
            groups.setdefault("stage tags", []).append(any(open_tag(stage) in line["output"] for stage in STAGES))
    return {name: share(hits) for name, hits in groups.items()}


def summarize_base(found: dict[str, dict]) -> str:
    """Return a paragraph that summarizes the result of `base_metrics`."""
    value = {name: f"{100 * metric['value']:.0f} %" for name, metric in found.items()}
    uses_picture = found["answers/other picture"]["high"] < found["answers/seen"]["low"]
    judging = [metric for name, metric in found.items() if name.startswith("judging/") and name.count("/") == 1]
    above = sum(metric["low"] > 0.5 for metric in judging)
    return (
        f"The base answers {value['answers/seen']} of the questions on templates it has seen and "
        f"{value['answers/withheld']} on withheld ones (n = {found['answers/seen']['n']} each). "
        f"{value['captions']} of its captions are exact. With another picture it answers "
        f"{value['answers/other picture']}, with a gray one {value['answers/grey picture']}: it is "
        f"{'' if uses_picture else 'not '}shown that it uses the picture. Judging is above the chance level for "
        f"{above} of {len(judging)} kinds of pair. Outputs with stage tags: {value.get('stage tags', '0 %')}."
    )


def _line(part, example, output, correct):
    return {
        "part": part,
        "qid": example.qid,
        "family": example.family,
        "template": example.template,
        "output": output,
        "correct": bool(correct),
    }

"""Training the base and measuring what it can do before any arm starts from it.

`train` makes the model of `o1lib.training.base_tasks`'s recipe with its learning curve; `report` measures the finished one on
validation drawings: short answers on seen and on withheld templates, captions, answers without the right picture,
judging by kind of pair, and how often a stage tag slips out (never, or the base is no base).

    model, processor, log = train("mini", "work/base", examples=100_000, learning_rate=1.5e-3, batch=64)
    predictions = report(model, processor, 300)
    metrics(predictions)["answers/seen"]          # {"value": 0.61, "n": 300, "low": 0.55, "high": 0.66}
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
    """Return (model, processor, log) of a base trained from random weights; interrupted, the same call goes on.

    The log holds the loss and, `curve_points` times, the shares of right short answers and captions on validation.
    """
    model, processor = build(scale, seed)
    asked = questions(curve_questions)
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
        look=lambda trained: curve(trained, processor, asked),
        look_steps=max(1, examples // batch // curve_points),
    )
    return model, processor, log


def obtain(run, checkpoint: str = "", **training):
    """Return (model, processor, log) of the run's base, left in its folder `model` with the log beside the weights.

    It is trained with `training` (see `train`), or copied from `checkpoint`, a folder in the project that an earlier
    run made. Raises UserError when that folder is no checkpoint.
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
    """Return n validation drawings, families as in training, on templates that the base saw, or else did not see.

    Raises UserError when there would be none.
    """
    if n < 1:
        raise UserError(f"a base is measured on {n} questions: set questions to 1 or more")
    return [drawn(random.Random(f"validation/{k}"), "validation", k, withheld) for k in range(n)]


def curve(model, processor, asked) -> dict:
    """Return one point of the learning curve: shares of right short answers and exact captions, mean caption recall."""
    short, said = answers(model, processor, asked), captions(model, processor, asked)
    scores = [caption_score(text, e.facts) for text, e in zip(said, asked)]
    return {
        "answers": sum(text == e.answer for text, e in zip(short, asked)) / len(asked),
        "captions": sum(s["exact"] for s in scores) / len(asked),
        "recall": sum(s["recall"] for s in scores) / len(asked),
    }


def answers(model, processor, asked, pictures=None) -> list[str]:
    """Return the model's short answers; `pictures` replaces the drawings' own."""
    shown = pictures or [e.image for e in asked]
    return [text.strip() for text in greedy(model, processor, [(p, e.question) for p, e in zip(shown, asked)], 16)]


def captions(model, processor, asked) -> list[str]:
    """Return the model's captions."""
    return greedy(model, processor, [(e.image, DESCRIBE) for e in asked], 160)


def judged(model, processor, asked, kind: str, seed: int = 0) -> list[bool]:
    """Return for each drawing whether the model prefers the true text to an altered one of judge kind `kind`.

    The preference is the likelier next token, " 1" or " 2", after the kind's fixed reason; the order is drawn.
    """
    made = [(e, *pair(e, random.Random(f"{seed}/{e.qid}"), kind)) for e in asked]
    return _prefers(
        model,
        processor,
        [(e.image, user, parse_verdict(verdict) - 1) for e, user, verdict in made],
        (" 1", " 2"),
        verdict_prefix(REASONS[kind]),
    )


def judged_singly(model, processor, asked, seed: int = 0) -> list[bool]:
    """Return for each drawing whether the model calls one statement of its caption, true or altered, what it is."""
    made = [(e, *single(e, random.Random(f"{seed}/{e.qid}"))) for e in asked]
    words = (CORRECT, INCORRECT)
    return _prefers(model, processor, [(e.image, user, words.index(verdict)) for e, user, verdict in made], words)


def judged_own(model, processor, asked, samples: int = 4, seed: int = 0) -> list[tuple]:
    """Return (drawing, whether the exact one is preferred) where one of the model's own sampled captions is exact and
    one is not, in a drawn order; drawings of which all samples are exact, or none, are left out."""
    said = sampled(model, processor, [(e.image, DESCRIBE) for e in asked for _ in range(samples)], seed, 160)
    found = []
    for k, example in enumerate(asked):
        texts = said[k * samples : (k + 1) * samples]
        exact = [caption_score(text, example.facts)["exact"] for text in texts]
        if any(exact) and not all(exact):
            right = random.Random(f"{seed}/{example.qid}").randrange(2)
            two = [texts[exact.index(True)], texts[exact.index(False)]]
            user = judge_prompt("caption", example.question, "", two[right], two[1 - right], short=True)
            found.append((example, (example.image, user, right)))
    hits = _prefers(model, processor, [asked for _, asked in found], (" 1", " 2"), verdict_prefix(REASONS["caption"]))
    return [(example, hit) for (example, _), hit in zip(found, hits, strict=True)]


def _prefers(model, processor, made, words, prefix=""):
    """Return for each (picture, user text, number of the right word) whether the right one of `words` is the likelier."""
    import torch

    ids = [processor.tokenizer.encode(word, add_special_tokens=False)[0] for word in words]
    hits = []
    for first in range(0, len(made), 64):
        rows = made[first : first + 64]
        inputs = encode(processor, [(picture, user) for picture, user, _ in rows], prefix)
        with torch.inference_mode():
            logits = model(**inputs.to(model.device)).logits[:, -1, ids]
        hits += [right == preferred for (*_, right), preferred in zip(rows, logits.argmax(-1).tolist())]
    return hits


def report(model, processor, n: int) -> list[dict]:
    """Return what the base did on n validation drawings of each part: dicts with part, qid, family, template, output, correct."""
    seen, unseen = questions(n), questions(n, withheld=True)
    lines = []
    others, nothing = [e.image for e in seen[1:] + seen[:1]], [grey(e.image) for e in seen]
    for part, asked, pictures in (
        ("answers/seen", seen, None),
        ("answers/withheld", unseen, None),
        ("answers/other picture", seen, others),
        ("answers/grey picture", seen, nothing),
    ):
        said = answers(model, processor, asked, pictures)
        lines += [_line(part, e, text, text == e.answer) for e, text in zip(asked, said)]
    said = captions(model, processor, seen)
    lines += [_line("captions", e, text, caption_score(text, e.facts)["exact"]) for e, text in zip(seen, said)]
    for kind in JUDGED:
        lines += [
            _line(f"judging/{kind}", e, "", right) for e, right in zip(seen, judged(model, processor, seen, kind))
        ]
    lines += [_line("judging/statement", e, "", right) for e, right in zip(seen, judged_singly(model, processor, seen))]
    return lines + [_line("judging/own captions", e, "", right) for e, right in judged_own(model, processor, seen)]


def base_metrics(predictions: list[dict]) -> dict[str, dict]:
    """Return {name: {value, n, low, high}}: the share correct of each part, of each part and family, and the tagged share.

    95 % intervals are Wilson's.
    """
    groups = {}
    for line in predictions:
        for name in (line["part"], f"{line['part']}/{line['family']}"):
            groups.setdefault(name, []).append(line["correct"])
        if line["output"]:
            groups.setdefault("stage tags", []).append(any(open_tag(stage) in line["output"] for stage in STAGES))
    return {name: share(hits) for name, hits in groups.items()}


def summarize_base(found: dict[str, dict]) -> str:
    """Return a paragraph that says what `metrics` found, computed from it alone."""
    value = {name: f"{100 * metric['value']:.0f} %" for name, metric in found.items()}
    blind = found["answers/other picture"]["high"] < found["answers/seen"]["low"]
    judging = [metric for name, metric in found.items() if name.startswith("judging/") and name.count("/") == 1]
    above = sum(metric["low"] > 0.5 for metric in judging)
    return (
        f"The base answers {value['answers/seen']} of questions on templates it has seen and {value['answers/withheld']} on "
        f"withheld ones (n = {found['answers/seen']['n']} each); {value['captions']} of its captions are exact. With another "
        f"picture it answers {value['answers/other picture']}, with a grey one {value['answers/grey picture']}: that it "
        f"uses the picture is {'' if blind else 'not '}shown. "
        f"Judging is above chance for {above} of {len(judging)} kinds of pair. Stage tags in its words: "
        f"{value.get('stage tags', '0 %')}."
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

"""Train the base and measure what it can do before any arm starts from it.

`train_base` trains on the lessons of `o1lib.training.lessons` and logs a learning curve. `report` measures the result
on validation drawings: short answers on seen and on withheld templates, captions, answers without the right picture,
judging by kind of pair, and the share of outputs with a stage tag, which has to be zero. Whether the base reads, and
how well it judges captions of its own, is measured by `o1lib.training.gate`.

    model, processor, log = train_base("mini", "work/base", examples=100_000, lookups=100_000)
    predictions = report(model, processor, 300)
    base_metrics(predictions)["answers/seen"]     # {"value": 0.61, "n": 300, "low": 0.55, "high": 0.66}
"""

import random
import shutil
from dataclasses import replace
from pathlib import Path

from o1lib.data.images import grey
from o1lib.formats.judge_prompts import KINDS
from o1lib.formats.stages import STAGES, open_tag
from o1lib.minivqa.facts import caption_score
from o1lib.models.presets import build, greedy, load, save
from o1lib.records import UserError, atomic_folder, project_root
from o1lib.records.journals import read_lines
from o1lib.scoring.intervals import share
from o1lib.training import RECIPES, fit, gate
from o1lib.training.gate import ANSWER_TOKENS, CAPTION_TOKENS, VERDICT_TOKENS
from o1lib.training.lessons import lookups as lookup_lessons
from o1lib.training.lessons.form import LESSON_TEMPLATE
from o1lib.training.lessons.judge_cases import judge_accuracy, pair_cases, single_cases
from o1lib.training.lessons.plan import base_phases
from o1lib.training.lessons.scenes import DESCRIBE, drawn
from o1lib.training.lessons.words import KNOWN, RELATIONS, SYLLABLES

JUDGED = tuple(kind for kind in KINDS if kind != "summary")
WARMUP, STEADY = 100, 0.6  # steps of warm-up; share of the steps at the full learning rate
_OFTEN = 100  # times that syllables are repeated in the tokenizer's texts


def train_base(
    scale: str,
    folder,
    *,
    examples: int,
    lookups: int,
    learning_rate: float = 3e-3,
    batch: int = 64,
    seed: int = 0,
    curve_questions: int = 150,
    curve_points: int = 12,
    save_steps: int = 200,
):
    """Return (model, processor, log) of a base trained from random weights. An interrupted call can be repeated.

    It learns `lookups` lookups and then `examples` lessons of all kinds (o1lib.training.lessons.plan). It resumes from
    its last checkpoint. The log has the loss and, `curve_points` times, a point of the learning curve on validation
    drawings (see `curve`).
    """
    model, processor = build(scale, seed, phrases())
    drawings, steps = questions(curve_questions), max(1, (examples + lookups) // batch)
    usual, processor.chat_template = processor.chat_template, LESSON_TEMPLATE
    log = fit(
        model,
        processor,
        base_phases(examples, lookups, seed),
        Path(folder),
        learning_rate=learning_rate,
        batch=batch,
        seed=seed,
        warmup=min(WARMUP / steps, 0.2),
        save_steps=save_steps,
        look=lambda trained: curve(trained, processor, drawings),
        look_steps=max(1, steps // curve_points),
        recipe=replace(RECIPES[scale], optimizer="muon", steady=STEADY),
    )
    processor.chat_template = usual
    return model, processor, log


def phrases() -> list[str]:
    """Return the wordings of lookup lessons and their syllables, so that all of them become tokens.

    Syllables are repeated until invented words are split into them: a word that is a token of its own is never learned
    where no lesson has it, and pieces that cross syllables are rare.
    """
    ask = lookup_lessons
    wordings = (*ask.FORWARD_QUESTIONS, *ask.BACKWARD_QUESTIONS, *ask.OPTION_OF, *ask.LETTER_OF)
    asked = [text.format(x="", y="", v="", l="", w="") for text in wordings]
    said = [" ".join((*RELATIONS, *KNOWN)), "".join(f"\n{one}" for one in KNOWN)]
    return [*asked, DESCRIBE, *said, *[" ".join(SYLLABLES), "".join(f"\n{one}" for one in SYLLABLES)] * _OFTEN]


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
    return *load(folder), read_lines(folder / "log.jsonl")[0]


def questions(n: int, withheld: bool = False) -> list:
    """Return n validation drawings on templates that the base saw, or on `withheld` ones.

    Families have the shares of training. Raises UserError for n < 1.
    """
    if n < 1:
        raise UserError(f"the number of questions is {n}: set questions to 1 or more")
    return [drawn(random.Random(f"validation/{k}"), "validation", k, withheld) for k in range(n)]


def curve(model, processor, drawings) -> dict:
    """Return one point of the learning curve on drawings, and how often words are found in the context.

    The shares are those of right short answers, exact captions and right lookups, and the mean caption recall.
    """
    short, described = answers(model, processor, drawings), captions(model, processor, drawings)
    scores = [caption_score(text, e.facts) for text, e in zip(described, drawings)]
    return {
        "answers": sum(text == e.answer for text, e in zip(short, drawings)) / len(drawings),
        "captions": sum(s["exact"] for s in scores) / len(drawings),
        "recall": sum(s["recall"] for s in scores) / len(drawings),
        "lookups": gate.reading(model, processor, max(20, len(drawings) // 3)),
    }


def answers(model, processor, drawings, pictures=None) -> list[str]:
    """Return the model's short answers. `pictures` replaces the pictures of the drawings."""
    shown = pictures or [e.image for e in drawings]
    return [
        text.strip()
        for text in greedy(model, processor, [(p, e.question) for p, e in zip(shown, drawings)], ANSWER_TOKENS)
    ]


def captions(model, processor, drawings) -> list[str]:
    """Return the model's captions."""
    return greedy(model, processor, [(e.image, DESCRIBE) for e in drawings], CAPTION_TOKENS)


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
        lines += _judged(f"judging/{kind}", pair_cases(seen, kind), reply(model, processor))
    return lines + _judged("judging/statement", single_cases(seen), reply(model, processor))


def reply(model, processor):
    """Return the function that judge cases are put to: greedy replies of the model to (picture, user text) pairs."""
    return lambda asked: greedy(model, processor, asked, VERDICT_TOKENS)


def _judged(part, cases, reply):
    verdicts = judge_accuracy(reply, cases)
    return [_line(part, case.example, "", bool(right)) for case, right in zip(cases, verdicts, strict=True)]


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


def summarize_base(found: dict[str, dict], gates: dict[str, dict]) -> str:
    """Return a paragraph that summarizes the results of `base_metrics` and of the gate (`o1lib.training.gate`)."""
    failed = [name for name, one in gates.items() if one["passed"] is False]
    value = {name: f"{100 * metric['value']:.0f} %" for name, metric in found.items()}
    uses_picture = found["answers/other picture"]["high"] < found["answers/seen"]["low"]
    judging = [metric for name, metric in found.items() if name.startswith("judging/") and name.count("/") == 1]
    above = sum(metric["low"] > 0.5 for metric in judging)
    return (
        f"The base {'does not pass its gate (' + ', '.join(failed) + ')' if failed else 'passes its reading gate'}. "
        f"It answers {value['answers/seen']} of the questions on templates it has seen and "
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

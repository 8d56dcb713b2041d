"""Toy records for reports: rows with the study's ids and answers drawn by chance over real Mini-VQA questions."""

import random
from functools import cache

from o1lib.minivqa.testsets import TEST_SETS, test_set
from o1lib.records import finish, start
from o1lib.scoring import metrics

STAGED = {"tags", "no_tags", "special_tags", "shuffled", "four_turn"}
N_TEST = 8
JUDGED = {"n": 60, "accuracy": 0.6, "position_bias": 0.1, "tie": 0.2, "unparsed": 0.0}
#        row                     format       schedule   method       n  judge  accuracy
ROWS = [
    ("base.greedy", "direct", "", "greedy", 1, "", 0.35),
    ("blind.sample", "tags", "mixed", "sample", 1, "", 0.27),
    ("direct.sample", "direct", "mixed", "sample", 1, "", 0.55),
    ("no_tags.sample", "no_tags", "mixed", "sample", 1, "", 0.60),
    ("structured.sample", "tags", "mixed", "sample", 1, "", 0.66),
    ("special_tags.sample", "special_tags", "mixed", "sample", 1, "", 0.64),
    ("tags_mixed.sample", "tags", "mixed", "sample", 1, "", 0.63),
    ("tags_two_phase.sample", "tags", "two_phase", "sample", 1, "", 0.64),
    ("four_turn_mixed.sample", "four_turn", "mixed", "sample", 1, "", 0.58),
    ("four_turn_two_phase.sample", "four_turn", "two_phase", "sample", 1, "", 0.60),
    ("structured.best_of_n4.self", "tags", "mixed", "best_of_n", 4, "self", 0.67),
    ("structured.sentence_beam2.self", "tags", "mixed", "sentence_beam", 2, "self", 0.63),
    ("structured.stage_beam2.self", "tags", "mixed", "stage_beam", 2, "self", 0.68),
    ("structured.stage_beam4.self", "tags", "mixed", "stage_beam", 4, "self", 0.70),
    ("structured.stage_beam4.random", "tags", "mixed", "stage_beam", 4, "random", 0.65),
    ("structured.stage_beam4.oracle", "tags", "mixed", "stage_beam", 4, "oracle", 0.85),
    ("four_turn_two_phase.token_beam2", "four_turn", "two_phase", "token_beam", 2, "", 0.62),
]


@cache
def questions():
    """Return the toy test questions: all sets, drawn once."""
    return [example for name in TEST_SETS for example in test_set(name, N_TEST)]


def leave(
    root, row, seed=0, metrics=None, predictions=None, extra=None, n_failed=0, dataset_hash="d" * 64, **parameters
):
    """Leave the record of one finished row under `root`, as a template notebook would; return its path."""
    values = {"row": row, "seed": seed, "scale": "mini", "root": str(root)} | parameters
    cell = "\n".join(f"{name}: {type(value).__name__} = {value!r}" for name, value in values.items())
    run = start(values | {"In": ["", cell, "run = start(globals())"]})
    return finish(run, metrics or {}, predictions, n_failed=n_failed, extra=extra, dataset_hash=dataset_hash)


def answers(row, format, schedule, method, n, judge, accuracy, seed=0, asked=None):
    """Return prediction lines: right with probability `accuracy`, the text hostile to HTML, costs that grow with n."""
    rng, lines = random.Random(f"{row}/{seed}"), []
    for example in asked or questions():
        right = rng.random() < accuracy
        lines.append(
            _line(example, right, rng, format, n)
            | {"format": format, "schedule": schedule, "method": method, "judge": judge, "n": n}
        )
    return lines


def _line(example, right, rng, format, n):
    wrong = rng.choice(["A", "B", "C", "D"] if example.options else ["no", "7", "blue"])
    broken = "none" if right and rng.random() < 0.8 else rng.choice(["caption", "reasoning", "conclusion"])
    scores = {
        "caption": broken != "caption",
        "reasoning": broken not in ("caption", "reasoning"),
        "reasoning_precision": rng.random(),
        "reasoning_recall": rng.random(),
        "conclusion": right,
        "faithful": broken == "none",
        "first_break": None if broken == "none" else broken,
    }
    staged = " ".join(f"<{stage.upper()}> {text} </{stage.upper()}>" for stage, text in example.stages.items())
    output = staged if format in STAGED else "<b>B</b>"
    candidates = [_candidate(k, rng) for k in range(n)]
    return {
        "qid": example.qid,
        "test_set": example.test_set,
        "family": example.family,
        "skill": example.skill,
        "template": example.template,
        "temperature": 0.6,
        "gold": example.answer,
        "options": list(example.options),
        "pred": example.answer if right else wrong,
        "correct": right,
        "extracted_by": "toy",
        "output": output,
        "group": example.group or None,
        "stage_scores": scores if format in STAGED else None,
        "option_likelihood_correct": (rng.random() < 0.6) if example.options else None,
        "candidates": candidates,
        "ledger": {
            "generated": 80 * n,
            "judge": 300 * (n - 1),
            "prefilled": 40,
            "images": n,
            "calls": 4 * n,
            "seconds": 0.1 * n + rng.random() / 20,
        },
    }


def _candidate(k, rng):
    return {
        "round": 0,
        "candidate": k,
        "kept": k == 0,
        "stage": "caption",
        "text": f"<i>{rng.randrange(3)}</i>",
        "logprob": -rng.random(),
        "tokens": 9,
        "problem": "",
    }


def leave_study(root, seeds=(0,)):
    """Leave a toy study under `root`: a dataset, an arm pair on easy-VQA, and ROWS for each seed."""
    leave(root, "data", source="minivqa", n_test=N_TEST, test_split="devtest")
    baseline = {
        "majority": {"value": 0.4, "n": 90, "low": 0.3, "high": 0.5},
        "majority_by_question": {"value": 0.7, "n": 90, "low": 0.6, "high": 0.8},
    }
    leave(root, "easy_data", extra={"card": {"baselines": baseline}}, source="easy_vqa", n_test=N_TEST)
    for row, *rest in ROWS:
        for seed in seeds if not row.startswith("base") else [0]:
            lines = answers(row, *rest, seed=seed)
            model = row.split(".")[0]
            leave(
                root,
                row,
                seed,
                metrics(lines),
                lines,
                data="data",
                model=model,
                blind=row.startswith("blind"),
                method=rest[2],
                n=rest[3],
                judge=rest[4] or "self",
                temperature=0.6,
                extra={"judge_on_own_pairs": JUDGED if rest[4] else {"n": 0}},
            )
    for row, rest in {"easy_direct.sample": ("direct", 0.71), "easy_structured.sample": ("tags", 0.8)}.items():
        lines = [
            line | {"test_set": "easy-VQA", "family": "easy-VQA"}
            for line in answers(row, rest[0], "mixed", "sample", 1, "", rest[1], asked=questions()[:30])
        ]
        leave(root, row, 0, metrics(lines), lines, dataset_hash="e" * 64, data="easy_data", model=row.split(".")[0])

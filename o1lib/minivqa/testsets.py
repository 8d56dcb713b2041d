"""The test sets: for each benchmark of the papers a set of the same kind, drawn from Mini-VQA, and mini-Depth.

They are the six sets of both papers (section 4 of arXiv:2411.10440 and of arXiv:2501.06186), VRC-Bench and a set of the
study's own, mini-Depth (`o1lib.minivqa.depth`), which enters no average. Every set has its own seeds within a split, so
no drawing occurs in two sets. Item k depends on k alone, so a longer set begins with a shorter one. The right options
are spread evenly over the letters.

| set | items |
|---|---|
| mini-MMStar | four options; the six skills in rotation |
| mini-MMBench | four options, every question in its four rotations (one `group`) |
| mini-MM-Vet | open questions that need two skills or more, none of them yes/no |
| mini-MathVista | charts, geometry, arithmetic in rotation; open and multiple choice |
| mini-AI2D | the family of that name, multiple choice |
| mini-HallusionBench | two yes/no questions on a picture and on its edited twin (one `group`) |
| mini-VRC-Bench | eight categories in rotation; three reference steps or more |
| mini-Depth | five tasks, four groups of depths and three forms of answer in rotation |

`CATEGORIES` maps the categories of VRC-Bench to families. There is no medical family, so the nearest one, labeled
diagrams of parts (mini-AI2D), replaces medical imaging.

Example:
    >>> [example.skill for example in test_set("mini-MMStar", 2)]
    ['coarse perception', 'fine-grained perception']
"""

import random
import re
from dataclasses import replace
from functools import cache

from o1lib.minivqa import depth
from o1lib.minivqa.draw import FAMILIES, LETTERS, draw, rotated, seeds
from o1lib.minivqa.twins import editable, option_count, twins
from o1lib.minivqa.words import SKILLS
from o1lib.records import UserError, choose, project_root

PROTOCOL = "results/PROTOCOL.md"  # how `test` will be scored, written before it is drawn
SETS_LINE = "Sets in the headline: "  # begins the line of the protocol that names them
MARGINS = "results/margins.json"  # within which differences count as negligible, frozen before `test` is drawn
CATEGORIES = {
    "Math & Logic": "mini-GeoQA+",
    "Complex Visual Perception": "mini-CLEVR",
    "Charts & Diagrams": "mini-ChartQA",
    "Social & Cultural": "mini-PISC",
    "Scientific": "mini-ScienceQA",
    "OCR & Document": "mini-DocVQA",
    "Medical Imaging": "mini-AI2D",
    "Visual Reasoning": "mini-A-OKVQA",
}
_SPACING = 10_000_000  # seeds between two sets; the first stretch of a split belongs to `mixture`


@cache
def _templates(keep):
    """Return the (family, template name) pairs that `keep(family name, Template, name)` accepts."""
    return tuple(
        (family, name)
        for family, kind in FAMILIES.items()
        for name, template in kind.templates.items()
        if keep(family, template, name)
    )


def _turn(pairs, k):
    return pairs[k % len(pairs)]


@cache
def _with_skill(skill):
    return _templates(lambda family, template, name: template.skill == skill and option_count(family, name) == 4)


def _by_skill(k, seed):
    """Return a four-option question; the skills follow one another in rotation."""
    family, name = _turn(_with_skill(_turn(SKILLS, k)), k // len(SKILLS))
    return draw(family, seed, template=name, choice=True)


def _mmstar(k, seed):
    return [_by_skill(k, seed)]


def _mmbench(k, seed):
    example = _by_skill(k, seed)
    return [rotated(example, turns) for turns in range(4)]


def _needs_two(family, template, name):
    return bool(template.also) and template.choice is not True and option_count(family, name) == 4


def _mmvet(k, seed):
    family, name = _turn(_templates(_needs_two), k)
    return [draw(family, seed, template=name, choice=False)]


def _charts(family, template, name):
    return family == "mini-ChartQA"


def _geometry(family, template, name):
    return family == "mini-GeoQA+"


def _arithmetic(family, template, name):
    return template.skill == "math" and family not in ("mini-ChartQA", "mini-GeoQA+")


def _mathvista(k, seed):
    family, name = _turn(_templates(_turn((_charts, _geometry, _arithmetic), k)), k // 3)
    return [draw(family, seed, template=name)]


def _ai2d(k, seed):
    return [draw("mini-AI2D", seed, template=_turn(tuple(FAMILIES["mini-AI2D"].templates), k), choice=True)]


def _hallusion(k, seed):
    return twins(_turn(editable(), k), seed)


@cache
def _long(family):
    """Return the templates of a family whose reasoning always has three steps or more."""
    return tuple(
        name
        for name in FAMILIES[family].templates
        if all(len(draw(family, seed, template=name).steps) > 2 for seed in seeds("train", 20))
    )


def _vrc(k, seed):
    family = _turn(tuple(CATEGORIES.values()), k)
    return [draw(family, seed, template=_turn(_long(family), k // len(CATEGORIES)))]


def _depth(k, seed):
    return [depth.cell(k, seed)]


_MAKERS = {
    "mini-MMStar": _mmstar,
    "mini-MMBench": _mmbench,
    "mini-MM-Vet": _mmvet,
    "mini-MathVista": _mathvista,
    "mini-AI2D": _ai2d,
    "mini-HallusionBench": _hallusion,
    "mini-VRC-Bench": _vrc,
    depth.NAME: _depth,
}
TEST_SETS = tuple(_MAKERS)
LINES_OF_A_GROUP = {"mini-MMBench": 4, "mini-HallusionBench": 4}  # lines that count as one observation


def test_set(name, n, split="devtest", start=0):
    """Return n examples of a test set, from item `start` on, with `test_set`, `group` and unique `qid` filled in.

    Sets with groups (rotations, twins) consist of whole groups: n // 4 of them, at least one, and `start` counts
    groups. `split` is one of `SPLITS`; "hard" has harder scenes than the splits for training. Raises UserError for an
    unknown name or split, and for "test" before it is settled how it will be scored (`check_settled`).
    """
    if split == "test":
        check_settled()
    draw_item = choose(name, _MAKERS, "test set")
    size = LINES_OF_A_GROUP.get(name, 1)
    first = start + _SPACING * (1 + TEST_SETS.index(name))
    found = []
    for k, seed in enumerate(seeds(split, max(1, n // size), first), start):
        group = f"{name}/{split}/{k}"
        for row, example in enumerate(draw_item(k, seed)):
            example = example if size > 1 else _placed(example, f"{name}/{split}", k)
            found.append(replace(example, test_set=name, qid=_qid(name, group, row), group=group if size > 1 else ""))
    return found


def check_settled():
    """Raise UserError unless the protocol is there and names the sets of the headline, and the margins are frozen."""
    path, undrawn = project_root() / PROTOCOL, "split 'test' stays undrawn until"
    if not path.is_file():
        raise UserError(f"{undrawn} {PROTOCOL} says how it will be scored: use devtest")
    if not re.search(f"^{SETS_LINE}", path.read_text(encoding="utf8"), re.M):
        raise UserError(
            f"{undrawn} {PROTOCOL} has a line {SETS_LINE.strip()!r}: use devtest, or run "
            "`.venv/bin/python -m o1lib entering` and add its last line"
        )
    if not (project_root() / MARGINS).is_file():
        raise UserError(
            f"{undrawn} {MARGINS} is there: use devtest, or run `.venv/bin/python -m o1lib margins --freeze`"
        )


test_set.__test__ = False  # the name is not a test to pytest


def _placed(example, key, k):
    """Rotate the options so that four items in a row have four right letters, in an order drawn from the key."""
    if not example.options:
        return example
    letter = random.Random(f"{key}/{k // 4}").sample(range(4), 4)[k % 4]
    return rotated(example, (LETTERS.index(example.answer) - letter) % len(example.options))


def _qid(name, group, row):
    if name == "mini-HallusionBench":
        return f"{group}#{row // 2}#{row % 2}"
    return f"{group}-{row}" if name in LINES_OF_A_GROUP else group

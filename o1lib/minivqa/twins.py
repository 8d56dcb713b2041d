"""Twin pictures for mini-HallusionBench: one fact is edited, and with it the answers to two yes/no questions.

HallusionBench (arXiv:2310.14566) asks the same question about a figure and its edited twin; who answers from habit
gets one of the two wrong. Here both questions change their answer, so habit scores 50 % of the answers and none of the
questions.

Example:
    >>> [example.answer for example in twins("mini-CLEVR", 0)][::2] in (["yes", "no"], ["no", "yes"])
    True
"""

import random
from functools import cache

from o1lib.minivqa.draw import FAMILIES, assemble, draw, in_split, picture, seeds, split_of

_TRIES = 16


@cache
def option_count(family, template):
    """Return how many options a template offers: four, or two for yes/no."""
    return len(draw(family, seeds("train", 1)[0], template=template, choice=True).options)


def editable():
    """Return the families that can edit a scene."""
    return [name for name, family in FAMILIES.items() if family.edit]


def twins(family, seed):
    """Return four open examples: two pictures that differ in one fact, in both orders of two yes/no questions.

    Order: figure 0 question 0, figure 0 question 1, figure 1 question 0, figure 1 question 1. Both pictures lie in the
    split of the seed, and every question is answered yes on one of them and no on the other.
    """
    kind, split, rng = FAMILIES[family], split_of(seed), random.Random(f"twins/{family}/{seed}")
    names = [name for name in kind.templates if option_count(family, name) == 2]
    scenes, asked = _pair(kind, names, split, rng)
    images = [picture(kind, scene, random.Random(f"twins/paint/{seed}"), split) for scene in scenes]
    facts = [kind.facts(scene) for scene in scenes]
    return [
        assemble(kind, name, split, seed, facts[figure], both[figure], images[figure], rng, choice=False)
        for figure in (0, 1)
        for name, both in asked
    ]


def _pair(kind, names, split, rng):
    """Return two scenes and two questions that turn from one to the other."""
    while True:
        scene = kind.scene(rng, split == "hard")
        if not in_split(kind.facts(scene), split):
            continue
        for _ in range(_TRIES):
            other = kind.edit(scene, rng)
            if other is not None and in_split(kind.facts(other), split):
                scenes = rng.sample((scene, other), 2)
                asked = _turning(kind, names, scenes, rng)
                if len(asked) == 2:
                    return scenes, asked


def _turning(kind, names, scenes, rng):
    """Return up to two (template, (asked of one scene, asked of the other)) with different answers."""
    one, two = ({}, {})
    for _ in range(_TRIES):
        name, key = rng.choice(names), rng.random()
        for found, scene in zip((one, two), scenes, strict=True):
            asked = kind.templates[name].ask(scene, random.Random(key))
            if asked:
                found[asked.question] = name, asked
    turned = [question for question in one if question in two and one[question][1].answer != two[question][1].answer]
    return [(one[question][0], (one[question][1], two[question][1])) for question in turned[:2]]

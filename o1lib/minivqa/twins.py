"""Twin pictures for mini-HallusionBench: one edited fact changes the answers to two yes/no questions.

HallusionBench (arXiv:2310.14566) asks the same question about a figure and its edited twin. A model that answers from
habit gets one of the two wrong. Here the answers to both questions change, so a model that answers from habit gets 50 %
of the answers right and none of the questions.

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
    """Return the number of options of a template: four, or two for yes/no."""
    return len(draw(family, seeds("train", 1)[0], template=template, choice=True).options)


def editable():
    """Return the names of the families that can edit a scene."""
    return [name for name, family in FAMILIES.items() if family.edit]


def twins(family, seed):
    """Return four open examples: two pictures that differ in one fact, in both orders of two yes/no questions.

    The order is figure 0 question 0, figure 0 question 1, figure 1 question 0, figure 1 question 1. Both pictures are
    in the split of the seed. The answer to each question is yes for one of them and no for the other.
    """
    kind, split, rng = FAMILIES[family], split_of(seed), random.Random(f"twins/{family}/{seed}")
    names = [name for name in kind.templates if option_count(family, name) == 2]
    scenes, questions = _pair(kind, names, split, rng)
    images = [picture(kind, scene, random.Random(f"twins/paint/{seed}"), split) for scene in scenes]
    return [
        assemble(kind, name, split, seed, scenes[figure], both[figure], images[figure], rng, choice=False)
        for figure in (0, 1)
        for name, both in questions
    ]


def _pair(kind, names, split, rng):
    """Return two scenes and two questions whose answers differ between them."""
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
    """Return up to two (template, (Asked of one scene, Asked of the other)) with different answers."""
    one, two = ({}, {})
    for _ in range(_TRIES):
        name, key = rng.choice(names), rng.random()
        for found, scene in zip((one, two), scenes, strict=True):
            asked = kind.templates[name].ask(scene, random.Random(key))
            if asked:
                found[asked.question] = name, asked
    turned = [question for question in one if question in two and one[question][1].answer != two[question][1].answer]
    return [(one[question][0], (one[question][1], two[question][1])) for question in turned[:2]]

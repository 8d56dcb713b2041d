"""mini-A-OKVQA: things on a tray; every question needs a fact about the world that the picture does not show.

The counterpart of A-OKVQA in Table 1 of LLaVA-o1 (arXiv:2411.10440). The facts about the world are the table KNOWN. A
scene is (group, things), where things is a tuple of (cell, color, thing) without repeated things or colors, and `group`
is the group that is counted.

Example:
    >>> KNOWN["key"]
    ('tool', 'opens locks')
"""

from collections import Counter

from o1lib.minivqa.canvas import COLOURS
from o1lib.minivqa.chance import ring, wrong, yes_no
from o1lib.minivqa.family import Asked, Family, Template
from o1lib.minivqa.icons import THINGS, icon
from o1lib.minivqa.words import CELLS, CLASSES

GROUPS, TRAITS = CLASSES["group"], CLASSES["trait"]
KNOWN = {thing: (GROUPS[index // 3], TRAITS[index]) for index, thing in enumerate(THINGS)}
_MEMBERS = {group: [t for t in THINGS if KNOWN[t][0] == group] for group in GROUPS}
_STRANGERS = {group: [t for t in THINGS if KNOWN[t][0] != group] for group in GROUPS}


def scene(rng, hard):
    """Return 3 or 4 things (5 or 6 if hard), none to three of them of the group, equally often."""
    count = rng.randint(5, 6) if hard else rng.randint(3, 4)
    group, members = rng.choice(GROUPS), rng.randint(0, 3)
    things = rng.sample(_MEMBERS[group], members) + rng.sample(_STRANGERS[group], count - members)
    rng.shuffle(things)
    cells, colours = sorted(rng.sample(range(9), count)), rng.sample(list(COLOURS), count)
    return group, tuple((CELLS[cell], colour, thing) for cell, colour, thing in zip(cells, colours, things))


def facts(tray):
    """State every thing: 'red key at left'."""
    return tuple(_fact(thing) for thing in tray[1])


def _fact(thing):
    return f"{thing[1]} {thing[2]} at {thing[0]}"


def paint(canvas, tray, rng, held_out):
    """Draw every thing near the middle of its cell."""
    for cell, colour, thing in tray[1]:
        row, column = divmod(CELLS.index(cell), 3)
        icon(canvas, thing, 11 + 21 * column + rng.randint(-1, 1), 11 + 21 * row + rng.randint(-1, 1), 9, colour)


def _is_a(placed):
    cell, _, thing = placed
    group = KNOWN[thing][0]
    return f"{thing} at {cell} is {'an' if group == 'animal' else 'a'} {group}"


def _trait(tray, rng):
    cell, colour, thing = chosen = rng.choice(tray[1])
    known = KNOWN[thing][1]
    steps = (_fact(chosen), f"{thing} {known}")
    return Asked(
        f"What is true of the thing at {cell}?",
        known,
        wrong(rng, known, TRAITS, [KNOWN[t][1] for _, _, t in tray[1]]),
        f"Name the thing at {cell} and recall what it does",
        steps,
        frozenset(steps),
        depth=2,
        needed=(_fact(chosen),),
    )


def _colour(tray, rng):
    cell, colour, thing = chosen = rng.choice(tray[1])
    known = KNOWN[thing][1]
    steps = (f"{thing} {known}", _fact(chosen))
    return Asked(
        f"What colour is the thing that {known}?",
        colour,
        wrong(rng, colour, COLOURS, [c for _, c, _ in tray[1]]),
        f"Recall what {known} and find it",
        steps,
        frozenset(steps),
        depth=2,
    )


def _count(tray, rng):
    group, things = tray
    number = sum(KNOWN[thing][0] == group for _, _, thing in things)
    steps = (*(_is_a(thing) for thing in things), f"{number} {group}s")
    return Asked(
        f"How many {group}s are there?",
        str(number),
        ring(rng, number, range(4)),
        f"Name every thing and count the {group}s",
        steps,
        frozenset(steps),
        depth=3,
    )


def _alone(tray, rng):
    things = tray[1]
    sizes = Counter(KNOWN[thing][0] for _, _, thing in things)
    alone = [thing for thing in things if sizes[KNOWN[thing[2]][0]] == 1]
    if len(alone) != 1:
        return None
    steps = (*(_is_a(thing) for thing in things), f"{alone[0][2]} is alone", _fact(alone[0]))
    return Asked(
        "Where is the thing that is alone in its group?",
        alone[0][0],
        wrong(rng, alone[0][0], CELLS, [t[0] for t in things]),
        f"Name the groups of all {len(things)} things and find the one that is alone",
        steps,
        frozenset(steps),
        depth=3,
    )


def _member(tray, rng):
    chosen = rng.choice(tray[1])
    right = KNOWN[chosen[2]][0]
    asked = right if rng.random() < 0.5 else rng.choice([group for group in GROUPS if group != right])
    answer, others = yes_no(asked == right)
    steps = (_fact(chosen), _is_a(chosen))
    article = "an" if asked == "animal" else "a"
    return Asked(
        f"Is the thing at {chosen[0]} {article} {asked}?",
        answer,
        others,
        f"Name the thing at {chosen[0]} and its group",
        steps,
        frozenset(steps),
        depth=2,
        needed=(_fact(chosen),),
    )


def _same(tray, rng):
    one, two = rng.sample(tray[1], 2)
    same = KNOWN[one[2]][0] == KNOWN[two[2]][0]
    answer, others = yes_no(same)
    steps = (_fact(one), _is_a(one), _fact(two), _is_a(two))
    return Asked(
        f"Are the things at {one[0]} and {two[0]} of one group?",
        answer,
        others,
        f"Name the groups of the things at {one[0]} and {two[0]} and compare",
        steps,
        frozenset(steps),
        depth=3,
        needed=(_fact(one), _fact(two)),
    )


FAMILY = Family(
    "mini-A-OKVQA",
    16.1,
    scene,
    facts,
    paint,
    {
        "trait": Template("science & technology", _trait),
        "colour": Template("science & technology", _colour, withheld=True, also=("fine-grained perception",)),
        "count": Template("math", _count, also=("science & technology",)),
        "alone": Template("logical reasoning", _alone, withheld=True, also=("science & technology",)),
        "member": Template("instance reasoning", _member),
        "same": Template(
            "instance reasoning", _same, withheld=True, also=("logical reasoning",), answers=("yes", "no")
        ),
    },
    paper=lambda tray: "cream",
)

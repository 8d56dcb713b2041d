"""mini-PISC: two people; how they relate follows from visible cues by a fixed table.

The counterpart of PISC in Table 1 of LLaVA-o1 (arXiv:2411.10440). The table is `relate`. A scene is (link, left
person, right person). A person is (stature, headwear, shirt, trousers, badge); only hard scenes have a badge.

Example:
    >>> relate("standing close", ("tall", "hat"), ("short", "hat"))[0]
    'colleagues'
"""

from o1lib.minivqa.canvas import COLOURS, SHAPES
from o1lib.minivqa.chance import even, wrong, yes_no
from o1lib.minivqa.family import Asked, Family, Template
from o1lib.minivqa.words import CLASSES

HANDS, CLOSE, APART = CLASSES["link"]
_AT = {HANDS: (18, 46), CLOSE: (22, 42), APART: (11, 52)}
_SIDES = ("left", "right")
_BY_HATS = ("friends", "service", "colleagues")
_POOLS = {HANDS: ("family", "couple"), CLOSE: _BY_HATS, APART: ("strangers",)}


def relate(link, one, two):
    """Return (relation, the steps that derive it from link and cues); of a person only height and headwear matter."""
    people = _people(one, two)
    if link == HANDS:
        word = "match" if one[0] == two[0] else "differ"
        relation = "couple" if word == "match" else "family"
        return relation, (*people, f"heights {word}", f"{link} and heights {word} means {relation}")
    if link == CLOSE:
        hats = (one[1] == "hat") + (two[1] == "hat")
        return _BY_HATS[hats], (*people, f"{hats} hats", f"{link} and {hats} hats means {_BY_HATS[hats]}")
    return "strangers", (f"{link} means strangers",)


def scene(rng, hard):
    """Return two people, with badges if hard; every relation is equally frequent, cues that do not matter vary."""
    relation = rng.choice(CLASSES["relation"])
    link = next(link for link, pool in _POOLS.items() if relation in pool)
    differ = relation == "family" if link == HANDS else rng.random() < 0.5
    hats = _BY_HATS.index(relation) if link == CLOSE else rng.randrange(3)
    first = rng.choice(CLASSES["stature"])
    statures = (first, first if not differ else "short" if first == "tall" else "tall")
    hatted = rng.sample((0, 1), hats)
    colours, badges = list(COLOURS), SHAPES if hard else ("",)
    return link, *(
        (statures[k], "hat" if k in hatted else "hair", rng.choice(colours), rng.choice(colours), rng.choice(badges))
        for k in (0, 1)
    )


def facts(pair):
    """State how they stand, then each person: 'tall person with cap at left', 'red shirt and blue trousers at left'."""
    link, one, two = pair
    people = _people(one, two)
    clothes = [f"{person[2]} shirt and {person[3]} trousers at {side}" for person, side in zip((one, two), _SIDES)]
    badges = [f"{person[4]} badge at {side}" for person, side in zip((one, two), _SIDES) if person[4]]
    return link, people[0], clothes[0], people[1], clothes[1], *badges


def _people(one, two):
    return tuple(f"{person[0]} person with {person[1]} at {side}" for person, side in zip((one, two), _SIDES))


def paint(canvas, pair, rng, held_out):
    """Draw both people on a floor, with joined arms if they hold hands."""
    link, *people = pair
    canvas.box(-1, 58, 64, 64, "grass")
    for x, outward, person in zip(_AT[link], (-1, 1), people):
        top = (4 if person[0] == "tall" else 22) + rng.randint(-1, 1)
        hip = (top + 12 + 60) // 2
        _limb(canvas, x + 6 * outward, top + 15, x + 9 * outward, hip, person[2])
        inner = (32, 42) if link == HANDS else (x - 8 * outward, hip)
        _limb(canvas, x - 6 * outward, top + 15, *inner, person[2])
        _body(canvas, x, top, hip, person)
    if link == HANDS:
        canvas.oval(30, 40, 34, 44, "cream")


def _limb(canvas, x0, y0, x1, y1, colour):
    canvas.line([(x0, y0), (x1, y1)], "ink", 5)
    canvas.line([(x0, y0), (x1, y1)], colour, 3)


def _body(canvas, x, top, hip, person):
    _, headwear, shirt, trousers, badge = person
    for side in (-1, 1):
        canvas.box(x + 3 * side - 3, hip, x + 3 * side + 3, 61, trousers)
    canvas.box(x - 6, top + 12, x + 6, hip, shirt)
    if badge:
        canvas.shape(badge, x, (top + 12 + hip) // 2, 4, "white")
    canvas.oval(x - 6, top, x + 6, top + 12, "cream")
    if headwear == "hat":
        canvas.box(x - 6, top - 2, x + 6, top + 4, "white")
        canvas.box(x - 9, top + 3, x + 9, top + 5, "white")
    else:
        canvas.polygon(
            [
                (x - 6, top + 6),
                (x - 6, top + 1),
                (x - 2, top - 1),
                (x + 2, top - 1),
                (x + 6, top + 1),
                (x + 6, top + 6),
                (x + 3, top + 3),
                (x - 3, top + 3),
            ],
            "ink",
        )


def _relation(pair, rng):
    relation, steps = relate(*pair)
    steps = (pair[0], *steps)
    return Asked(
        "How do the two people relate?",
        relation,
        wrong(rng, relation, CLASSES["relation"]),
        "Look how they stand and use the cues",
        steps,
        frozenset(steps),
        depth=_depth(pair[0]),
        needed=_people(*pair[1:]),
    )


def _depth(link):
    """Return the depth of a relation: reading, comparing or counting cues unless they stand apart, and the rule."""
    return 2 if link == APART else 3


def _verify(pair, rng):
    relation, steps = relate(*pair)
    asked = relation if rng.random() < 0.5 else rng.choice([r for r in CLASSES["relation"] if r != relation])
    answer, others = yes_no(asked == relation)
    steps = (pair[0], *steps)
    return Asked(
        f"Is the relation {asked}?",
        answer,
        others,
        f"Look how they stand and use the cues for {asked}",
        steps,
        frozenset(steps),
        depth=_depth(pair[0]),
        needed=_people(*pair[1:]),
    )


def _what_if(pair, rng):
    link = rng.choice([link for link in (HANDS, CLOSE) if link != pair[0]])
    relation, steps = relate(link, *pair[1:])
    asked = relation if rng.random() < 0.5 else rng.choice([r for r in _POOLS[link] if r != relation])
    answer, others = yes_no(asked == relation)
    return Asked(
        f"If they were {link}, would the relation be {asked}?",
        answer,
        others,
        f"Suppose {link} and use the cues",
        steps,
        frozenset(steps),
        depth=3,
        needed=_people(*pair[1:]),
    )


def _stand(pair, rng):
    if not even(rng, pair[0], {HANDS: 2, CLOSE: 3, APART: 1}):
        return None
    asked = pair[0] if rng.random() < 0.5 else rng.choice([link for link in CLASSES["link"] if link != pair[0]])
    answer, others = yes_no(asked == pair[0])
    return Asked(
        f"Are the two people {asked}?", answer, others, f"Look whether they are {asked}", (pair[0],), needed=()
    )


def _shirt(pair, rng):
    place = rng.randrange(2)
    colour = pair[1 + place][2]
    step = facts(pair)[2 + 2 * place]
    return Asked(
        f"What colour is the shirt at {_SIDES[place]}?",
        colour,
        wrong(rng, colour, COLOURS),
        f"Look at the person at {_SIDES[place]}",
        (step,),
        needed=(step,),
    )


def _same_shirt(pair, rng):
    same = pair[1][2] == pair[2][2]
    answer, others = yes_no(same)
    stated = facts(pair)
    steps = (stated[2], stated[4], f"shirts {'match' if same else 'differ'}")
    return Asked(
        "Do the shirts have the same colour?",
        answer,
        others,
        "Name the colours of both shirts and compare",
        steps,
        frozenset(steps),
        depth=2,
        needed=steps[:2],
    )


FAMILY = Family(
    "mini-PISC",
    1.0,
    scene,
    facts,
    paint,
    {
        "relation": Template("instance reasoning", _relation),
        "verify": Template("instance reasoning", _verify, withheld=True),
        "what_if": Template("logical reasoning", _what_if, withheld=True, also=("instance reasoning",)),
        "stand": Template("coarse perception", _stand),
        "shirt": Template("fine-grained perception", _shirt, withheld=True),
        "same_shirt": Template(
            "fine-grained perception", _same_shirt, also=("logical reasoning",), answers=("yes", "no")
        ),
    },
    paper=lambda pair: "pale",
    gist=lambda pair: 1,
)

"""mini-DocVQA: a page with a printed title, printed words and handwritten prices.

The counterpart of DocVQA in Table 1 of LLaVA-o1 (arXiv:2411.10440). The digits are real: scikit-learn's copy of the UCI
handwritten digits (1,797 scans of 8 x 8 pixels; E. Alpaydin, C. Kaynak, 1998, https://archive.ics.uci.edu/dataset/80).
Scans number 4, 9, 14, ... (index % 5 == 4) are kept for devtest, hard and test pictures; the others serve base, train
and validation. A scene is (title, ((item, price), ...)); no item and no price occurs twice on a page.

Example:
    >>> from o1lib.minivqa import draw
    >>> draw("mini-DocVQA", 0).facts[0].startswith("title ")
    True
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from o1lib.minivqa.chance import like, wrong
from o1lib.minivqa.family import Asked, Family, Template
from o1lib.minivqa.words import CLASSES
from o1lib.records import UserError

TITLES, ITEMS = CLASSES["title"], CLASSES["item"]


@cache
def scans(held_out):
    """Return ten arrays of shape (n, 8, 8), values 0 to 16: the scans of each digit, held-out ones or the others.

    The file is read directly from the package's folder, because importing scikit-learn takes two seconds.
    """
    found = find_spec("sklearn")
    if found is None:
        raise UserError("mini-DocVQA draws the digits of scikit-learn: pip install 'o1lib[train]'")
    folder = Path(found.submodule_search_locations[0])
    rows = np.loadtxt(folder / "datasets" / "data" / "digits.csv.gz", delimiter=",", dtype=int)
    rows = rows[(np.arange(len(rows)) % 5 == 4) == held_out]
    return [rows[rows[:, 64] == digit, :64].reshape(-1, 8, 8) for digit in range(10)]


def scene(rng, hard):
    """Return a page of three items with prices 1 to 9 (four items with prices 10 to 39 if hard)."""
    count = 4 if hard else 3
    prices = rng.sample(range(10, 40), count) if hard else rng.sample(range(1, 10), count)
    return rng.choice(TITLES), tuple(zip(rng.sample(ITEMS, count), prices, strict=True))


def _line(entry):
    return f"{entry[0]} costs {entry[1]}"


def facts(page):
    """State the title and every price: 'title menu', 'tea costs 4'."""
    return f"title {page[0]}", *map(_line, page[1])


def paint(canvas, page, rng, held_out):
    """Print the title and the items, and paste a scan for every digit of a price."""
    title, entries = page
    pitch, side = (12, 11) if len(entries) > 3 else (16, 14)
    canvas.text(4, 1, title, "blue")
    canvas.line([(0, pitch - 1), (63, pitch - 1)])
    for number, (item, price) in enumerate(entries, 1):
        canvas.text(4, pitch * number + pitch // 8, item)
        for place, digit in enumerate(reversed(str(price))):
            stack = scans(held_out)[int(digit)]
            canvas.scan(62 - (place + 1) * side, pitch * number + 1, stack[rng.randrange(len(stack))], side)


def _price(page, rng):
    """Draw a price as likely on a page of this kind, for wrong answers."""
    return rng.randint(10, 39) if page[1][0][1] > 9 else rng.randint(1, 9)


def _kind(page, rng):
    return Asked(
        "What is the title of the page?",
        page[0],
        wrong(rng, page[0], TITLES),
        "Read the top line",
        (f"title {page[0]}",),
    )


def _read(page, rng):
    item, price = rng.choice(page[1])
    return Asked(
        f"What does {item} cost?",
        str(price),
        like(str(price), lambda: _price(page, rng)),
        f"Find {item} and read its number",
        (_line((item, price)),),
    )


def _wrong_items(page, rng, right):
    return wrong(rng, right, ITEMS, [item for item, _ in page[1]])


def _which(page, rng):
    item, price = rng.choice(page[1])
    return Asked(
        f"What costs {price}?",
        item,
        _wrong_items(page, rng, item),
        f"Look for the number {price}",
        (_line((item, price)),),
    )


def _total(page, rng):
    (one, first), (two, second) = rng.sample(page[1], 2)
    total = str(first + second)
    return Asked(
        f"What do {one} and {two} cost together?",
        total,
        like(total, lambda: sum(rng.sample(range(10, 40) if first > 9 else range(1, 10), 2))),
        "Read both prices and add them",
        (_line((one, first)), _line((two, second)), f"{first} + {second} = {total}"),
    )


def _dearest(page, rng):
    first, *rest = page[1]
    steps, best = [_line(first)], first
    for entry in rest:
        word = "more" if entry[1] > best[1] else "fewer"
        steps += [_line(entry), f"{entry[1]} is {word} than {best[1]}"]
        best = max(best, entry, key=lambda pair: pair[1])
    return Asked(
        "What costs most?", best[0], _wrong_items(page, rng, best[0]), "Compare the prices one by one", tuple(steps)
    )


def _change(page, rng):
    item, price = rng.choice(page[1])
    paid = rng.choice((40, 50)) if price > 9 else 10
    change = str(paid - price)
    return Asked(
        f"You pay {paid} for {item}. How much is left?",
        change,
        like(change, lambda: paid - _price(page, rng)),
        f"Take the price of {item} from {paid}",
        (_line((item, price)), f"{paid} is paid", f"{paid} - {price} = {change}"),
    )


FAMILY = Family(
    "mini-DocVQA",
    4.0,
    scene,
    facts,
    paint,
    {
        "title": Template("coarse perception", _kind),
        "price": Template("fine-grained perception", _read),
        "which": Template("instance reasoning", _which, also=("fine-grained perception",)),
        "total": Template("math", _total, withheld=True, also=("fine-grained perception",)),
        "dearest": Template("logical reasoning", _dearest, withheld=True, also=("math",)),
        "change": Template("math", _change, withheld=True),
    },
    paper=lambda page: "cream",
)

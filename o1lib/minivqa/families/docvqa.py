"""mini-DocVQA: a page with a printed title, printed words and handwritten prices.

The counterpart of DocVQA in Table 1 of LLaVA-o1 (arXiv:2411.10440). The digits are real: scikit-learn's copy of the UCI
handwritten digits (1,797 scans of 8 x 8 pixels; E. Alpaydin, C. Kaynak, 1998, https://archive.ics.uci.edu/dataset/80).
Scans number 4, 9, 14, ... (index % 5 == 4) are kept for devtest, hard and test pictures; the others serve base, train
and validation. Of both only the clearer half is drawn, because a model of a few million parameters misread one digit in
eight. A scene is (title, ((item, price), ...)); no item and no price occurs twice on a page.

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
from o1lib.minivqa.lengths import added
from o1lib.minivqa.words import CLASSES
from o1lib.records import UserError

TITLES, ITEMS = CLASSES["title"], CLASSES["item"]


@cache
def scans(held_out):
    """Return ten arrays of shape (n, 8, 8), values 0 to 16: the clear scans of each digit, held-out ones or the others.

    A scan is clear if its distance to the mean scan of its digit, divided by that to the nearest other mean, is in the
    lower half of its digit's. The file is read directly from the package's folder, because importing scikit-learn takes
    two seconds.
    """
    found = find_spec("sklearn")
    if found is None:
        raise UserError("mini-DocVQA draws the digits of scikit-learn: pip install 'o1lib[train]'")
    folder = Path(found.submodule_search_locations[0])
    rows = np.loadtxt(folder / "datasets" / "data" / "digits.csv.gz", delimiter=",", dtype=int)
    pixels, digits = rows[:, :64], rows[:, 64]
    kept, unclear = (np.arange(len(rows)) % 5 == 4) == held_out, _unclear(pixels, digits)
    return [
        pixels[kept & (digits == digit) & (unclear <= np.median(unclear[digits == digit]))].reshape(-1, 8, 8)
        for digit in range(10)
    ]


def _unclear(pixels, digits):
    """Return for each scan its distance to the mean of its digit divided by that to the nearest other mean."""
    means = np.stack([pixels[digits == digit].mean(0) for digit in range(10)])
    far = np.linalg.norm(pixels[:, None] - means, axis=2)
    own = far[np.arange(len(digits)), digits]
    far[np.arange(len(digits)), digits] = np.inf
    return own / far.min(1)


def scene(rng, hard):
    """Return a page of three items with prices 1 to 9 (10 to 39 if hard)."""
    prices = rng.sample(range(10, 40) if hard else range(1, 10), 3)
    return rng.choice(TITLES), tuple(zip(rng.sample(ITEMS, 3), prices, strict=True))


def _line(entry):
    return f"{entry[0]} costs {entry[1]}"


def facts(page):
    """State the title and every price: 'title menu', 'tea costs 4'."""
    return f"title {page[0]}", *map(_line, page[1])


def paint(canvas, page, rng, held_out):
    """Print the title and the items, and paste a scan for every digit of a price.

    A line is 16 pixels high and a digit's place 16 pixels wide, so that patches of 8 pixels cut all of them alike.
    """
    canvas.text(1, 2, page[0], "blue")
    canvas.line([(0, 15), (63, 15)])
    for number, (item, price) in enumerate(page[1], 1):
        canvas.text(1, 16 * number + 2, item)
        for place, digit in enumerate(reversed(str(price)), 1):
            stack = scans(held_out)[int(digit)]
            canvas.scan(65 - 16 * place, 16 * number + 1, stack[rng.randrange(len(stack))])


def _kind(page, rng):
    return Asked(
        "What is the title of the page?",
        page[0],
        wrong(rng, page[0], TITLES),
        "Read the top line",
        (f"title {page[0]}",),
        needed=(),
    )


def _read(page, rng):
    item, price = rng.choice(page[1])
    return Asked(
        f"What does {item} cost?",
        str(price),
        like(str(price), lambda: _prices(rng, (price,))[0]),
        f"Find {item} and read its number",
        (_line((item, price)),),
        needed=(_line((item, price)),),
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


def _some(page, rng, least):
    """Return the lines of some items, their names as words, and their prices."""
    chosen = rng.sample(page[1], rng.randint(least, len(page[1])))
    names, prices = zip(*chosen, strict=True)
    return tuple(map(_line, chosen)), " and ".join(names), prices


def _prices(rng, known):
    """Draw as many different prices as are known, as likely on a page of this kind, for wrong answers."""
    return rng.sample(range(10, 40) if known[0] > 9 else range(1, 10), len(known))


def _total(page, rng):
    read, words, prices = _some(page, rng, 2)
    total = str(sum(prices))
    return Asked(
        f"What do {words} cost together?",
        total,
        like(total, lambda: sum(_prices(rng, prices))),
        f"Read the prices of {words} and add them",
        (*read, *added(prices)),
        depth=len(prices),
        needed=read,
    )


def _dearest(page, rng):
    first, *rest = page[1]
    steps, best = [_line(first)], first
    for entry in rest:
        word = "more" if entry[1] > best[1] else "fewer"
        steps += [_line(entry), f"{entry[1]} is {word} than {best[1]}"]
        best = max(best, entry, key=lambda pair: pair[1])
    return Asked(
        "What costs most?",
        best[0],
        _wrong_items(page, rng, best[0]),
        f"Compare the prices of {', '.join(item for item, _ in page[1])}",
        tuple(steps),
        depth=2,
    )


def _change(page, rng):
    read, words, prices = _some(page, rng, 1)
    paid = rng.choice((40, 50) if prices[0] > 9 else (10,)) * len(prices)
    change = str(paid - sum(prices))
    return Asked(
        f"You pay {paid} for {words}. How much is left?",
        change,
        like(change, lambda: paid - sum(_prices(rng, prices))),
        f"Take the price of {words} from {paid}",
        (*read, *added(prices), f"{paid} is paid", f"{paid} - {sum(prices)} = {change}"),
        depth=1 + len(prices),
        needed=read,
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
        "total": Template("math", _total, withheld=True, also=("fine-grained perception",), depths=(2, 3)),
        "dearest": Template("logical reasoning", _dearest, withheld=True, also=("math",)),
        "change": Template("math", _change, withheld=True, depths=(2, 3, 4)),
    },
    paper=lambda page: "cream",
    gist=lambda page: 1,
)

"""easy-VQA as a data source: 5,000 real third-party pictures, with stages that a rule writes from the answers.

The package (PyPI `easy-vqa`, MIT, victorzhou.com/blog/easy-vqa) shows one colored shape per picture and asks about ten
short questions about it. It has no other annotation. The color and shape are therefore deduced: they are the pair under
which every recorded answer about the picture is right. Pictures with several such pairs are left out and counted.

    train, validation, test, counts = splits()
    train[0].stages["caption"]                       # "A blue rectangle."
"""

import functools
import itertools
import random
import re
from collections import defaultdict
from pathlib import Path

from o1lib.data.dataset import Item
from o1lib.data.splits import SourceOptions, Splits
from o1lib.records import UserError

COLORS = ("red", "green", "blue", "gray", "teal", "black", "yellow", "brown")
SHAPES = ("circle", "rectangle", "triangle")
NAME = "easy-VQA"
_PLANS = {
    "colour": "I will find the shape and name its color.",
    "shape": "I will find the shape and name it.",
    "presence": "I will name the shape and its color, then compare them with what is asked for.",
}


def load(options: SourceOptions) -> Splits:
    """Return the splits, cut to the sizes asked for. Raises UserError when the package is not installed."""
    train, validation, test, counts = splits()
    return Splits(train[: options.n_train], validation[: options.n_validation], test[: options.n_test], counts)


def splits() -> Splits:
    """Return all items: the package's own test set, and its training set, a tenth of whose pictures validate.

    Raises UserError when the package is not installed.
    """
    easy_vqa = _package()
    learn, left_train = _items("train", easy_vqa.get_train_questions(), easy_vqa.get_train_image_paths())
    test, left_test = _items("test", easy_vqa.get_test_questions(), easy_vqa.get_test_image_paths(), NAME)
    train = [item for item in learn if int(item.image.stem) % 10]
    validation = [item for item in learn if not int(item.image.stem) % 10]
    counts = {"train_questions_left_out": left_train, "test_questions_left_out": left_test}
    return Splits(train, validation, test, counts)


def few(n: int) -> list[Item]:
    """Return one question on each of n test pictures, the first n that can be deduced.

    It reads a part of the 48,000 questions only. Raises UserError when the package is not installed.
    """
    easy_vqa = _package()
    first = [one for one in zip(*easy_vqa.get_test_questions(), strict=True) if one[2] < 3 * n]
    items, _ = _items("test", list(zip(*first, strict=True)), easy_vqa.get_test_image_paths(), NAME)
    return sorted({item.image: item for item in items}.values(), key=lambda item: int(item.image.stem))[:n]


def _package():
    try:
        import easy_vqa
    except ImportError:
        raise UserError("source 'easy_vqa' needs the package easy-vqa: run `pip install easy-vqa`.") from None
    return easy_vqa


def kind(question: str) -> str:
    """Return what a question asks for: 'colour', 'shape' or 'presence'. Predictions record these words as templates."""
    words = question.split()
    return "colour" if "color" in words else "shape" if "what" in words else "presence"


def answer(question: str, color: str, shape: str) -> str | None:
    """Return the right answer for a picture of this shape, None if the question presupposes another one."""
    named = set(_named(question))
    if kind(question) != "presence":
        return {"colour": color, "shape": shape}[kind(question)] if named <= {color, shape} else None
    negated = bool(re.search(r"\b(?:no|not)\b", question))
    return "yes" if (named <= {color, shape}) != negated else "no"


def _named(question: str) -> list[str]:
    """Return the colors and shapes that a question names."""
    return [word for word in re.findall(r"\w+", question) if word in COLORS + SHAPES]


@functools.cache
def _fitting(question: str, given: str) -> frozenset[tuple[str, str]]:
    """Return the (color, shape) pairs under which `given` is the right answer."""
    pairs = itertools.product(COLORS, SHAPES)
    return frozenset(pair for pair in pairs if answer(question, *pair) == given)


def _items(split, questions, paths, test_set=""):
    """Return (items in a fixed shuffled order, number of questions left out)."""
    by_picture = defaultdict(list)
    for text, given, picture in zip(*questions, strict=True):
        by_picture[picture].append((text, given))
    items = []
    for picture, pairs in sorted(by_picture.items()):
        fits = frozenset.intersection(*(_fitting(text, given) for text, given in pairs))
        if len(fits) == 1:
            (color, shape), image = *fits, Path(paths[picture])
            items += [
                _item(f"{NAME}/{split}/{picture}-{k}", text, given, color, shape, image, test_set)
                for k, (text, given) in enumerate(pairs)
            ]
    random.Random(split).shuffle(items)
    return items, len(questions[0]) - len(items)


def _item(qid, question, given, color, shape, image, test_set):
    fact = f"a {color} {shape}"
    steps = (*_steps(question, color, shape), f"so the answer is {given}")
    absent = [f"there is no {other}" for other in SHAPES if other != shape]
    absent += [f"there is no {other} shape" for other in COLORS if other != color]
    stages = {
        "summary": _PLANS[kind(question)],
        "caption": f"{fact.capitalize()}.",
        "reasoning": f"{'. '.join(step.capitalize() for step in steps)}.",
        "conclusion": given,
    }
    return Item(
        qid,
        NAME,
        question,
        given,
        stages,
        image,
        template=kind(question),
        skill="fine-grained perception",
        bare=question,
        facts=(fact,),
        true=frozenset((*absent, *steps)),
        steps=steps,
        test_set=test_set,
    )


def _steps(question, color, shape):
    if kind(question) == "colour":
        return (f"the {shape} is {color}",)
    if kind(question) == "shape":
        return (f"the {color} shape is a {shape}",)
    (named,) = _named(question)
    wanted = named if named in SHAPES else f"{named} shape"
    present = named in (color, shape)
    return f"the shape is a {color} {shape}", f"there is {'a' if present else 'no'} {wanted}"

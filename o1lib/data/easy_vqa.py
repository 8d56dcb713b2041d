"""easy-VQA: 5,000 real third-party pictures with questions, and stages written by a rule from the package's answers.

The package (PyPI `easy-vqa`, MIT, victorzhou.com/blog/easy-vqa) shows one coloured shape a picture, about ten short
questions each, and says nothing else about a picture. What it shows is deduced: the colour and shape under which every
recorded answer of that picture is right. Pictures for which several pairs would do are left out and counted.

    train, validation, test, counts = splits()
    train[0].stages["caption"]                       "A blue rectangle."
"""

import functools
import itertools
import random
import re
from collections import defaultdict
from pathlib import Path

from o1lib.data.dataset import Item
from o1lib.records import UserError

COLOURS = ("red", "green", "blue", "gray", "teal", "black", "yellow", "brown")
SHAPES = ("circle", "rectangle", "triangle")
NAME = "easy-VQA"
_PLANS = {
    "colour": "I will find the shape and name its color.",
    "shape": "I will find the shape and name it.",
    "presence": "I will name the shape and its color, then compare them with what is asked for.",
}


def splits() -> tuple[list[Item], list[Item], list[Item], dict[str, int]]:
    """Return (train, validation, test, counts): the package's own test set; a tenth of its training pictures validate.

    Raises UserError when the package is not installed.
    """
    easy_vqa = _package()
    learn, left_train = _items("train", easy_vqa.get_train_questions(), easy_vqa.get_train_image_paths())
    test, left_test = _items("test", easy_vqa.get_test_questions(), easy_vqa.get_test_image_paths(), NAME)
    train = [item for item in learn if int(item.image.stem) % 10]
    validation = [item for item in learn if not int(item.image.stem) % 10]
    return train, validation, test, {"train_questions_left_out": left_train, "test_questions_left_out": left_test}


def few(n: int) -> list[Item]:
    """Return one question on each of n test pictures, the first that can be deduced, without reading all 48,000.

    Raises UserError when the package is not installed.
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
    """Return what a question asks for: 'colour', 'shape' or 'presence'."""
    words = question.split()
    return "colour" if "color" in words else "shape" if "what" in words else "presence"


def answer(question: str, colour: str, shape: str) -> str | None:
    """Return the right answer for a picture of this shape, None where the question names another one."""
    named = set(_asked(question))
    if kind(question) != "presence":
        return {"colour": colour, "shape": shape}[kind(question)] if named <= {colour, shape} else None
    negated = bool(re.search(r"\b(?:no|not)\b", question))
    return "yes" if (named <= {colour, shape}) != negated else "no"


def _asked(question):
    """Return the colours and shapes that a question names."""
    return [word for word in re.findall(r"\w+", question) if word in COLOURS + SHAPES]


@functools.cache
def _fitting(question, said):
    """Return the (colour, shape) pairs under which `said` is the right answer."""
    pairs = itertools.product(COLOURS, SHAPES)
    return frozenset(pair for pair in pairs if answer(question, *pair) == said)


def _items(split, questions, paths, test_set=""):
    """Return (items in a fixed shuffled order, number of questions left out)."""
    by_picture = defaultdict(list)
    for text, said, picture in zip(*questions, strict=True):
        by_picture[picture].append((text, said))
    items = []
    for picture, asked in sorted(by_picture.items()):
        fits = frozenset.intersection(*(_fitting(text, said) for text, said in asked))
        if len(fits) == 1:
            (colour, shape), image = *fits, Path(paths[picture])
            items += [
                _item(f"{NAME}/{split}/{picture}-{k}", text, said, colour, shape, image, test_set)
                for k, (text, said) in enumerate(asked)
            ]
    random.Random(split).shuffle(items)
    return items, len(questions[0]) - len(items)


def _item(qid, question, said, colour, shape, image, test_set):
    fact = f"a {colour} {shape}"
    steps = (*_steps(question, colour, shape), f"so the answer is {said}")
    absent = [f"there is no {other}" for other in SHAPES if other != shape]
    absent += [f"there is no {other} shape" for other in COLOURS if other != colour]
    stages = {
        "summary": _PLANS[kind(question)],
        "caption": f"{fact.capitalize()}.",
        "reasoning": f"{'. '.join(step.capitalize() for step in steps)}.",
        "conclusion": said,
    }
    return Item(
        qid,
        NAME,
        question,
        said,
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


def _steps(question, colour, shape):
    if kind(question) == "colour":
        return (f"the {shape} is {colour}",)
    if kind(question) == "shape":
        return (f"the {colour} shape is a {shape}",)
    (named,) = _asked(question)
    wanted = named if named in SHAPES else f"{named} shape"
    there = named in (colour, shape)
    return f"the shape is a {colour} {shape}", f"there is {'a' if there else 'no'} {wanted}"

"""What the best fixed policy scores that never looks at a picture: the chance level of a set of questions.

    chance = best_policy(mixture("train", 20_000))
    chance(items)               # 0.31

A policy is counted on training items. Its expected accuracy on the questions is exact, without drawing answers.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from o1lib.scoring.equality import LETTERS, YES_NO, same

Chance = Callable[[Sequence], float]


def best_policy(training: Iterable) -> Chance:
    """Return the chance level as a function of questions: the largest expected accuracy of a fixed policy.

    The policies are a guess among the options, the commonest letter, the commonest answer of the same template, form
    and depth, always yes, and always no. A policy that gives no option of a question guesses among the options. Yes and
    no are guessed where they are the answers; other open questions cannot be guessed.
    """
    letters, answers = defaultdict(Counter), defaultdict(Counter)
    for item in training:
        if item.options:
            letters[_place(item)][item.answer] += 1
        answers[_place(item)][_text(item)] += 1
    letter, answer = _commonest(letters), _commonest(answers)
    policies = (
        lambda item: (),
        lambda item: ("letter", letter.get(_place(item), "")),
        lambda item: ("text", answer.get(_place(item), "")),
        lambda item: ("text", "yes"),
        lambda item: ("text", "no"),
    )
    return lambda items: max(_accuracy(policy, items) for policy in policies) if items else 0.0


def _commonest(counted):
    return {place: found.most_common(1)[0][0] for place, found in counted.items()}


def _accuracy(policy, items):
    return sum(_expected(item, *policy(item)) for item in items) / len(items)


def _expected(item, kind="", given=""):
    """Return the probability that a policy is right that gives this letter or text, or a guess where it cannot."""
    if kind == "letter" and given and given in LETTERS[: len(item.options)]:
        return float(given == item.answer)
    if kind == "text" and item.options and given in item.options:
        return float(given == _text(item))
    if item.options:
        return 1 / len(item.options)
    return float(same(given, item.answer)) if kind == "text" and given else 0.5 * (item.answer in YES_NO)


def _place(item):
    """Return template, form and depth, within which a policy always does the same."""
    return item.template, len(item.options), not item.options and item.answer in YES_NO, getattr(item, "depth", 0)


def _text(item):
    return item.options[LETTERS.index(item.answer)] if item.options else item.answer

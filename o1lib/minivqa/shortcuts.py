"""Check that no question of Mini-VQA can be answered without looking, by what its words or its caption's length tell.

A cell is a template in one form: multiple choice or open. The tasks of mini-Depth have templates of their own. They
are asked in three forms, since theirs are open with and without yes or no, and each cell holds all depths of training.

In each cell two classifiers are fitted to n items and guess the answers of n others: `text` knows the question and the
options, `length` the number of words in the caption and the number of options. A cell leans if a classifier is right
more often than chance, by an exact binomial test and Holm's correction over all cells and both classifiers.

Chance is one over the number of options. For an open question it is the share of the commonest answer, and at least a
quarter if the answer is a number, since the numbers in a question narrow down its answer ("add 5" gives 5 or more). A
name of several words, such as "top left", counts as one in the caption's length, for else the length would be that of
the answer.

Example:
    rows = table(n=400, families=("mini-PISC",))     # rows of {family, template, form, classifier, accuracy, ...}
    [row for row in rows if row["leans"]]            # []
    fingerprint("mini-PISC", "what_if", "open")      # "5d1c..." as long as the cell's drawings stay the same
"""

import hashlib
import re
from collections import Counter
from itertools import combinations, product
from operator import itemgetter

import numpy as np

from o1lib.formats import answer_forms
from o1lib.formats.answer_forms import CHOICE, OPEN, YES_OR_NO
from o1lib.minivqa.depth import questions as depth
from o1lib.minivqa.draw import FAMILIES, LETTERS, draw, seeds
from o1lib.minivqa.words import CLASSES
from o1lib.records import atomic_file, choose
from o1lib.records.progress import progress_bar

# Names of several words, longer ones first: "bottom left" before "bottom".
_LONG = re.compile("|".join(sorted((w for some in CLASSES.values() for w in some if " " in w), key=len, reverse=True)))
NUMBER, WORD = "number", "word"  # kinds of open answers
FORMS = (CHOICE, YES_OR_NO, NUMBER, WORD)
CLASSIFIERS = ("text", "length")
EVERY = (*FAMILIES, depth.NAME)


def form_of(example):
    """Return the form of an example's answer, one of FORMS."""
    return CHOICE if example.options else form_of_text(example.answer)


def form_of_text(answer):
    """Return the form of an answer that is given as text: "yes_no", "number" or "word"."""
    form = answer_forms.form_of((), answer)
    return form if form != OPEN else NUMBER if answer.isdigit() else WORD


def table(n=400, families=EVERY, split="train"):
    """Return the rows of all cells of the families (see `cell`), with `p_holm` and `leans` added: p_holm < 0.05.

    Raises UserError for an unknown family.
    """
    from statsmodels.stats.multitest import multipletests

    named = list(cells(families))
    rows = [row for one in progress_bar(named, desc="guessing", unit=" cells", delay=2) for row in cell(*one, n, split)]
    leans, adjusted, *_ = multipletests([row["p"] for row in rows], method="holm")
    return [row | {"p_holm": float(p), "leans": bool(lean)} for row, p, lean in zip(rows, adjusted, leans, strict=True)]


def cells(families=EVERY):
    """Yield (family, template, asked) for every cell; `asked` is "choice" or "open", in mini-Depth also "yes_no"."""
    for family in families:
        if choose(family, EVERY, "family") == depth.NAME:
            yield from ((family, *one) for one in product(depth.TASKS, answer_forms.FORMS))
            continue
        for (name, template), asked in product(FAMILIES[family].templates.items(), (CHOICE, OPEN)):
            if template.choice in (None, asked == CHOICE):
                yield family, name, asked


def cell(family, template, asked, n=400, split="train"):
    """Return one row for each classifier, fitted to n items of the split and scored on n others.

    A row is {family, template, form, classifier, n, accuracy, low, chance, p}: `low` is the lower end of the 95 %
    Clopper-Pearson interval, `p` that of a one-sided binomial test against chance. `asked` is as in `cells`.
    """
    from scipy.stats import binomtest

    drawn = _drawn(family, template, asked, seeds(split, 2 * n))
    known, items = drawn[:n], drawn[n:]
    form, chance = Counter(map(form_of, items)).most_common(1)[0][0], chance_of(items)
    rows = []
    for classifier in CLASSIFIERS:
        hits = guessed(known, items, classifier)
        row = {"family": family, "template": template, "form": form, "classifier": classifier, "n": n}
        row |= {"accuracy": hits / n, "low": float(binomtest(hits, n).proportion_ci().low), "chance": chance}
        rows.append(row | {"p": float(binomtest(hits, n, chance, alternative="greater").pvalue)})
    return rows


def _drawn(family, template, asked, numbers):
    """Return the examples of a cell with these seeds."""
    if family == depth.NAME:
        return [depth.draw(template, seed, form=asked) for seed in numbers]
    return [draw(family, seed, template=template, choice=asked == CHOICE) for seed in numbers]


def fingerprint(family, template, asked, n=8):
    """Return a hash of the words of a cell's first n training items, which tells whether its table is out of date."""
    words = [
        (item.bare, item.options, item.answer, item.stages["caption"], item.facts)
        for item in _drawn(family, template, asked, seeds("train", n))
    ]
    return hashlib.sha256(repr(words).encode()).hexdigest()[:12]


def save(rows, path):
    """Write the rows of all cells as CSV, with the cell's fingerprint in the column `drawings`."""
    import pandas as pd

    prints = [fingerprint(*one) for one in cells(dict.fromkeys(row["family"] for row in rows)) for _ in CLASSIFIERS]
    with atomic_file(path) as part:
        pd.DataFrame(rows).assign(drawings=prints).round(4).to_csv(part, index=False)


def report(rows):
    """Return the rows of a table as text, leanest cells last, and a line that counts them."""
    lines = ["  family            template       form    sees    right    low  chance  p (Holm)"]
    for row in sorted(rows, key=lambda row: (row["leans"], -row["p"])):
        name = f"{row['family']:<17} {row['template']:<14} {row['form']:<7} {row['classifier']:<7}"
        lines.append(
            f"{'*' if row['leans'] else ' '} {name} {row['accuracy']:.3f}  {row['low']:.3f}   {row['chance']:.3f}  "
            f"{row['p_holm']:.3f}"
        )
    leaning = sum(row["leans"] for row in rows)
    return "\n".join([*lines, f"{leaning} of {len(rows)} cells lean (*), {rows[0]['n']} items each"])


def text_of(example):
    """Return the text of the right answer."""
    return example.options[LETTERS.index(example.answer)] if example.options else example.answer


def chance_of(items):
    """Return the chance level of a cell's items (see above)."""
    if items[0].options:
        return sum(1 / len(item.options) for item in items) / len(items)
    commonest = Counter(item.answer for item in items).most_common(1)[0][1] / len(items)
    return max(commonest, 0.25 if form_of(items[0]) == NUMBER else 0)


def guessed(known, items, classifier):
    """Return how many items a classifier answers right that was fitted to the `known` ones.

    It is a logistic regression that says how well an answer suits a question. It chooses among the options, or among
    all answers of the known items if the question is open.
    """
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.linear_model import LogisticRegression

    answers = sorted({text_of(item) for item in known})
    both = [*known, *items]
    clues = _text_clues(both) if classifier == "text" else [_length_clues(item) for item in both]
    pairs = [(k, answer) for k, item in enumerate(both) for answer in item.options or answers]
    features = (_features(clues[k], answer, both[k].options or answers) for k, answer in pairs)
    seen = FeatureHasher(2**14, input_type="string").transform(features)
    right = np.array([answer == text_of(both[k]) for k, answer in pairs])
    first = sum(k < len(known) for k, _ in pairs)
    model = LogisticRegression(C=0.3, solver="liblinear").fit(seen[:first], right[:first])
    best = {}  # item: (score, whether the answer is right) of the answer with the highest score
    for (k, _), *scored in zip(pairs[first:], model.decision_function(seen[first:]), right[first:], strict=True):
        best[k] = max(best.get(k, scored), scored, key=itemgetter(0))
    return sum(bool(hit) for _, hit in best.values())


def _features(clues, answer, offered):
    """Return what a classifier sees of one answer: itself, its place among the others, and it with every clue."""
    numbers = sorted(int(text) for text in offered if text.isdigit())
    rank = f"rank {numbers.index(int(answer))}" if answer.isdigit() and len(numbers) == len(offered) < 5 else "rank -"
    return [f"is {answer}", rank, *(f"{what} & {clue}" for clue in clues for what in (answer, rank))]


def _text_clues(items):
    """Return the words of each question and pairs of those words that not all questions of the cell have."""
    words = [sorted(set(item.bare.rstrip("?.").replace(",", "").split())) for item in items]
    common = {word for word, n in Counter(word for some in words for word in some).items() if n == len(items)}
    varying = [[word for word in some if word not in common] for some in words]
    return [
        [*some, *(f"{a}+{b}" for a, b in combinations(some, 2)), *(f"next to {o}" for o in item.options)]
        for some, item in zip(varying, items, strict=True)
    ]


def _length_clues(item):
    """Return the numbers of options and of words of the caption and the full description."""
    lengths = [len(_LONG.sub("name", text).split()) for text in (item.stages["caption"], item.description)]
    return [f"{len(item.options)} options", *(f"{what} {n} words" for what, n in zip(("caption", "all"), lengths))]

"""Mini-VQA as a data source: training and validation mixtures, and all test sets of one test split.

splits = load(SourceOptions(n_train=1000, n_validation=100, n_test=50))
"""

import itertools
from collections.abc import Iterator

from o1lib.data.splits import SourceOptions, Splits, set_sizes
from o1lib.minivqa import depth
from o1lib.minivqa.draw import Example
from o1lib.minivqa.testsets import TEST_SETS, test_set


def load(options: SourceOptions) -> Splits:
    """Return the splits; examples are drawn while they are iterated. Raises UserError for an unknown test split.

    A share `depth.SHARE` of the training and validation items is mini-Depth's; the rest has Table 1's proportions.
    """
    train = training(options.n_train)
    validation = depth.mixture("validation", options.n_validation)
    return Splits(train, validation, test_examples(options), {})


def training(n: int, start: int = 0) -> Iterator[Example]:
    """Yield `n` training examples from index `start` on; the example of an index is always the same."""
    return depth.mixture("train", n, start)


def test_examples(options: SourceOptions) -> Iterator[Example]:
    """Return an iterator over all test sets, each of the size that the options give it.

    Raises UserError for an unknown test split, and for sizes in another form than those of `set_sizes`.
    """
    sizes = set_sizes(options.n_test, options.n_test_by_set, TEST_SETS)
    # Without this call an unknown split would be noticed only after the other splits have been written.
    test_set(TEST_SETS[0], 1, options.test_split)
    sets = (test_set(name, n, options.test_split) for name, n in sizes.items())
    return itertools.chain.from_iterable(sets)

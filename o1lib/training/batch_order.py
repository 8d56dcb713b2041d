"""Which example is learned when: phases as sequences, made when asked for, the same after an interruption.

phase = Lazy(items, make)                       # the k-th example is made when it is asked for
laid = lay_out([phase], batch=48, seed=0)       # sorted by length inside windows; or reshuffled every epoch
dataset(laid, batch=48, ranks=1)                # what the trainer walks through, first to last
"""

import random
from collections.abc import Callable, Sequence

WINDOW = 16  # batches among which examples are sorted by length


class Lazy(Sequence):
    """A sequence whose k-th example, {"messages", "images"}, is made by `make(keys[k])` when it is asked for."""

    def __init__(self, keys: Sequence, make: Callable):
        self.keys, self.make = keys, make

    def __len__(self):
        return len(self.keys)

    def __getitem__(self, index):
        return self.make(self.keys[index])


class Grouped(Sequence):
    """The same examples, sorted by length inside windows of 16 batches, so that a batch holds little padding.

    Batches of a window come in an order drawn from `seed`. A window is made as a whole when its first example is asked
    for, so any position can be had without those before it: a resumed run sees what an uninterrupted one sees.
    """

    def __init__(self, examples: Sequence, batch: int, seed: int | str):
        self.examples, self.batch, self.seed = examples, batch, seed
        self.size, self.number, self.window = WINDOW * batch, None, []

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        number, offset = divmod(index, self.size)
        if number != self.number:
            self.number, self.window = number, self._make(number)
        return self.window[offset]

    def _make(self, number):
        first = number * self.size
        made = [self.examples[k] for k in range(first, min(first + self.size, len(self)))]
        made.sort(key=_characters)
        batches = [made[k : k + self.batch] for k in range(0, len(made), self.batch)]
        rest = [batches.pop()] if len(batches[-1]) < self.batch else []
        random.Random(f"{self.seed}/{number}").shuffle(batches)
        return [example for batch in batches + rest for example in batch]


def lay_out(
    phases: Sequence[Sequence], batch: int, seed: int, epochs: int = 1, by_length: bool = True
) -> list[Sequence]:
    """Return the phases that are not empty, each `epochs` times, in the order in which they are learned.

    A phase comes in the given order in its first epoch and is shuffled anew for each later one. `by_length` groups.
    """
    laid = []
    for phase in (phase for phase in phases if len(phase)):
        for epoch in range(epochs):
            key = f"{seed}/{epoch}" if epoch else seed
            order = random.Random(f"epoch/{key}").sample(range(len(phase)), len(phase))
            again = Lazy(order, phase.__getitem__) if epoch else phase
            laid.append(Grouped(again, batch, key) if by_length else again)
    return laid


def dataset(phases: Sequence[Sequence], batch: int, ranks: int):
    """Return the phases, one after the other, as a datasets.Dataset of {"messages", "images"}.

    Where several processes share a batch, copies of the last example fill up the last one, marked by "padding": the
    collator hides their words, so that they weigh nothing and the loss is that of one process.
    """
    from datasets import Dataset

    lookup = _Lookup(phases, batch if ranks > 1 else 1)
    return Dataset.from_dict({"position": range(len(lookup.places))}).with_transform(lookup)


class _Lookup:
    """Positions to examples for datasets.Dataset.with_transform."""

    def __init__(self, phases, multiple):
        self.places = [(phase, k) for phase in phases for k in range(len(phase))]
        self.total = len(self.places)
        self.places += self.places[-1:] * (-self.total % multiple)

    def __call__(self, rows):
        examples = [self.places[k][0][self.places[k][1]] for k in rows["position"]]
        made = {name: [example[name] for example in examples] for name in ("messages", "images")}
        return made | {"padding": [k >= self.total for k in rows["position"]]}

    def __reduce__(self):  # datasets names the transformed set by a pickle: pictures need not be in it
        return _Lookup, ((), 1)


def _characters(example) -> int:
    parts = (part for message in example["messages"] for part in message["content"])
    return sum(len(part) if isinstance(part, str) else len(part.get("text", "")) for part in parts)

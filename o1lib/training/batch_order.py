"""The order of training examples: phases as lazy sequences whose order is the same after a resume.

phase = Lazy(items, make)                       # example k is built by make(items[k]) on access
laid = lay_out([phase], batch=48, seed=0, length=token_length(processor))     # grouped by length inside windows
dataset(laid, batch=48, ranks=1)                # the datasets.Dataset that the trainer reads from first to last
"""

import random
from collections.abc import Callable, Sequence

WINDOW = 16  # batches among which examples are sorted by length


class Lazy(Sequence):
    """A sequence that builds example k, {"messages", "images"} and maybe "sorted_by", as `make(keys[k])` on access."""

    def __init__(self, keys: Sequence, make: Callable):
        self.keys, self.make = keys, make

    def __len__(self):
        return len(self.keys)

    def __getitem__(self, index):
        return self.make(self.keys[index])


class Grouped(Sequence):
    """The same examples, sorted by length inside windows of 16 batches, so that a batch holds little padding.

    `length(example)` is the length of an example (`token_length`). The batches of a window are shuffled with `seed`. A
    window is built as a whole when one of its examples is accessed, and it does not depend on the windows before it. So
    a resumed run sees the same order as an uninterrupted one.
    """

    def __init__(self, examples: Sequence, batch: int, seed: int | str, length: Callable):
        self.examples, self.batch, self.seed, self.length = examples, batch, seed, length
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
        made.sort(key=self.length)
        batches = [made[k : k + self.batch] for k in range(0, len(made), self.batch)]
        rest = [batches.pop()] if len(batches[-1]) < self.batch else []
        random.Random(f"{self.seed}/{number}").shuffle(batches)
        return [example for batch in batches + rest for example in batch]


def lay_out(
    phases: Sequence[Sequence], batch: int, seed: int, epochs: int = 1, length: Callable | None = None
) -> list[Sequence]:
    """Return the non-empty phases, each `epochs` times, in the order in which they are learned.

    The first epoch of a phase keeps the given order; each later epoch is shuffled with its own seed. With `length`,
    examples of similar length are grouped (see `Grouped`).
    """
    laid = []
    for phase in (phase for phase in phases if len(phase)):
        for epoch in range(epochs):
            key = f"{seed}/{epoch}" if epoch else seed
            order = random.Random(f"epoch/{key}").sample(range(len(phase)), len(phase))
            again = Lazy(order, phase.__getitem__) if epoch else phase
            laid.append(Grouped(again, batch, key, length) if length else again)
    return laid


def dataset(phases: Sequence[Sequence], batch: int, ranks: int):
    """Return the phases, one after the other, as a datasets.Dataset of {"messages", "images", "padding"}.

    When several processes (`ranks`) share a batch, copies of the last example fill up the last batch. They are marked
    by "padding", and the collator masks all their tokens. So the loss equals that of one process.
    """
    from datasets import Dataset

    lookup = _Lookup(phases, batch if ranks > 1 else 1)
    return Dataset.from_dict({"position": range(len(lookup.places))}).with_transform(lookup)


class _Lookup:
    """The transform from positions to examples for datasets.Dataset.with_transform."""

    def __init__(self, phases, multiple):
        self.places = [(phase, k) for phase in phases for k in range(len(phase))]
        self.total = len(self.places)
        self.places += self.places[-1:] * (-self.total % multiple)

    def __call__(self, rows):
        examples = [self.places[k][0][self.places[k][1]] for k in rows["position"]]
        made = {name: [example[name] for example in examples] for name in ("messages", "images")}
        return made | {"padding": [k >= self.total for k in rows["position"]]}

    def __reduce__(self):  # datasets computes a fingerprint from the pickle, which should not hold all pictures
        return _Lookup, ((), 1)


def token_length(processor) -> Callable[[dict], int]:
    """Return the function for the length of an example in tokens: of its text "sorted_by" if it has one, else its chat.

    Arms of all formats give the text of the item (`item_text`), so that they learn the same items in the same order.
    Characters say too little: an invented word has more tokens than a known word of as many letters.
    """

    def length(example):
        text = example.get("sorted_by") or processor.apply_chat_template(example["messages"], tokenize=False)
        return len(processor.tokenizer(text, add_special_tokens=False)["input_ids"])

    return length


def item_text(item) -> str:
    """Return the text by which an item is sorted, the same in every format: its question and all of its stages."""
    return "\n".join([item.question, *item.stages.values()])

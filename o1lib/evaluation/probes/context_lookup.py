"""Context lookup: can a model find a word in its own context, as a staged answer requires?

Options are listed as in a question: "A. cup B. dark". *Forward* asks for the word after a letter ("B is": dark).
*Backward* asks for the letter of a word ("so the answer is dark, which is": B), as Mini-VQA's chains end. Words and
letters are random, so only the context determines the answer. The chance level is 1 / number of options.

    lookups(prefers(model, processor), words(processor), 400)["backward, 4 options"]     # {"value": 0.26, ...}

    python -m o1lib probe-lookup results/checkpoints/mini-structured
"""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence

from o1lib.minivqa import FAMILIES, draw, seeds
from o1lib.scoring.intervals import share

LETTERS = "ABCD"
DRAWINGS = 40  # of each family, whose words are used
Prefer = Callable[[str, str, Sequence[str]], int]


def words(processor) -> list[str]:
    """Return the words of Mini-VQA's options and captions that are one token each, without single letters."""
    examples = [draw(family, seed) for family in FAMILIES for seed in seeds("validation", DRAWINGS)]
    texts = [text for example in examples for text in (example.stages["caption"], *example.options)]
    found = {word.strip(".,?") for text in texts for word in text.split()} - {""}
    return sorted(word for word in found if len(word) > 1 and len(_ids(processor, f" {word}")) == 1)


def asked(rng: random.Random, known: Sequence[str]) -> tuple[str, dict[str, tuple[str, list[str], int]]]:
    """Return (listed options, {direction: (prefix of the answer, candidates, index of the right one)})."""
    options = rng.sample(known, rng.randint(2, len(LETTERS)))
    letters, right = list(LETTERS[: len(options)]), rng.randrange(len(options))
    listed = " ".join(f"{letter}. {option}" for letter, option in zip(letters, options, strict=True))
    return listed, {
        "forward": (f"{letters[right]} is", options, right),
        "backward": (f"so the answer is {options[right]}, which is", letters, right),
    }


def lookups(prefer: Prefer, known: Sequence[str], n: int, seed: int = 0) -> dict[str, dict]:
    """Return {"<direction>, <k> options": {value, n, low, high}} over n random lists, with Wilson's 95 % intervals.

    `prefer(user, prefix, candidates)` returns the index of the likeliest candidate. `known` is the list of words.
    """
    hits, rng = defaultdict(list), random.Random(f"lookup/{seed}")
    for _ in range(n):
        listed, directions = asked(rng, known)
        for direction, (prefix, candidates, right) in directions.items():
            hits[f"{direction}, {len(candidates)} options"].append(prefer(listed, prefix, candidates) == right)
    return {name: share(hits[name]) for name in sorted(hits)}


def prefers(model, processor) -> Prefer:
    """Return the `prefer` of `lookups` for a model. It compares the candidates' first tokens, without a picture."""
    import torch

    from o1lib.models.presets import encode

    def prefer(user: str, prefix: str, candidates: Sequence[str]) -> int:
        """Return the number of the candidate whose first token is likeliest after `prefix`."""
        inputs = encode(processor, [(None, user)], prefix).to(model.device)
        with torch.inference_mode():
            logits = model(**inputs).logits[0, -1]
        return int(logits[[_ids(processor, f" {candidate}")[0] for candidate in candidates]].argmax())

    return prefer


def _ids(processor, text: str) -> list[int]:
    return processor.tokenizer.encode(text, add_special_tokens=False)

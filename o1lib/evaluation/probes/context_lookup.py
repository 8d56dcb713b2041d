"""Can a model find a word again in its own context? What a staged answer rests on, and no lesson of the base asks for.

Options are listed as in a question: "A. cup B. dark". *Forward* asks what follows a letter ("B is": dark), *backward*
what stands before an option ("so the answer is dark, which is": B), as Mini-VQA's chains end. Words and letters are drawn,
so nothing but the text can tell; a model that does not look is right once in as many as there are options.

    lookups(prefers(model, processor), words(processor), 400)["backward, 4 options"]     # {"value": 0.26, ...}
    python -m o1lib.evaluation.probes.context_lookup results/checkpoints/mini-structured
"""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence

from o1lib.minivqa import FAMILIES, draw, seeds
from o1lib.scoring.intervals import share

LETTERS, DRAWINGS = "ABCD", 40  # drawings a family whose words are taken
Prefer = Callable[[str, str, Sequence[str]], int]


def words(processor) -> list[str]:
    """Return the words of Mini-VQA's options and captions that are one token each, letters left out."""
    examples = [draw(family, seed) for family in FAMILIES for seed in seeds("validation", DRAWINGS)]
    texts = [text for example in examples for text in (example.stages["caption"], *example.options)]
    found = {word.strip(".,?") for text in texts for word in text.split()} - {""}
    return sorted(word for word in found if len(word) > 1 and len(_ids(processor, f" {word}")) == 1)


def asked(rng: random.Random, known: Sequence[str]) -> tuple[str, dict[str, tuple[str, list[str], int]]]:
    """Return (options as a user lists them, {direction: (begun answer, candidates, number of the right one)})."""
    options = rng.sample(known, rng.randint(2, len(LETTERS)))
    letters, right = list(LETTERS[: len(options)]), rng.randrange(len(options))
    listed = " ".join(f"{letter}. {option}" for letter, option in zip(letters, options, strict=True))
    return listed, {
        "forward": (f"{letters[right]} is", options, right),
        "backward": (f"so the answer is {options[right]}, which is", letters, right),
    }


def lookups(prefer: Prefer, known: Sequence[str], n: int, seed: int = 0) -> dict[str, dict]:
    """Return {"<direction>, <k> options": {value, n, low, high}} over n drawn lists, intervals Wilson's.

    `prefer(user, begun, candidates)` says which candidate goes on best, by its number.
    """
    hits, rng = defaultdict(list), random.Random(f"lookup/{seed}")
    for _ in range(n):
        listed, directions = asked(rng, known)
        for direction, (begun, candidates, right) in directions.items():
            hits[f"{direction}, {len(candidates)} options"].append(prefer(listed, begun, candidates) == right)
    return {name: share(hits[name]) for name in sorted(hits)}


def prefers(model, processor) -> Prefer:
    """Return what asks a model, without a picture: the likeliest first token among those of the candidates."""
    import torch

    from o1lib.models.presets import encode

    def prefer(user: str, begun: str, candidates: Sequence[str]) -> int:
        inputs = encode(processor, [(None, user)], begun).to(model.device)
        with torch.inference_mode():
            logits = model(**inputs).logits[0, -1]
        return int(logits[[_ids(processor, f" {candidate}")[0] for candidate in candidates]].argmax())

    return prefer


def _ids(processor, text: str) -> list[int]:
    return processor.tokenizer.encode(text, add_special_tokens=False)

"""Random streams that depend on their names alone, so that a draw repeats no matter what else is drawn.

keyed_rng(0, "q1", "caption", 2).random()        # candidate 2 of the caption of q1, at seed 0
"""

import hashlib

import numpy as np


def keyed_rng(*key) -> np.random.Generator:
    """Return a random stream that depends on `key` alone: Philox, seeded by the blake2b hash of the key."""
    digest = hashlib.blake2b("\x1f".join(map(str, key)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest, dtype=np.uint64)))

"""Where the time of a search goes, and what bfloat16 would change: further parts of bench_search.py.

Further(trained).profile()["profile"]               # {"matrix products": 0.31, "attention": 0.18, ...}
"""

import cProfile
import pstats
import time

import numpy as np
import torch
from search_parts import TOKENS, searched

from o1lib.inference.decoder import Decoder
from o1lib.inference.kv_cache import BatchedCache
from o1lib.inference.lean_mllama import step_of
from o1lib.search.types import GenerationRequest

REPEATS = 3  # of each side of a comparison, by turns
# {part: functions whose own time, or with "*" whose whole time, belongs to it}
PARTS = {
    "pictures and prompts": ["*encode"],
    "matrix products": ["<built-in method torch._C._nn.linear>"],
    "attention": ["<built-in method torch._C._nn.scaled_dot_product_attention>"],
    "drawing tokens": ["*nucleus_sample"],
    "moving rows": ["*change", "*take", "*_make_room"],
    "candidates' bookkeeping": ["*push", "*uniform"],
}


class Further:
    """Measurements on the model and the questions of a `Trained`."""

    def __init__(self, trained):
        self.trained, self.model, self.processor = trained, trained.model, trained.processor

    def step(self) -> dict:
        """Return which step decodes, the seconds to set it up, and the tokens read for each token generated."""
        decoder, read, rows = self._decoder(), BatchedCache.read, []

        def counted(batch, tokens, *args, **how):
            if max(map(len, tokens)) == 1:
                rows.append(len(tokens))
            return read(batch, tokens, *args, **how)

        start, fresh = time.perf_counter(), self._decoder(replayed=False)
        with fresh.reading():
            fresh.runner.lean_step()
        setup, BatchedCache.read = time.perf_counter() - start, counted
        try:
            _, usage = searched(decoder, self.trained.tasks, "likelihood")
        finally:
            BatchedCache.read = read
        return {
            "decoding_step": step_of(self.model),
            "setup_seconds": setup,
            "tokens_read_a_token": sum(rows) / usage.generated,
        }

    def precision(self) -> dict:
        """Return the time of a search in bfloat16 over that in float32, and the share of equal greedy texts."""
        names, seconds = {"float32": None, "bfloat16": torch.bfloat16}, {}
        for _ in range(REPEATS):
            for name, dtype in names.items():
                spent, _ = searched(self._decoder(dtype=dtype), self.trained.tasks, "likelihood")
                seconds.setdefault(name, []).append(spent)
        low, full = (np.median(seconds[name], axis=0) for name in ("bfloat16", "float32"))
        texts = [self._greedy(self._decoder(dtype=dtype, temperature=0.0)) for dtype in names.values()]
        equal = sum(one == other for one, other in zip(*texts, strict=True)) / len(texts[0])
        return {"bfloat16": {"time_vs_float32": list(low / full), "equal_greedy_texts": equal}}

    def profile(self) -> dict:
        """Return the share of each part in the CPU time of one search, by cProfile, which slows Python's calls down."""
        profile = cProfile.Profile(time.process_time)
        profile.enable()
        searched(self._decoder(), self.trained.tasks, "likelihood")
        profile.disable()
        stats = pstats.Stats(profile)
        whole, shares = stats.total_tt, {}
        for part, names in PARTS.items():
            shares[part] = sum(_seconds(stats.stats, name) for name in names) / whole
        return {"profile": shares | {"the rest": 1 - sum(shares.values())}}

    def _decoder(self, **how):
        return Decoder(self.model, self.processor, **{"max_new_tokens": TOKENS} | how)

    def _greedy(self, decoder):
        requests = [GenerationRequest(task, None, task.stages, greedy=True) for task in self.trained.tasks]
        return [own[0].text for own in decoder.propose(requests)]


def _seconds(stats, name):
    """Return the own seconds of the functions of this name, or with "*" those of what they call too."""
    column = 3 if name.startswith("*") else 2
    return sum(found[column] for (_, _, function), found in stats.items() if function == name.removeprefix("*"))

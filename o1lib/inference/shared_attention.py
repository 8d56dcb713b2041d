"""Rows about the same picture share its keys and values: one copy per picture, not one per candidate.

Mllama's cross-attention does not depend on a token's position in the text, so the tokens of all rows about one picture
can form one row while that layer runs. The memory for pictures, and the time to read it, do not grow with N.

    groups = Groups.of([0, 0, 0, 1], device)                # three rows about the first picture, one about the second
    with shared(cross_attention_modules, groups):
        model(...)                                          # its cache holds two pictures
"""

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Groups:
    """`rows` (pictures, most): the rows of each picture, padded with row 0; `back` (rows,): the place of each row."""

    rows: torch.Tensor
    back: torch.Tensor

    @classmethod
    def of(cls, pictures: list[int], device) -> "Groups | None":
        """Return the groups of rows by the number of the picture that each sees; None if row k sees picture k."""
        if pictures == list(range(len(pictures))):
            return None
        found, counts = [[] for _ in range(max(pictures) + 1)], Counter(pictures)
        most = max(counts.values())
        back = []
        for row, picture in enumerate(pictures):
            back.append(picture * most + len(found[picture]))
            found[picture].append(row)
        filled = [own + [0] * (most - len(own)) for own in found]
        return cls(torch.tensor(filled, device=device), torch.tensor(back, device=device))

    def gather(self, rows: torch.Tensor) -> torch.Tensor:
        """Return (pictures, most x tokens, width) from (rows, tokens, width)."""
        return rows[self.rows].flatten(1, 2)

    def scatter(self, grouped: torch.Tensor, tokens: int) -> torch.Tensor:
        """Return (rows, tokens, width) from the output of `gather`."""
        return grouped.unflatten(1, (-1, tokens)).flatten(0, 1)[self.back]


@contextmanager
def shared(modules, groups: Groups):
    """Let cross-attention `modules` process all rows of a picture as one row while the block runs."""

    def before(module, args, kwargs):
        """Join the rows of each picture into one row."""
        mask = kwargs.get("attention_mask")
        changed = {"hidden_states": groups.gather(kwargs["hidden_states"]), "is_causal": False}
        if mask is not None:  # (rows, 1, tokens, positions)
            changed["attention_mask"] = groups.gather(mask[:, 0])[:, None]
        return args, kwargs | changed

    def after(module, args, kwargs, output):
        """Split the joined rows again."""
        tokens = kwargs["hidden_states"].shape[1] // groups.rows.shape[1]
        return groups.scatter(output[0], tokens), *output[1:]

    handles = [module.register_forward_pre_hook(before, with_kwargs=True) for module in modules]
    # before hooks that are there already, which count rows (o1lib.training.attention)
    handles += [module.register_forward_hook(after, with_kwargs=True, prepend=True) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()

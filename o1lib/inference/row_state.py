"""The cache of one row, and its picture: what a candidate continues from.

state = RowState(ids, kv, picture, logits)
state.head(10)                                      # the state after the first ten tokens alone
"""

from dataclasses import dataclass, field

import torch


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture's keys and values, each (heads, positions, width) per cross-attention layer, and its tile mask."""

    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    tiles: torch.Tensor


@dataclass(frozen=True)
class RowState:
    """The cache of one row. `kv` (layers, 2, heads, tokens, width) may lack the last `ids`.

    `logits` (vocabulary,) are those after the last token that was read. `shift` is the difference between a token's
    position and the number of tokens before it (a picture's tokens may share positions, as in Qwen2.5-VL).
    """

    ids: tuple[int, ...] = ()
    kv: torch.Tensor | None = field(default=None, repr=False)
    picture: Picture | None = field(default=None, repr=False)
    logits: torch.Tensor | None = field(default=None, repr=False)
    shift: int = 0

    @property
    def unread(self) -> tuple[int, ...]:
        """The last tokens, whose keys and values are not computed yet."""
        return self.ids[self.length :]

    @property
    def length(self) -> int:
        """The number of tokens that have been read."""
        return 0 if self.kv is None else self.kv.shape[-2]

    def head(self, tokens: int) -> "RowState":
        """Return the state after the first `tokens` tokens alone; their cache does not depend on later tokens."""
        return RowState(self.ids[:tokens], self.kv[..., :tokens, :], self.picture, shift=self.shift)

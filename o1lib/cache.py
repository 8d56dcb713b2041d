"""Keys and values by the row: prefill once, fork, keep winners, continue, in batches of rows of any length.

A State is one row's past: its tokens, the keys and values of the self-attention layers without any
padding, and its picture's keys and values, which in Mllama do not depend on the text and are shared
by every row about that picture. A Batch lays States side by side, right-aligned, in one block of
memory with spare columns, reads tokens into it and hands rows back. Rows may join and leave at any
time; nothing is ever cropped, and the picture goes through the vision tower once.

    batch = Batch(engine, [state] * 4)                  # four rows with the same past
    logits = batch.read([[5], [6], [7], [8]])
    batch.take(2, (*state.ids, 7))                      # the third row's new State
"""

from dataclasses import dataclass, field

import torch
from transformers.cache_utils import Cache, DynamicLayer

SPARE = 64  # columns added to a block whenever it is full


@dataclass(frozen=True)
class Picture:
    """A picture's keys and values, (heads, positions, width) a cross-attention layer, and its tiles (images, tiles)."""

    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    tiles: torch.Tensor


@dataclass(frozen=True)
class State:
    """One row's past. `kv` (layers, 2, heads, tokens, width) may lack the last `ids`; `logits` follow the last read."""

    ids: tuple[int, ...] = ()
    kv: torch.Tensor | None = field(default=None, repr=False)
    picture: Picture | None = field(default=None, repr=False)
    logits: torch.Tensor | None = field(default=None, repr=False)

    @property
    def unread(self) -> tuple[int, ...]:
        """The last tokens, whose keys and values are not computed yet."""
        return self.ids[self.length :]

    @property
    def length(self) -> int:
        """How many tokens have been read."""
        return 0 if self.kv is None else self.kv.shape[-2]


class _Layer(DynamicLayer):
    """One self-attention layer of a batch: writes into the batch's block and looks at all of it so far."""

    def __init__(self, batch, index):
        super().__init__()
        self.batch, self.index, self.is_initialized = batch, index, True
        self.keys, self.values = batch.block[index]

    def update(self, key_states, value_states, *args, **kwargs):
        """Store (rows, heads, tokens, width) behind what is there; return views of all keys and values."""
        start, end = self.batch.used, self.batch.used + key_states.shape[-2]
        keys, values = self.batch.block[self.index]
        keys[:, :, start:end], values[:, :, start:end] = key_states, value_states
        return keys[:, :, :end], values[:, :, :end]

    def get_seq_length(self):
        """Return how many columns are in use."""
        return self.batch.used


class Batch:
    """Rows side by side, right-aligned: `block` (layers, 2, rows, heads, columns, width), `mask` (rows, columns)."""

    def __init__(self, engine, states: list[State]):
        self.engine, self.cache, self.used = engine, None, max(state.length for state in states)
        rows, columns = len(states), self.used + SPARE
        self.block = torch.zeros(
            engine.layers, 2, rows, engine.heads, columns, engine.width, dtype=engine.dtype, device=engine.device
        )
        self.mask = torch.zeros(rows, columns, dtype=torch.bool, device=engine.device)
        for row, state in enumerate(states):
            if state.length:
                self.block[:, :, row, :, self.used - state.length : self.used] = state.kv
                self.mask[row, self.used - state.length : self.used] = True
        self.count = self.mask.sum(1)
        self.seen = torch.tensor(
            [engine.image_token in state.ids[: state.length] for state in states], device=engine.device
        )
        self.cross = engine.stacked([state.picture for state in states])
        self.tiles = None if states[0].picture is None else torch.stack([state.picture.tiles for state in states])

    def read(self, tokens: list[list[int]], keep: int = 1, pictures: dict | None = None) -> torch.Tensor:
        """Read each row's new tokens (possibly none); return the logits of the last `keep` columns (0: of all).

        Columns are right-aligned. `pictures`: the processor's image tensors, on a first read only.
        """
        ids, valid = self._aligned(tokens)
        if self.used + ids.shape[1] > self.mask.shape[1]:
            self._pad(0, ids.shape[1] + SPARE)
        end = self.used + ids.shape[1]
        self.mask[:, self.used : end] = valid
        sees = self.seen[:, None] | ((ids == self.engine.image_token).cumsum(1) > 0)
        logits = self.engine.model(
            input_ids=ids,
            attention_mask=self.mask[:, :end].long(),
            use_cache=True,
            logits_to_keep=keep,
            position_ids=(self.count[:, None] + valid.cumsum(1) - 1).clamp(min=0),
            past_key_values=self._cache(pictures),
            cross_attention_mask=self._cross_mask(sees),
            **(pictures or {}),
        ).logits
        self.used, self.seen, self.count = end, sees[:, -1], self.count + valid.sum(1)
        return logits

    def take(self, row: int, ids, logits=None, picture: Picture | None = None) -> State:
        """Return one row as a State of the tokens `ids`, without its padding."""
        kept = self.mask[row, : self.used].nonzero().squeeze(1)
        return State(tuple(ids), self.block[:, :, row].index_select(3, kept), picture, logits)

    def select(self, rows: list[int]) -> None:
        """Keep only these rows, and only the columns that one of them uses."""
        index = torch.tensor(rows, device=self.mask.device)
        self.mask = self.mask[index]
        first = int(self.mask[:, : self.used].any(0).int().argmax())
        self.block = self.block[:, :, :, :, first:].index_select(2, index)
        self.mask, self.used = self.mask[:, first:], self.used - first
        self._rows(lambda tensor: tensor[index])

    def join(self, other: "Batch") -> None:
        """Take the rows of another batch in, behind one's own."""
        used, spare = max(self.used, other.used), max(self.mask.shape[1] - self.used, other.mask.shape[1] - other.used)
        for batch in (self, other):
            batch._pad(used - batch.used, spare - (batch.mask.shape[1] - batch.used))
        self.block, self.mask, self.used = (
            torch.cat([self.block, other.block], 2),
            torch.cat([self.mask, other.mask]),
            used,
        )
        self.cross = [(torch.cat([k, k2]), torch.cat([v, v2])) for (k, v), (k2, v2) in zip(self.cross, other.cross)]
        self.count, self.seen = torch.cat([self.count, other.count]), torch.cat([self.seen, other.seen])
        self.tiles = None if self.tiles is None else torch.cat([self.tiles, other.tiles])

    def _aligned(self, tokens):
        width = max(map(len, tokens))
        ids = torch.tensor(
            [[self.engine.pad] * (width - len(row)) + list(row) for row in tokens], device=self.mask.device
        )
        valid = torch.tensor(
            [[False] * (width - len(row)) + [True] * len(row) for row in tokens], device=self.mask.device
        )
        return ids, valid

    def _cache(self, pictures):
        """Return the model's cache: this block for self-attention, the pictures (or room for them) for the rest."""
        own, cross, layers = iter(range(self.engine.layers)), iter(self.cross), []
        for number in range(self.engine.layers + len(self.engine.cross_layers)):
            if number not in self.engine.cross_layers:
                layers.append(_Layer(self, next(own)))
                continue
            layers.append(DynamicLayer())
            if self.cross and not pictures:
                layers[-1].keys, layers[-1].values = next(cross)
                layers[-1].is_initialized = True
        self.cache = Cache(layers=layers)
        return self.cache

    def _cross_mask(self, sees):
        if self.tiles is None:
            return None
        if sees.shape[1] == 1 and sees.all() and self.tiles.all():
            return None  # faster; for several tokens the library reads "no mask" as "causal"
        return (sees[:, :, None, None] & self.tiles[:, None]).long()

    def _pad(self, left, right):
        if left or right:
            self.block = torch.nn.functional.pad(self.block, (0, 0, left, right))
            self.mask = torch.nn.functional.pad(self.mask, (left, right))
            self.used += left

    def _rows(self, pick):
        self.count, self.seen, self.tiles = (
            pick(self.count),
            pick(self.seen),
            None if self.tiles is None else pick(self.tiles),
        )
        self.cross = [(pick(keys), pick(values)) for keys, values in self.cross]

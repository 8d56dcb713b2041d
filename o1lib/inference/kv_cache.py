"""Keys and values by the row: prefill once, fork, keep winners, continue, in batches of rows of any length.

A State is one row's past: its tokens and the keys and values of the self-attention layers without any padding. Where
a model looks at its picture by cross-attention (Mllama), the picture's keys and values do not depend on the text: they
stand apart in a Picture that every row about it shares. Where the picture is a run of tokens (Qwen2.5-VL, Idefics3),
it is part of the past like any other token. A Batch lays States side by side, right-aligned, in one block of memory
with spare columns, reads tokens into it and hands rows back. Rows may join, leave and take another's place at any time;
nothing is ever cropped, and the picture goes through the vision tower once.

    batch = Batch(engine, [state] * 4)                  # four rows with the same past
    logits = batch.read([[5], [6], [7], [8]])
    batch.take(2, (*state.ids, 7), like=state)          # the third row's new State
"""

from contextlib import nullcontext
from dataclasses import dataclass, field

import torch
from transformers.cache_utils import Cache, DynamicLayer

from o1lib.inference.shared_attention import Groups, shared

SPARE = 32  # columns added to a block whenever it is full


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture's keys and values, (heads, positions, width) a cross-attention layer, and its tiles (images, tiles)."""

    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    tiles: torch.Tensor


@dataclass(frozen=True)
class RowState:
    """One row's past. `kv` (layers, 2, heads, tokens, width) may lack the last `ids`; `logits` follow the last read.

    `shift`: how far the position of a token is from the number of tokens before it (a picture's tokens may share
    positions, as in Qwen2.5-VL).
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
        """How many tokens have been read."""
        return 0 if self.kv is None else self.kv.shape[-2]

    def head(self, tokens: int) -> "RowState":
        """Return the past of the first `tokens` tokens alone; they do not depend on what came later."""
        return RowState(self.ids[:tokens], self.kv[..., :tokens, :], self.picture, shift=self.shift)


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


class BatchedCache:
    """Rows side by side, right-aligned: `block` (layers, 2, rows, heads, columns, width), `mask` (rows, columns)."""

    def __init__(self, engine, states: list[RowState]):
        self.engine, self.cache, self.cross, self.used = engine, None, [], 0
        self.mask, self.block = torch.zeros(0, 0, dtype=torch.bool, device=engine.device), None
        self.next, self.seen = self.mask.new_zeros(0, dtype=torch.long), self.mask.new_zeros(0)
        self.tiles, self.pictures = None, []
        self.change([], states)

    @property
    def picture_bytes(self) -> int:
        """How much memory the pictures' keys and values take in this batch: once a picture, whatever number of rows."""
        return sum(side.nbytes for layer in self.cross for side in layer)

    def read(self, tokens: list[list[int]], keep: int = 1, pictures: dict | None = None) -> torch.Tensor:
        """Read each row's new tokens (possibly none); return the logits of the last `keep` columns (0: of all).

        Columns are right-aligned. `pictures`: the processor's image tensors, on a first read only.
        """
        ids, valid = self._aligned(tokens)
        if self.used + ids.shape[1] > self.mask.shape[1]:
            self._widen(ids.shape[1] + SPARE)
        end = self.used + ids.shape[1]
        self.mask[:, self.used : end] = valid
        sees = self.seen[:, None] | ((ids == self.engine.image_token).cumsum(1) > 0)
        positions = (self.next[:, None] + valid.cumsum(1) - 1).clamp(min=0)
        if pictures and self.engine.spatial:
            positions, self.next = self.engine.spatial(ids, valid, pictures)
        elif ids.shape[1]:
            self.next = positions[:, -1] + 1 if valid.all() else self.next + valid.sum(1)
        seen = {"cross_attention_mask": self._cross_mask(sees)} if self.engine.cross_layers else {}
        with shared(self.engine.cross_modules, self.groups) if self.groups and not pictures else nullcontext():
            logits = self.engine.model(
                input_ids=ids,
                attention_mask=self._self_mask(valid, end),
                position_ids=positions,
                use_cache=True,
                past_key_values=self._cache(pictures),
                logits_to_keep=keep,
                **seen,
                **(pictures or {}),
            ).logits
        self.used, self.seen = end, sees[:, -1]
        return logits

    def take(self, row: int, ids, like: RowState, logits=None) -> RowState:
        """Return one row as a State of the tokens `ids`, without its padding; picture and shift are those of `like`."""
        kept = self.mask[row, : self.used].nonzero().squeeze(1)
        return RowState(tuple(ids), self.block[:, :, row].index_select(3, kept), like.picture, logits, like.shift)

    def select(self, rows: list[int]) -> None:
        """Keep only these rows (one may stand several times), and only the columns that one of them uses."""
        self.change(rows, [])

    def change(self, rows: list[int], states: list[RowState]) -> None:
        """Keep only these rows and take new ones in behind them, in one move."""
        engine, index = self.engine, torch.tensor(rows, dtype=torch.long, device=self.mask.device)
        seen = self.mask[index, : self.used]
        first = int(seen.any(0).int().argmax()) if rows else self.used
        used = max([self.used - first, *(state.length for state in states)])
        block, mask = engine.blank(len(rows) + len(states), used + SPARE)
        if rows:
            start = used - (self.used - first)
            block[:, :, : len(rows), :, :start] = 0
            block[:, :, : len(rows), :, start:used] = self.block[:, :, index, :, first : self.used]
            mask[: len(rows), start:used] = seen[:, first:]
        self.block, self.mask, self.used = block, mask, used
        self._lay(range(len(rows), len(rows) + len(states)), states)
        next, seen, tiles = self._notes(states)
        self.next, self.seen = torch.cat([self.next[index], next]), torch.cat([self.seen[index], seen])
        self.pictures = [self.pictures[row] for row in rows] + [state.picture for state in states]
        tiles = ([] if self.tiles is None else [self.tiles[index]]) + tiles
        self.tiles = torch.cat(tiles) if tiles else None
        self._lay_pictures()

    def fits(self, states: list[RowState]) -> bool:
        """Return whether `replace` can take these states: none is longer than the block, which has a column to spare."""
        return self.used < self.mask.shape[1] and max(state.length for state in states) <= self.used

    def replace(self, rows: list[int], states: list[RowState]) -> None:
        """Put states in the place of these rows; the others stay where they are, which costs nothing."""
        index = torch.tensor(rows, dtype=torch.long, device=self.mask.device)
        self._lay(rows, states)
        self.next[index], self.seen[index], tiles = self._notes(states)
        if tiles:
            self.tiles[index] = torch.cat(tiles)
        for row, state in zip(rows, states, strict=True):
            self.pictures[row] = state.picture
        self._lay_pictures()

    def _lay(self, rows, states):
        """Write states into these rows, right-aligned, and zeros before them: NaN would shine through a mask."""
        for row, state in zip(rows, states, strict=True):
            start = self.used - state.length
            self.block[:, :, row, :, :start], self.mask[row, :start] = 0, False
            if state.length:
                self.block[:, :, row, :, start : self.used], self.mask[row, start : self.used] = state.kv, True

    def _notes(self, states):
        """Return the next position of each state, whether a picture stands before it, and the pictures' tiles."""
        device = self.mask.device
        next = torch.tensor([state.length + state.shift for state in states], dtype=torch.long, device=device)
        seen = [self.engine.image_token in state.ids[: state.length] for state in states]
        tiles = [state.picture.tiles[None] for state in states if state.picture is not None]
        return next, torch.tensor(seen, dtype=torch.bool, device=device), tiles

    def _lay_pictures(self):
        """Lay every picture's keys and values side by side once, and note which rows look at which."""
        self.groups = None
        if not self.pictures or self.pictures[0] is None:
            return
        places = {picture: None for picture in self.pictures}
        if not self.cross or places.keys() != self.laid.keys():
            self.laid = {picture: place for place, picture in enumerate(places)}
            self.cross = self.engine.stacked(list(self.laid))
        self.groups = Groups.of([self.laid[picture] for picture in self.pictures], self.mask.device)

    def _aligned(self, tokens):
        width, device = max(map(len, tokens)), self.mask.device
        ids = torch.tensor([[self.engine.pad] * (width - len(row)) + list(row) for row in tokens], device=device)
        lengths = torch.tensor([width - len(row) for row in tokens], device=device)
        return ids, torch.arange(width, device=device) >= lengths[:, None]

    def _self_mask(self, valid, end):
        """Return what every new token looks at: (rows, 1, tokens, columns) true where it does, else by column alone."""
        if not self.engine.ready_masks:
            return self.mask[:, :end].long()
        seen, tokens = self.mask[:, None, None, :end], valid.shape[1]
        if tokens == 1:
            return seen
        seen = seen.repeat(1, 1, tokens, 1)
        seen[..., -tokens:] &= torch.ones(tokens, tokens, dtype=torch.bool, device=seen.device).tril()
        return seen | ~valid[:, None, :, None]  # padding looks at everything: nothing looks at padding

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

    def _widen(self, columns):
        self.block = torch.nn.functional.pad(self.block, (0, 0, 0, columns))
        self.mask = torch.nn.functional.pad(self.mask, (0, columns))

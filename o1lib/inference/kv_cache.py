"""KV cache by row: prefill once, fork, keep winners, continue, in batches of rows of any length.

A RowState is the cache of one row: its tokens and the keys and values of the self-attention layers, without padding. If
a model sees its picture by cross-attention (Mllama), the picture's keys and values do not depend on the text: they are
kept apart in a Picture that all rows about it share. If the picture is a run of tokens (Qwen2.5-VL, Idefics3), it is
cached like any other token. A BatchedCache holds RowStates right-aligned in one block of memory with spare columns,
reads tokens into it, and returns rows. Rows may join, leave and replace others at any time. The picture goes through
the vision tower once.

    batch = BatchedCache(runner, [state] * 4)           # four rows with the same cache
    logits = batch.read([[5], [6], [7], [8]])
    batch.take(2, (*state.ids, 7), like=state)          # the third row's new RowState
"""

from contextlib import nullcontext
from dataclasses import dataclass, field

import torch
from transformers.cache_utils import Cache, DynamicLayer

from o1lib.inference.shared_attention import Groups, shared

SPARE = 32  # columns added to a block whenever it is full


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


class _Layer(DynamicLayer):
    """One self-attention layer of a batch: writes into the batch's block and attends to its used columns."""

    def __init__(self, batch, index):
        super().__init__()
        self.batch, self.index, self.is_initialized = batch, index, True
        self.keys, self.values = batch.block[index]

    def update(self, key_states, value_states, *args, **kwargs):
        """Append keys and values (rows, heads, tokens, width); return views of all of them."""
        start, end = self.batch.used, self.batch.used + key_states.shape[-2]
        keys, values = self.batch.block[self.index]
        keys[:, :, start:end], values[:, :, start:end] = key_states, value_states
        return keys[:, :, :end], values[:, :, :end]

    def get_seq_length(self):
        """Return the number of columns in use."""
        return self.batch.used


class BatchedCache:
    """A batch's cache, rows right-aligned: `block` (layers, 2, rows, heads, columns, width), `mask` (rows, columns)."""

    def __init__(self, runner, states: list[RowState]):
        self.runner, self.cache, self.cross, self.used = runner, None, [], 0
        self.mask, self.block = torch.zeros(0, 0, dtype=torch.bool, device=runner.device), None
        self.next, self.seen = self.mask.new_zeros(0, dtype=torch.long), self.mask.new_zeros(0)
        self.tiles, self.pictures = None, []
        self.change([], states)

    @property
    def picture_bytes(self) -> int:
        """The memory of the pictures' keys and values in this batch: one copy per picture, for any number of rows."""
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
        sees = self.seen[:, None] | ((ids == self.runner.image_token).cumsum(1) > 0)
        positions = (self.next[:, None] + valid.cumsum(1) - 1).clamp(min=0)
        if pictures and self.runner.spatial:
            positions, self.next = self.runner.spatial(ids, valid, pictures)
        elif ids.shape[1]:
            self.next = positions[:, -1] + 1 if valid.all() else self.next + valid.sum(1)
        seen = {"cross_attention_mask": self._cross_mask(sees)} if self.runner.cross_layers else {}
        with shared(self.runner.cross_modules, self.groups) if self.groups and not pictures else nullcontext():
            logits = self.runner.model(
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
        """Return one row as a RowState of the tokens `ids`, without padding; picture and shift are those of `like`."""
        kept = self.mask[row, : self.used].nonzero().squeeze(1)
        return RowState(tuple(ids), self.block[:, :, row].index_select(3, kept), like.picture, logits, like.shift)

    def select(self, rows: list[int]) -> None:
        """Keep only these rows (each any number of times), and only the columns that one of them uses."""
        self.change(rows, [])

    def change(self, rows: list[int], states: list[RowState]) -> None:
        """Keep only these rows and append new ones, in one copy."""
        index = torch.tensor(rows, dtype=torch.long, device=self.mask.device)
        seen = self.mask[index, : self.used]
        first = int(seen.any(0).int().argmax()) if rows else self.used
        used = max([self.used - first, *(state.length for state in states)])
        block, mask = self.runner.blank(len(rows) + len(states), used + SPARE)
        if rows:
            start = used - (self.used - first)
            block[:, :, : len(rows), :, :start] = 0
            block[:, :, : len(rows), :, start:used] = self.block[:, :, index, :, first : self.used]
            mask[: len(rows), start:used] = seen[:, first:]
        self.block, self.mask, self.used = block, mask, used
        self._write(range(len(rows), len(rows) + len(states)), states)
        next, seen, tiles = self._notes(states)
        self.next, self.seen = torch.cat([self.next[index], next]), torch.cat([self.seen[index], seen])
        self.pictures = [self.pictures[row] for row in rows] + [state.picture for state in states]
        tiles = ([] if self.tiles is None else [self.tiles[index]]) + tiles
        self.tiles = torch.cat(tiles) if tiles else None
        self._stack_pictures()

    def fits(self, states: list[RowState]) -> bool:
        """Return whether `replace` can take these states: none is longer than the block, and a column is free."""
        return self.used < self.mask.shape[1] and max(state.length for state in states) <= self.used

    def replace(self, rows: list[int], states: list[RowState]) -> None:
        """Replace these rows by other states; the other rows are not copied."""
        index = torch.tensor(rows, dtype=torch.long, device=self.mask.device)
        self._write(rows, states)
        self.next[index], self.seen[index], tiles = self._notes(states)
        if tiles:
            self.tiles[index] = torch.cat(tiles)
        for row, state in zip(rows, states, strict=True):
            self.pictures[row] = state.picture
        self._stack_pictures()

    def _write(self, rows, states):
        """Write states into these rows, right-aligned, and zeros before them: masked NaNs would still propagate."""
        for row, state in zip(rows, states, strict=True):
            start = self.used - state.length
            self.block[:, :, row, :, :start], self.mask[row, :start] = 0, False
            if state.length:
                self.block[:, :, row, :, start : self.used], self.mask[row, start : self.used] = state.kv, True

    def _notes(self, states):
        """Return the next position of each state, whether it holds a picture, and the pictures' tiles."""
        device = self.mask.device
        next = torch.tensor([state.length + state.shift for state in states], dtype=torch.long, device=device)
        seen = [self.runner.image_token in state.ids[: state.length] for state in states]
        tiles = [state.picture.tiles[None] for state in states if state.picture is not None]
        return next, torch.tensor(seen, dtype=torch.bool, device=device), tiles

    def _stack_pictures(self):
        """Stack each picture's keys and values once, and note which rows see which picture."""
        self.groups = None
        if not self.pictures or self.pictures[0] is None:
            return
        places = {picture: None for picture in self.pictures}
        if not self.cross or places.keys() != self.stacked.keys():
            self.stacked = {picture: place for place, picture in enumerate(places)}
            self.cross = self.runner.stacked(list(self.stacked))
        self.groups = Groups.of([self.stacked[picture] for picture in self.pictures], self.mask.device)

    def _aligned(self, tokens):
        width, device = max(map(len, tokens)), self.mask.device
        ids = torch.tensor([[self.runner.pad] * (width - len(row)) + list(row) for row in tokens], device=device)
        lengths = torch.tensor([width - len(row) for row in tokens], device=device)
        return ids, torch.arange(width, device=device) >= lengths[:, None]

    def _self_mask(self, valid, end):
        """Return what each new token attends to: (rows, 1, tokens, columns), true where it does, or (rows, columns)."""
        if not self.runner.ready_masks:
            return self.mask[:, :end].long()
        seen, tokens = self.mask[:, None, None, :end], valid.shape[1]
        if tokens == 1:
            return seen
        seen = seen.repeat(1, 1, tokens, 1)
        seen[..., -tokens:] &= torch.ones(tokens, tokens, dtype=torch.bool, device=seen.device).tril()
        return seen | ~valid[:, None, :, None]  # padding attends to everything, nothing attends to padding

    def _cache(self, pictures):
        """Return the model's cache: this block for self-attention, pictures (or empty layers) for cross-attention."""
        own, cross, layers = iter(range(self.runner.layers)), iter(self.cross), []
        for number in range(self.runner.layers + len(self.runner.cross_layers)):
            if number not in self.runner.cross_layers:
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

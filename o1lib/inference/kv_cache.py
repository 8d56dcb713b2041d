"""KV cache by row: prefill once, fork, keep winners, continue, in batches of rows of any length.

A RowState is the cache of one row: its tokens and the keys and values of the self-attention layers, without padding. If
a model sees its picture by cross-attention (Mllama), the picture's keys and values do not depend on the text: they are
kept apart in a Picture that all rows about it share. If the picture is a run of tokens (Qwen2.5-VL, Idefics3), it is
cached like any other token. A BatchedCache holds RowStates right-aligned in one block of memory with spare rows and
columns, reads tokens into it, and returns rows. Rows may join, leave, be copied and change places at any time. The
picture goes through the vision tower once.

    batch = BatchedCache(runner, [state] * 4)           # four rows with the same cache
    logits = batch.read([[5], [6], [7], [8]])
    batch.take(2, (*state.ids, 7), like=state)          # the third row's new RowState
"""

from contextlib import nullcontext

import torch

from o1lib.inference.block_layers import library_cache
from o1lib.inference.row_state import Picture, RowState
from o1lib.inference.shared_attention import Groups, shared

__all__ = ["SPARE", "BatchedCache", "Picture", "RowState"]

SPARE = 32  # columns that a new block has beyond those in use, at least


class BatchedCache:
    """A batch's cache, rows right-aligned: `block` (layers, 2, rows, heads, columns, width), `mask` (rows, columns).

    Columns `first` to `used` are in use; those before are undefined. With `growing`, a block has spare rows.
    """

    def __init__(self, runner, states: list[RowState], growing: bool = False):
        self.runner, self.growing, self.cache, self.cross, self.lean = runner, growing, None, [], None
        self.mask, self.block = torch.zeros(0, 0, dtype=torch.bool, device=runner.device), None
        self.next, self.seen = self.mask.new_zeros(0, dtype=torch.long), self.mask.new_zeros(0)
        self.starts, self.first, self.used, self.tiles, self.pictures = [], 0, 0, None, []
        self.change([], states)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.starts)

    @property
    def picture_bytes(self) -> int:
        """The memory of the pictures' keys and values in this batch: one copy per picture, for any number of rows."""
        return sum(side.nbytes for layer in self.cross for side in layer)

    def read(self, tokens: list[list[int]], keep: int = 1, pictures: dict | None = None) -> torch.Tensor:
        """Read each row's new tokens (possibly none); return the logits of the last `keep` columns (0: of all).

        Columns are right-aligned. `pictures`: the processor's image tensors, on a first read only.
        """
        if not pictures and all(len(row) == 1 for row in tokens) and self._leans():
            return self._step([token for [token] in tokens])
        ids, valid = self._aligned(tokens)
        self._make_room(ids.shape[1])
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
                past_key_values=self._library_cache(pictures),
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
        """Keep only these rows (each any number of times), in this order."""
        self.change(rows, [])

    def change(self, rows: list[int], states: list[RowState]) -> None:
        """Let row k be what row `rows`[k] is now, and append new rows; rows that keep their place are not copied."""
        longest = max((state.length for state in states), default=0)
        before = self.rows if self.block is not None else -1
        index = torch.tensor(rows, dtype=torch.long, device=self.mask.device)
        if before > 0 and len(rows) + len(states) <= self.block.shape[2] and longest <= self.used:
            self._move(rows, index)
        else:
            self._rebuild(rows, index, len(states), longest)
        self.mask = torch.cat([self.mask, self.mask.new_zeros(len(states), self.mask.shape[1])])
        self._write(len(rows), states)
        next, seen, tiles = self._notes(states)
        self.next, self.seen = torch.cat([self.next[index], next]), torch.cat([self.seen[index], seen])
        self.pictures = [self.pictures[row] for row in rows] + [state.picture for state in states]
        tiles = ([] if self.tiles is None else [self.tiles[index]]) + tiles
        self.tiles = torch.cat(tiles) if tiles else None
        self._stack_pictures()

    def _move(self, rows, index):
        """Rearrange rows inside the block."""
        moved = [k for k, row in enumerate(rows) if k != row]
        if moved:
            used = self.block[..., self.first : self.used, :]
            used.index_copy_(2, index.new_tensor(moved), used.index_select(2, index[moved]))
        self.mask, self.starts = self.mask[index], [self.starts[row] for row in rows]

    def _rebuild(self, rows, index, more, longest, room=SPARE):
        """Copy these rows, without the columns that none of them uses, into a block with space for `more` rows."""
        starts = [self.starts[row] for row in rows]
        first = min(starts, default=self.used)
        used = max(self.used - first, longest)
        most = len(rows) + more
        spare = most // 2 if self.growing else 0
        block, mask = self.runner.blank(most + spare, used + max(room, SPARE, used // 2))
        mask, start = mask[: len(rows)], used - (self.used - first)
        if rows:
            block[:, :, : len(rows), :, start:used] = self.block[:, :, index, :, first : self.used]
            mask[:, start:used] = self.mask[index, first : self.used]
        self.starts = [column - first + start for column in starts]
        self.block, self.mask, self.first, self.used = block, mask, start, used

    def _make_room(self, columns):
        """Make room for more columns: at the left if as many are free there as are in use, else in a new block."""
        first = self.first = min(self.starts)
        if self.used + columns <= self.mask.shape[1]:
            return
        width, rows = self.used - first, list(range(self.rows))
        if width + columns > first:
            index = torch.tensor(rows, dtype=torch.long, device=self.mask.device)
            return self._rebuild(rows, index, 0, 0, columns)
        self.block[..., :width, :] = self.block[..., first : self.used, :]
        self.mask[:, :width], self.mask[:, width:] = self.mask[:, first : self.used].clone(), False
        self.starts = [start - first for start in self.starts]
        self.first, self.used = 0, width

    def _write(self, first_row, states):
        """Write states into the last rows, right-aligned, zeros before them: masked NaNs would still propagate."""
        if not states:
            return
        starts = [self.used - state.length for state in states]
        first = min([*self.starts, *starts])
        if self.starts and first < self.first:
            self.block[:, :, :first_row, :, first : self.first] = 0
        self.first = min(first, self.first) if self.starts else first
        for row, (state, start) in enumerate(zip(states, starts, strict=True), first_row):
            self.block[:, :, row, :, self.first : start], self.mask[row, :start] = 0, False
            if state.length:
                self.block[:, :, row, :, start : self.used], self.mask[row, start : self.used] = state.kv, True
        self.starts += starts

    def _leans(self):
        """Return whether the model's lean step can read one token for every row."""
        if self.lean is None:
            self.lean = self.runner.lean_step() or False
        return self.lean and (self.sighted or not self.cross)

    def _step(self, tokens):
        """Read one token for every row by the lean step; return logits (rows, 1, vocabulary)."""
        self._make_room(1)
        ids = torch.tensor(tokens, device=self.mask.device)
        self.mask[:, self.used] = True
        columns = slice(self.first, self.used + 1)
        block = self.block[:, :, : self.rows, :, columns]
        pictures = (self.cross, self.groups, self.shown) if self.cross else None
        logits = self.lean(ids, self.next, block, self.mask[:, columns], pictures)
        self.next, self.used = self.next + 1, self.used + 1
        return logits[:, None]

    def _notes(self, states):
        """Return the next position of each state, whether it holds a picture, and the pictures' tiles."""
        device = self.mask.device
        next = torch.tensor([state.length + state.shift for state in states], dtype=torch.long, device=device)
        seen = [self.runner.image_token in state.ids[: state.length] for state in states]
        tiles = [state.picture.tiles[None] for state in states if state.picture is not None]
        return next, torch.tensor(seen, dtype=torch.bool, device=device), tiles

    def _stack_pictures(self):
        """Stack each picture's keys and values once, and note which rows see which picture."""
        self.groups, self.sighted = None, bool(self.seen.all())
        if not self.pictures or self.pictures[0] is None:
            return
        places = {picture: None for picture in self.pictures}
        if not self.cross or places.keys() != self.stacked.keys():
            self.stacked = {picture: place for place, picture in enumerate(places)}
            self.cross = self.runner.stacked(list(self.stacked))
            tiles = torch.stack([picture.tiles for picture in self.stacked])
            self.shown = None if tiles.all() else tiles
        self.groups = Groups.of([self.stacked[picture] for picture in self.pictures], self.mask.device)

    def _aligned(self, tokens):
        width, device = max(map(len, tokens)), self.mask.device
        ids = torch.tensor([[self.runner.pad] * (width - len(row)) + list(row) for row in tokens], device=device)
        lengths = torch.tensor([width - len(row) for row in tokens], device=device)
        return ids, torch.arange(width, device=device) >= lengths[:, None]

    def _self_mask(self, valid, end):
        """Return what each new token attends to: (rows, 1, tokens, columns), true where it does, or (rows, columns)."""
        if not self.runner.ready_masks:
            return self.mask[:, self.first : end].long()
        seen, tokens = self.mask[:, None, None, self.first : end], valid.shape[1]
        if tokens == 1:
            return seen
        seen = seen.repeat(1, 1, tokens, 1)
        seen[..., -tokens:] &= torch.ones(tokens, tokens, dtype=torch.bool, device=seen.device).tril()
        return seen | ~valid[:, None, :, None]  # padding attends to everything, nothing attends to padding

    def _library_cache(self, pictures):
        self.cache = library_cache(self, pictures)
        return self.cache

    def _cross_mask(self, sees):
        if self.tiles is None:
            return None
        if sees.shape[1] == 1 and sees.all() and self.tiles.all():
            return None  # faster; for several tokens the library reads "no mask" as "causal"
        return (sees[:, :, None, None] & self.tiles[:, None]).long()

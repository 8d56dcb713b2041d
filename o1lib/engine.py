"""A Mllama-like model seen as a reader of rows: prefill with pictures, continuation, weighing of given words.

engine = Engine(model)
[state] = engine.prefill([prompt_ids], tiles, pictures)             # the only pass through the vision tower
states = engine.extend([state] * 4, [[5], [6], [7], [8]])           # four continuations
"""

import torch

from .cache import Batch, Picture, State
from .records import UserError


class Engine:
    """A Mllama-like model seen as a reader of rows: sizes of its cache, and prefill and continuation of States.

    Raises UserError for a model without cross-attention layers or without an image token.
    """

    def __init__(self, model):
        text = model.config.get_text_config()
        self.cross_layers = frozenset(getattr(text, "cross_attention_layers", None) or ())
        self.image_token = getattr(model.config, "image_token_id", getattr(model.config, "image_token_index", None))
        if not self.cross_layers or self.image_token is None:
            raise UserError(
                f"{type(model).__name__} has no cross-attention to a picture: search needs a Mllama-like model"
            )
        self.model, self.device, self.dtype = model.eval(), model.device, model.dtype
        self.layers = text.num_hidden_layers - len(self.cross_layers)
        self.heads, self.width = text.num_key_value_heads, text.hidden_size // text.num_attention_heads
        self.pad, self.context = text.pad_token_id or 0, text.max_position_embeddings

    def stacked(self, pictures):
        """Return the pictures' keys and values by layer, rows first; [] for rows without a picture."""
        if pictures[0] is None:
            return []
        by_layer = zip(*(picture.layers for picture in pictures))
        return [tuple(torch.stack(side) for side in zip(*layer)) for layer in by_layer]

    def extend(self, states: list[State], tokens: list[list[int]]) -> list[State]:
        """Read `tokens` behind each state in one batch; return the new states, each with the logits of what follows."""
        batch = Batch(self, states)
        logits = batch.read(tokens)[:, -1]
        return [
            batch.take(row, (*state.ids[: state.length], *tokens[row]), logits[row], state.picture)
            for row, state in enumerate(states)
        ]

    def prefill(self, tokens: list[list[int]], tiles: torch.Tensor, pictures: dict) -> list[State]:
        """Read each row's prompt with its picture: `tiles` (rows, images, tiles) and the processor's image tensors."""
        batch = Batch(self, [State()] * len(tokens))
        batch.tiles = tiles.bool().to(self.device)
        logits = batch.read(tokens, pictures=pictures)[:, -1]
        cross = [batch.cache.layers[number] for number in sorted(self.cross_layers)]
        return [
            batch.take(
                row,
                ids,
                logits[row],
                Picture(tuple((layer.keys[row], layer.values[row]) for layer in cross), batch.tiles[row]),
            )
            for row, ids in enumerate(tokens)
        ]

    def loglikelihoods(self, states: list[State], tokens: list[list[int]]) -> list[float]:
        """Return the summed log-probability of each row's tokens behind its state (which must have its logits)."""
        totals = [float(state.logits.float().log_softmax(-1)[row[0]]) for state, row in zip(states, tokens)]
        longer = [k for k, row in enumerate(tokens) if len(row) > 1]
        if longer:
            batch = Batch(self, [states[k] for k in longer])
            said = batch.read([tokens[k][:-1] for k in longer], keep=0).float().log_softmax(-1)
            for k, rows in zip(longer, said):
                rest = tokens[k][1:]
                totals[k] += float(rows[-len(rest) :].gather(1, torch.tensor(rest, device=rows.device)[:, None]).sum())
        return totals

"""Run a vision-language model on rows of tokens: prefill with pictures, continuation, log-probabilities of given words.

There are two kinds of model. Mllama sees its picture by cross-attention. The others (Qwen2.5-VL, SmolVLM, Idefics3,
LLaVA, and all that put the picture's tokens among those of the text) hold the picture in the text's own KV cache.

    runner = ModelRunner(model)
    [state] = runner.prefill([prompt_ids], pictures)                    # the only pass through the vision tower
    states = runner.extend([state] * 4, [[5], [6], [7], [8]])           # four continuations
"""

import torch

from o1lib.inference.kv_cache import BatchedCache, Picture, RowState
from o1lib.inference.lean_mllama import LeanStep, version, why_general
from o1lib.records import UserError

FORKABLE = {"full_attention", "cross_attention"}  # layer types whose KV cache can be cut and forked by row


class CannotFork(UserError):
    """The model's cache cannot be cut and forked by row, so the batched engine cannot run it; `reason` says why."""

    def __init__(self, reason: str):
        super().__init__(f"{reason}: use engine='one_at_a_time'")
        self.reason = reason


def context_of(model) -> int:
    """Return how many tokens the model reads. Raises UserError if its config does not say so."""
    text = model.config.get_text_config()
    found = getattr(text, "max_position_embeddings", None)
    if not isinstance(found, int):
        raise UserError(
            f"the config of {type(model).__name__} does not say how many tokens it reads: add "
            '"max_position_embeddings" to its config.json'
        )
    return found


def out_of_memory(error: RuntimeError) -> bool:
    """Return whether the error says that memory ran out, on any device."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate" in str(error) or "out of memory" in str(error)


class ModelRunner:
    """A vision-language model: the sizes of its KV cache, and prefill and continuation of RowStates.

    With `lean`, decoding takes the lean step (lean_mllama.py) if the model has one.

    Raises UserError for a model without an image token, CannotFork for layers whose cache is not plain keys and values.
    """

    def __init__(self, model, lean: bool = True):
        text = model.config.get_text_config()
        image = getattr(model.config, "image_token_id", None)
        self.image_token = image if image is not None else getattr(model.config, "image_token_index", None)
        if self.image_token is None:
            raise UserError(
                f"{type(model).__name__} has no image token, so it cannot see a picture: name a vision-language model"
            )
        odd = set(getattr(text, "layer_types", None) or ()) - FORKABLE
        if odd or getattr(model.config, "is_encoder_decoder", False):
            kinds = ", ".join(sorted(odd)) or "an encoder"
            raise CannotFork(f"{type(model).__name__} has layers that the batched engine cannot fork ({kinds})")
        self.model, self.device, self.dtype = model.eval(), model.device, model.dtype
        self.cross_layers = frozenset(getattr(text, "cross_attention_layers", None) or ())
        self.cross_modules = [module for name, module in model.named_modules() if name.endswith(".cross_attn")]
        self.layers = text.num_hidden_layers - len(self.cross_layers)
        self.heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
        self.width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        self.pad, self.context = text.pad_token_id or 0, context_of(model)
        self.ready_masks = text._attn_implementation == "sdpa"  # other implementations build their own masks
        self.lean, self._step = lean, None
        self.spatial = self._spatial if hasattr(model.base_model, "get_rope_index") else None

    def why_general(self) -> str:
        """Return why decoding calls the model itself, "" if it takes the lean step."""
        return why_general(self.model) if self.lean else "the lean step is switched off"

    def lean_step(self) -> LeanStep | None:
        """Return the lean step of the model as its weights are now, in the precision of the context; None: none."""
        if self.why_general():
            return None
        kind = self.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else self.dtype
        if self._step is None or self._step.version != version(self.model, dtype):
            self._step = LeanStep(self.model, dtype)
        return self._step

    def blank(self, rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return an unwritten block (layers, 2, rows, heads, columns, width) and its empty mask (rows, columns)."""
        shape = self.layers, 2, rows, self.heads, columns, self.width
        block = torch.empty(shape, dtype=self.dtype, device=self.device)
        return block, torch.zeros(rows, columns, dtype=torch.bool, device=self.device)

    def stacked(self, pictures: list[Picture]):
        """Return the keys and values by layer, each (pictures, heads, positions, width)."""
        by_layer = zip(*(picture.layers for picture in pictures))
        return [tuple(torch.stack(side) for side in zip(*layer)) for layer in by_layer]

    def extend(self, states: list[RowState], tokens: list[list[int]], past: bool = True) -> list[RowState]:
        """Read `tokens` after each state in one batch; return the new states, each with the logits of the next token.

        `past` False returns the logits alone, for states after which no tokens will be read.
        """
        batch = BatchedCache(self, states)
        logits = batch.read(tokens)[:, -1]
        if not past:
            return [RowState(logits=row) for row in logits]
        return [
            batch.take(row, (*state.ids[: state.length], *tokens[row]), state, logits[row])
            for row, state in enumerate(states)
        ]

    def prefill(self, tokens: list[list[int]], pictures: dict) -> list[RowState]:
        """Read each row's prompt with its picture; `pictures` holds the processor's image tensors for the batch."""
        batch, pictures = BatchedCache(self, [RowState()] * len(tokens)), dict(pictures)
        if self.cross_layers:
            batch.tiles = pictures.pop("cross_attention_mask")[:, -1].bool().to(self.device)
        logits = batch.read(tokens, pictures=pictures)[:, -1]
        shifts = (batch.next - batch.mask[:, : batch.used].sum(1)).tolist()
        cross = [batch.cache.layers[number] for number in sorted(self.cross_layers)]
        sides = [tuple((layer.keys[row], layer.values[row]) for layer in cross) for row in range(len(tokens))]
        seen = [Picture(layers, batch.tiles[row]) if cross else None for row, layers in enumerate(sides)]
        return [
            batch.take(row, ids, RowState(picture=seen[row], shift=shifts[row]), logits[row])
            for row, ids in enumerate(tokens)
        ]

    def loglikelihoods(self, states: list[RowState], tokens: list[list[int]]) -> list[float]:
        """Return the summed log-probability of each row's tokens after its state (which must have its logits)."""
        first = torch.stack([state.logits for state in states]).float().log_softmax(-1)
        totals = first.gather(1, torch.tensor([[row[0]] for row in tokens], device=self.device)).squeeze(1).tolist()
        longer = [k for k, row in enumerate(tokens) if len(row) > 1]
        if longer:
            batch = BatchedCache(self, [states[k] for k in longer])
            scores = batch.read([tokens[k][:-1] for k in longer], keep=0).float().log_softmax(-1)
            for k, rows in zip(longer, scores):
                rest = tokens[k][1:]
                totals[k] += float(rows[-len(rest) :].gather(1, torch.tensor(rest, device=rows.device)[:, None]).sum())
        return totals

    def _spatial(self, ids, valid, pictures):
        """Return the positions of a first read (3, rows, tokens): time, height, width; and the next ones (rows,)."""
        grids = {name: value for name, value in pictures.items() if name.endswith("grid_thw")}
        positions, shifts = self.model.base_model.get_rope_index(
            ids, mm_token_type_ids=(ids == self.image_token).int(), attention_mask=valid.long(), **grids
        )
        return positions, valid.sum(1) + shifts.flatten()

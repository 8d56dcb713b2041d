"""One decoding step of Mllama in few calls: one token for every row of a batch, from the keys and values in the cache.

The library's step spends more than half of its time outside matrix products and attention if the model is small. Here
the projections that read the same vector are one product, the gains of the norms and the gates of cross-attention are
multiplied into the weights, the rotations come from a table, and no masks, caches or outputs are built as objects. The
sums are those of the model in another order: in float32 the logits differ by rounding alone (conformance.py checks it).

    if not why_general(model):
        step = LeanStep(model, torch.float32)
        logits = step(ids, positions, block, mask, None)
"""

import torch
from torch.nn.functional import embedding, linear, scaled_dot_product_attention
from transformers.models.mllama import modeling_mllama as library

from o1lib.inference.shared_attention import Groups

MOST_BYTES = 2 << 30  # of copied weights; the products of larger models take so long that the rest does not matter
_SOURCES = ("torch.nn.modules.", "transformers.activations", library.__name__)  # modules of the classes of its parts
_ROTATIONS = {"default", "llama3"}  # those that depend on the position alone


def step_of(model) -> str:
    """Return which step decodes a model in a batch, as a record says it: "lean", or "general: " and the reason."""
    why = why_general(model)
    return f"general: {why}" if why else "lean"


def why_general(model) -> str:
    """Return why a model's decoding has to call the model itself, "" if the lean step computes the same."""
    if type(model) is not library.MllamaForConditionalGeneration:
        return "there is no lean step for this kind of model"
    text = model.model.language_model
    if text.config.rope_parameters["rope_type"] not in _ROTATIONS:
        return "its rotations depend on the length of the text"
    parts = [model, model.model, *text.modules(), model.lm_head]
    if any(not type(one).__module__.startswith(_SOURCES) for one in parts):
        return "its layers are not the library's own (an adapter, perhaps)"
    if any(one._forward_hooks or one._forward_pre_hooks or "forward" in vars(one) for one in parts):
        return "hooks are attached to its layers"
    size = sum(weight.nbytes for one in parts for weight in one._parameters.values() if weight is not None)
    return f"a copy of its weights would take {size / 2**30:.1f} GB" if size > MOST_BYTES else ""


class LeanStep:
    """The step of one model, with its own copy of the text weights in `dtype`; `version` tells whether they are old.

    Call it with `ids` and `positions` (rows,), the cache `block` (layers, 2, rows, heads, columns, width) whose last
    column is free, `mask` (rows, columns) true where a row attends, and `pictures`: the keys and values of each
    cross-attention layer, the rows' groups (None: row k sees picture k) and the tiles that hold pictures (None: all),
    or None if no row sees a picture. It fills the last column and returns the logits (rows, vocabulary).
    """

    def __init__(self, model, dtype: torch.dtype):
        text = model.model.language_model
        config, self.dtype, self.version = text.config, dtype, version(model, dtype)
        self.heads, self.shared = config.num_attention_heads, config.num_key_value_heads
        self.width, self.eps = config.hidden_size // self.heads, config.rms_norm_eps
        self.embedding, self.device = text.embed_tokens.weight, text.embed_tokens.weight.device
        self.head = self._weight(model.lm_head.weight, text.norm)
        layers = enumerate(text.layers)
        self.layers = [
            (number in config.cross_attention_layers, *self._weights(layer, number in config.cross_attention_layers))
            for number, layer in layers
        ]
        every = torch.arange(config.max_position_embeddings, device=self.device)[None]
        cosines, sines = text.rotary_emb(self.embedding.float(), every)
        half = sines.shape[-1] // 2
        self.cosines, self.sines = cosines[0, :, None], sines[0, :, None].clone()
        self.sines[..., :half] *= -1  # what is added to each half is the other half, the first one negated

    def __call__(self, ids, positions, block, mask, pictures) -> torch.Tensor:
        """Return the logits of the next tokens (see the class)."""
        with torch.autocast(self.device.type, enabled=False):
            hidden, own, cross = embedding(ids, self.embedding), 0, 0
            turn = self.cosines[positions], self.sines[positions]
            seen = torch.zeros(mask.shape, dtype=block.dtype, device=mask.device).masked_fill_(~mask, float("-inf"))
            for crossed, first, out, wide, down, activation in self.layers:
                if not crossed:
                    attended = self._attend(self._product(hidden, first), block[own], seen[:, None, None], turn)
                    own += 1
                elif pictures is None:
                    continue
                else:
                    attended = self._look(self._product(hidden, first[0]), first[1:], pictures, cross)
                    cross += 1
                hidden = hidden + linear(attended.to(self.dtype), out)
                gate, up = self._product(hidden, wide).chunk(2, -1)
                hidden = hidden + linear(activation(gate) * up, down)
            return self._product(hidden, self.head)

    def _product(self, hidden, weight):
        """Return a product with the normalized vectors, whose gains are in the weight."""
        full = hidden.float()
        scale = full.square().mean(-1, keepdim=True).add_(self.eps).rsqrt_()
        return linear((full * scale).to(self.dtype), weight)

    def _attend(self, projected, cache, seen, turn):
        """Return what the tokens see of their own rows, (rows, heads x width), after writing them to the cache."""
        rows, both = projected.shape[0], self.heads + self.shared
        vectors = projected.view(rows, both + self.shared, self.width).to(cache.dtype)
        rotated = vectors[:, :both]
        rotated = torch.addcmul(rotated * turn[0], rotated.roll(self.width // 2, -1), turn[1]).to(cache.dtype)
        cache[0, :, :, -1], cache[1, :, :, -1] = rotated[:, self.heads :], vectors[:, both:]
        queries = rotated[:, : self.heads].reshape(rows, self.shared, -1, self.width)
        return scaled_dot_product_attention(queries, cache[0], cache[1], attn_mask=seen).reshape(rows, -1)

    def _look(self, queries, gain, pictures, layer):
        """Return what the tokens see of their pictures, (rows, heads x width); all rows of a picture at once."""
        (keys, values), groups, tiles = pictures[0][layer], pictures[1], pictures[2]
        groups = groups or Groups(*(torch.arange(len(keys), device=keys.device),) * 2)
        queries = self._normal(queries.view(len(queries), self.heads, self.width), *gain).to(keys.dtype)
        grouped = queries[groups.rows.view(len(keys), -1)].unflatten(
            2, (self.shared, -1)
        )  # (pictures, most, shared, …)
        most = grouped.shape[1]
        asked = grouped.transpose(1, 2).flatten(2, 3)
        seen = None
        if tiles is not None:
            seen = tiles.flatten(1).repeat_interleave(keys.shape[2] // tiles[0].numel(), 1)[:, None, None]
        found = scaled_dot_product_attention(asked, keys, values, attn_mask=seen)
        found = found.unflatten(2, (most, -1)).transpose(1, 2).flatten(0, 1)[groups.back]
        return found.reshape(len(queries), -1)

    def _normal(self, vectors, gain, eps):
        full = vectors.float()
        return full * (full.square().mean(-1, keepdim=True) + eps).rsqrt() * gain

    def _weights(self, layer, crossed):
        """Return a layer's weights: of what reads the token, of attention's output, and of the three of its MLP."""
        attention, mlp = (layer.cross_attn if crossed else layer.self_attn), layer.mlp
        out, down = attention.o_proj.weight, mlp.down_proj.weight
        if crossed:
            out, down = out * layer.cross_attn_attn_gate.tanh(), down * layer.cross_attn_mlp_gate.tanh()
            gain = attention.q_norm.weight.float(), attention.q_norm.variance_epsilon
            first = (self._weight(attention.q_proj.weight, layer.input_layernorm), *gain)
        else:
            joined = torch.cat([one.weight for one in (attention.q_proj, attention.k_proj, attention.v_proj)])
            first = self._weight(joined, layer.input_layernorm)
        wide = torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])
        wide = self._weight(wide, layer.post_attention_layernorm)
        return first, self._weight(out), wide, self._weight(down), mlp.act_fn

    def _weight(self, weight, norm=None):
        """Return a copy in this step's dtype, with the gain of the norm before it."""
        weight = weight.detach().float()
        return (weight * norm.weight.detach().float() if norm else weight).to(self.dtype)


def version(model, dtype: torch.dtype) -> tuple:
    """Return what changes whenever the text weights change, are moved, or should have another dtype.

    The sums are for changes that no version counter sees: those through `weight.data`, and all changes of weights that
    were made in inference mode. They take about as long as one decoding step.
    """
    text = [weight.detach() for weight in (*model.model.language_model.parameters(), model.lm_head.weight)]
    counts = [0 if weight.is_inference() else weight._version for weight in text]
    sums = torch.stack([weight.sum(dtype=torch.float32).to(text[0].device) for weight in text]).tolist()
    return dtype, *zip((weight.data_ptr() for weight in text), counts, sums, strict=True)

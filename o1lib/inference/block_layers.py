"""The library's cache over the block of a batch, for models that are called whole.

model(input_ids=ids, past_key_values=library_cache(batch, pictures=None))
"""

from transformers.cache_utils import Cache, DynamicLayer


class _BlockLayer(DynamicLayer):
    """One self-attention layer of a batch: writes into the batch's block and attends to its used columns."""

    def __init__(self, batch, index):
        super().__init__()
        self.batch, self.index, self.is_initialized = batch, index, True
        self.keys, self.values = batch.block[index, :, : batch.rows]

    def update(self, key_states, value_states, *args, **kwargs):
        """Append keys and values (rows, heads, tokens, width); return views of all of them."""
        first, start = self.batch.first, self.batch.used
        end = start + key_states.shape[-2]
        self.keys[:, :, start:end], self.values[:, :, start:end] = key_states, value_states
        return self.keys[:, :, first:end], self.values[:, :, first:end]

    def get_seq_length(self):
        """Return the number of columns in use."""
        return self.batch.used - self.batch.first


def library_cache(batch, pictures: dict | None) -> Cache:
    """Return the model's cache: the batch's block for self-attention, its pictures for cross-attention.

    With `pictures`, the tensors of a first read, the layers of cross-attention are empty, and the model fills them.
    """
    own, cross, layers = iter(range(batch.runner.layers)), iter(batch.cross), []
    for number in range(batch.runner.layers + len(batch.runner.cross_layers)):
        if number not in batch.runner.cross_layers:
            layers.append(_BlockLayer(batch, next(own)))
            continue
        layers.append(DynamicLayer())
        if batch.cross and not pictures:
            layers[-1].keys, layers[-1].values = next(cross)
            layers[-1].is_initialized = True
    return Cache(layers=layers)

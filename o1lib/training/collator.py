"""Batches of chat examples with the loss on the assistant's tokens only.

collate = collator(processor)
collate([{"messages": messages, "images": [picture]}])["labels"]    # -100 at every token that is not learned
everything, learned = supervised(processor, messages, picture)
"""

from itertools import groupby


def collator(processor, model=None):
    """Return the function that turns a list of {"messages", "images"} into a batch of tensors.

    With `model` it refuses examples that are longer than the model's context. It raises UserError for an example that
    cannot be learned from (see `CheckedCollator`).
    """
    from trl.chat_template_utils import get_training_chat_template

    from o1lib.training.trainer import CheckedCollator

    collate = CheckedCollator(
        processor=processor,
        max_length=None,
        assistant_only_loss=True,
        chat_template=get_training_chat_template(processor),
    )
    _use_list_offsets(processor)
    collate.context = getattr(model.config.get_text_config(), "max_position_embeddings", 0) if model is not None else 0
    return collate


def spans(processor, messages: list[dict], image=None) -> list[tuple[str, bool]]:
    """Return one example as [(text, whether it is learned)] in order, decoded from the tokens that the trainer sees."""
    batch = collator(processor)([{"messages": messages, "images": [] if image is None else [image]}])
    tokens = zip(batch["input_ids"][0].tolist(), (batch["labels"][0] != -100).tolist(), strict=True)
    groups = groupby(tokens, key=lambda pair: pair[1])
    return [(processor.tokenizer.decode([token for token, _ in group]), learned) for learned, group in groups]


def supervised(processor, messages: list[dict], image=None) -> tuple[str, str]:
    """Return (all text, learned text) of one example. The assistant's turns are learned, each with its end token."""
    parts = spans(processor, messages, image)
    return "".join(text for text, _ in parts), "".join(text for text, learned in parts if learned)


def _use_list_offsets(processor):
    """Make the processor look up the assistant's tokens in lists: indexing tensors took half of the collation time."""
    find = getattr(type(processor), "_adjust_assistant_masks_indices", None)

    def find_in_lists(encoded, assistant_spans):
        encoded["offset_mapping"] = getattr(encoded["offset_mapping"], "tolist", lambda: encoded["offset_mapping"])()
        return find(processor, encoded, assistant_spans)

    if find:
        processor._adjust_assistant_masks_indices = find_in_lists

"""Real models reply to probes: masking the picture after the caption changes later logits and no earlier ones."""

import pytest
import torch
from support import tiny, tinyvlm

from o1lib.evaluation.probes.forced import Request
from o1lib.evaluation.probes.model import replies, without_picture
from o1lib.inference.decoder import Decoder
from o1lib.search.types import Conversation, Task

PREFIX = "<SUMMARY> Count the dots. </SUMMARY>\n\n<CAPTION> Two red dots. </CAPTION>"
LATER = "\n\n<REASONING> 2 + 1 = 3. </REASONING>"
QUESTION = "How many dots are there?"


@pytest.fixture(scope="module")
def mllama():
    return Decoder(*tiny.model_and_processor(), temperature=0.0, max_new_tokens=6)


def read(decoder, picture, prefix=PREFIX, qid="q"):
    """Return the state after a chat with this start of the reply."""
    chat = Conversation(Task(qid, QUESTION, picture, (), QUESTION), (QUESTION,), prefix=prefix)
    with decoder.reading():
        [[(_, state, _)]] = decoder.prefiller.read([chat])
    return state


def logits_after(decoder, state, tokens):
    """Return the logits after each of `tokens`, read one by one after the state."""
    found = []
    with decoder.reading():
        for token in tokens:
            [state] = decoder.runner.extend([state], [[token]])
            found.append(state.logits)
    return torch.stack(found)


def whole(decoder, picture, prefix, **how):
    """Return the model's logits at every token of the chat, from one pass by the library itself."""
    text = decoder.chat.render((QUESTION,)) + prefix
    inputs = decoder.chat.batch([picture], [text])
    with torch.inference_mode():
        return inputs, decoder.runner.model(**inputs, **how).logits[0]


def leave_out_cross_attention(model, first):
    """Let the cross-attention layers pass tokens from position `first` on unchanged. Returns the hooks."""

    def keep(module, args, output):
        states, before = (output[0] if isinstance(output, tuple) else output), args[0]
        mixed = torch.cat([states[:, :first], before[:, first:]], 1)
        return (mixed, *output[1:]) if isinstance(output, tuple) else mixed

    return [layer.register_forward_hook(keep) for layer in model.modules() if hasattr(layer, "cross_attn")]


def test_the_mask_changes_logits_after_the_caption_and_none_before(mllama):
    model, picture = mllama.runner.model, tiny.picture(0)
    start, _ = whole(mllama, picture, PREFIX)
    inputs, open = whole(mllama, picture, PREFIX + LATER)
    first = start["input_ids"].shape[1]
    hooks = leave_out_cross_attention(model, first)
    try:
        _, hidden = whole(mllama, picture, PREFIX + LATER)
    finally:
        for hook in hooks:
            hook.remove()
    assert torch.equal(open[:first], hidden[:first])
    assert (open[first:] - hidden[first:]).abs().amax(-1).min() > 1e-3

    state = read(mllama, picture)
    later = inputs["input_ids"][0, first:].tolist()
    masked = logits_after(mllama, without_picture(state, mllama.runner), later)
    assert torch.equal(without_picture(state, mllama.runner).logits, state.logits)
    assert (masked - hidden[first:]).abs().max() < 1e-4
    assert (logits_after(mllama, state, later) - open[first:]).abs().max() < 1e-4


def test_a_cross_attention_mask_of_zeros_would_hide_nothing(mllama):
    """Why the mask is not one of the model's inputs: a fully masked row attends to the whole picture."""
    pictures, ends = (tiny.picture(0), tiny.picture(1)), []
    for picture in pictures:
        inputs, _ = whole(mllama, picture, PREFIX)
        inputs["cross_attention_mask"] = torch.zeros_like(inputs["cross_attention_mask"])
        with torch.inference_mode():
            ends.append(mllama.runner.model(**inputs).logits[0, -1])
    assert not torch.allclose(ends[0], ends[1], atol=1e-3)


@pytest.mark.parametrize("make", [tinyvlm.qwen, tinyvlm.smol])
def test_a_picture_of_tokens_is_hidden_from_later_tokens_alone(make):
    decoder = Decoder(*make(), temperature=0.0)
    picture = tiny.picture(0, 32, 32)
    state = read(decoder, picture)
    hidden = without_picture(state, decoder.runner)
    image = torch.tensor([token == decoder.runner.image_token for token in state.ids])
    assert image.sum() > 0 and hidden.kv.shape[-2] == state.kv.shape[-2] - image.sum()
    assert torch.equal(hidden.kv, state.kv[..., ~image, :])
    later = decoder.chat.ids(LATER)
    open, masked = logits_after(decoder, state, later), logits_after(decoder, hidden, later)
    assert (open - masked).abs().amax(-1).min() > 1e-4
    assert hidden.length + hidden.shift == state.length + state.shift  # the next token keeps its position


def test_tokens_without_the_picture_are_those_of_an_attention_mask():
    """For a model whose picture is a run of tokens, as the library computes it from a mask of its own."""
    decoder = Decoder(*tinyvlm.smol(), temperature=0.0)
    picture, later = tiny.picture(0, 32, 32), decoder.chat.ids(LATER)
    state = read(decoder, picture)
    masked = logits_after(decoder, without_picture(state, decoder.runner), later)
    ids = torch.tensor([[*state.ids, *later]])
    count, first = ids.shape[1], state.length
    seen = torch.ones(count, count, dtype=torch.bool).tril()
    seen[first:, :first] &= ids[0, :first] != decoder.runner.image_token
    inputs = decoder.chat.batch([picture], [decoder.chat.render((QUESTION,)) + PREFIX])
    pixels = {name: value for name, value in inputs.items() if "pixel" in name}
    with torch.inference_mode():
        expected = decoder.runner.model(
            input_ids=ids,
            attention_mask=torch.where(seen, 0.0, torch.finfo(torch.float32).min)[None, None],
            position_ids=torch.arange(count)[None],
            **pixels,
        ).logits[0, first:]
    assert (masked - expected).abs().max() < 1e-3


# ---------------------------------------------------------------- replies


def request(k=0, users=(QUESTION,), forced=(), prefix=PREFIX, **how):
    return Request(users, forced, prefix, f"q{k}", tiny.picture(k), **how)


def test_replies_do_not_depend_on_what_else_is_asked(mllama):
    reply = replies(mllama, "tags")
    asked = [
        request(0),
        request(0, masked=True),
        request(0, gray=True),
        request(1, prefix=""),
        Request((QUESTION,), (), PREFIX, "", None),
    ]
    together = reply(asked)
    assert together == [reply([one])[0] for one in asked] and len(set(together)) > 2


@pytest.mark.slow
def test_a_reply_is_what_the_model_says_by_itself():
    decoder = Decoder(*tiny.trained(), temperature=0.0)
    asked = [Request((QUESTION,), (), "", colour, tiny.coloured(colour)) for colour in tiny.COLOURS]
    free = replies(decoder, "tags")(asked)
    cut = [text[: text.index("</CAPTION>") + len("</CAPTION>")] for text in free]
    forced = [Request((QUESTION,), (), begun, one.shown, one.image) for one, begun in zip(asked, cut)]
    assert [begun + text for begun, text in zip(cut, replies(decoder, "tags")(forced))] == free


def test_turns_are_written_one_after_the_other(mllama):
    users = (f"{QUESTION} Summary.", "Caption.", "Reasoning.", "Answer.")
    asked = [
        request(k, users, ("Count the dots.", "Two red dots."), "", masked=masked) for k in (0, 1) for masked in (0, 1)
    ]
    said = []

    def spied(conversations):
        said.extend(conversations)
        return read_all(conversations)

    read_all = mllama.prefiller.read
    mllama.prefiller.read = spied
    try:
        texts = replies(mllama, "four_turn")(asked)
    finally:
        del mllama.prefiller.read
    assert len(texts) == 4 and all(isinstance(text, str) for text in texts)
    assert {len(one.replies) for one in said if len(one.users) == 4} == {3}
    assert texts == [replies(mllama, "four_turn")([one])[0] for one in asked]


def test_the_gray_picture_hides_what_is_shown(mllama):
    one, other = (read(mllama, tiny.picture(k), qid=f"p{k}").logits for k in (0, 1))
    assert not torch.allclose(one, other, atol=1e-3)
    texts = replies(mllama, "tags")([request(0, gray=True), request(1, gray=True)])
    assert texts[0] == texts[1]

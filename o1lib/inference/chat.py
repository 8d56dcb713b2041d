"""Chat template and tokenizer of a model: chats as text, text as tokens, and the tokens that end a turn.

chat = ChatTokenizer(processor, eos)
chat.render(("How many dots?",))                # "...<|image|>How many dots?<|eot_id|>...assistant...\\n\\n"
chat.turn_ids("And squares?", ids)              # the tokens of one more user turn after `ids`
"""

from o1lib.formats.characters import mended
from o1lib.models.processor import NOT_READ, Unmarked

_MARK = "%%reply%%"
SMALL = 5000  # tokens; a model with a smaller vocabulary gets the short form of judge_prompts.py


def ends_of(model) -> set[int]:
    """Return the tokens that end a turn of this model, from its own generation settings."""
    eos = model.generation_config.eos_token_id
    return set(eos) if isinstance(eos, list) else {eos}


class ChatTokenizer:
    """The chat template and the tokenizer of `processor`; `eos` are the tokens that end a turn.

    `short`: the vocabulary is smaller than SMALL. A picture's mark in the words of a person or a model is written with
    a space, so that it asks for no picture ("<image>" becomes "< image>").
    """

    def __init__(self, processor, eos: set[int]):
        self.processor, self.tokenizer = processor, processor.tokenizer
        self.eos = (eos | {self.tokenizer.eos_token_id}) - {None}
        self.short = len(self.tokenizer) < SMALL
        self.unmarked = Unmarked(processor)
        self._hidden = self.eos | {self.tokenizer.pad_token_id, self.tokenizer.bos_token_id}
        self._words, self._turns = {}, {}

    def ids(self, text: str) -> list[int]:
        """Return the tokens of a text, without special tokens around it."""
        return self.tokenizer(mended(text), add_special_tokens=False).input_ids

    def text(self, ids) -> str:
        """Return the text of tokens, without those that begin, end or pad a turn."""
        return self.tokenizer.decode([token for token in ids if token not in self._hidden])

    def word(self, token: int) -> str:
        """Return the text of one token."""
        if token not in self._words:
            self._words[token] = self.tokenizer.decode([token])
        return self._words[token]

    def render(self, users, replies=(), picture: bool = True) -> str:
        """Return a chat as text, up to the start of the next reply; the picture is in the first user turn."""
        chat = []
        for k, user in enumerate(users):
            image = [{"type": "image"}] if picture and not k else []
            chat.append({"role": "user", "content": [*image, {"type": "text", "text": self.unmarked(user)}]})
            for reply in replies[k : k + 1]:
                chat.append({"role": "assistant", "content": [{"type": "text", "text": self.unmarked(reply)}]})
        return self.processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)

    def turn_ids(self, turn: str, ids) -> list[int]:
        """Return the tokens that end the reply after `ids`, give the user turn, and open the next reply."""
        if turn not in self._turns:
            self._turns[turn] = self.ids(self.render(("", turn), (_MARK,)).split(_MARK)[1])
        tokens = self._turns[turn]
        return tokens[1:] if ids and ids[-1] == tokens[0] else tokens

    def inputs(self, tasks):
        """Return the processor's left-padded batch of the tasks' pictures and first user turns."""
        return self.batch([task.image for task in tasks], [self.render((task.opening,)) for task in tasks])

    def batch(self, pictures, texts):
        """Return the processor's left-padded batch of chat texts with one picture each.

        A file is decoded here: a processor would open it without its rotation, and black where it is transparent.
        """
        from o1lib.data.images import as_rgb  # here, so that loading a decoder imports nothing of o1lib.data

        made = self.processor(
            images=[[as_rgb(picture)] for picture in pictures],
            text=texts,
            padding=True,
            padding_side="left",
            add_special_tokens=False,
            return_tensors="pt",
        )
        for name in NOT_READ:
            made.pop(name, None)
        return made

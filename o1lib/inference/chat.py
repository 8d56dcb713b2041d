"""A model's language: chats as its template writes them, tokens, words, and what ends a turn.

voice = Voice(processor, eos)
voice.chat(("How many dots?",))                 # "...<|image|>How many dots?<|eot_id|>...assistant...\\n\\n"
voice.turn_ids("And squares?", ids)             # the tokens of one more user turn behind `ids`
"""

_MARK = "%%reply%%"
SMALL = 5000  # tokens; a model with a smaller vocabulary is asked to judge in the short form of prompts.py


def ends_of(model) -> set[int]:
    """Return the tokens that end a turn of this model, by its own generation settings."""
    eos = model.generation_config.eos_token_id
    return set(eos) if isinstance(eos, list) else {eos}


class ChatTokenizer:
    """Speaks through `processor`; `eos` are the tokens that end a turn. `short`: see SMALL."""

    def __init__(self, processor, eos: set[int]):
        self.processor, self.tokenizer = processor, processor.tokenizer
        self.eos = (eos | {self.tokenizer.eos_token_id}) - {None}
        self.short, self.spoken = len(self.tokenizer) < SMALL, False  # spoken: it has given a finite number
        self._hidden = self.eos | {self.tokenizer.pad_token_id, self.tokenizer.bos_token_id}
        self._words, self._turns = {}, {}

    def ids(self, text: str) -> list[int]:
        """Return the tokens of a text as it stands."""
        return self.tokenizer(text, add_special_tokens=False).input_ids

    def text(self, ids) -> str:
        """Return the words of tokens, without the tokens that end or pad a turn."""
        return self.tokenizer.decode([token for token in ids if token not in self._hidden])

    def word(self, token: int) -> str:
        """Return the text of one token."""
        if token not in self._words:
            self._words[token] = self.tokenizer.decode([token])
        return self._words[token]

    def chat(self, users, replies=(), picture: bool = True) -> str:
        """Return a chat as text, up to where the assistant speaks next; the picture stands in the first user turn."""
        chat = []
        for k, user in enumerate(users):
            image = [{"type": "image"}] if picture and not k else []
            chat.append({"role": "user", "content": [*image, {"type": "text", "text": user}]})
            for reply in replies[k : k + 1]:
                chat.append({"role": "assistant", "content": [{"type": "text", "text": reply}]})
        return self.processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)

    def turn_ids(self, turn: str, ids) -> list[int]:
        """Return the tokens that end the assistant's turn after `ids`, say the user turn, and open the next reply."""
        if turn not in self._turns:
            self._turns[turn] = self.ids(self.chat(("", turn), (_MARK,)).split(_MARK)[1])
        tokens = self._turns[turn]
        return tokens[1:] if ids and ids[-1] == tokens[0] else tokens

    def inputs(self, tasks):
        """Return the processor's left-padded batch of the tasks' pictures and first user turns."""
        return self.batch([task.image for task in tasks], [self.chat((task.opening,)) for task in tasks])

    def batch(self, pictures, texts):
        """Return the processor's left-padded batch of chats about one picture each."""
        return self.processor(
            images=[[picture] for picture in pictures],
            text=texts,
            padding=True,
            padding_side="left",
            add_special_tokens=False,
            return_tensors="pt",
        )

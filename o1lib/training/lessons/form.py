"""The two forms of a lesson: a chat, and raw text of which only some words are learned.

    chat([("What is at top?", "cup")], picture)                 # an example for o1lib.training.fit
    raw([("cup is 7. jar is 3. cup is", False), (" 7", True)])  # no header; only " 7" is learned

Raw texts need `LESSON_TEMPLATE` in the processor while the base is trained. A finished base has the usual template.
"""

from collections.abc import Sequence

from o1lib.models.tokenizer import CHAT_TEMPLATE

_HEADER = "    {{- '<|start_header_id|>'"
_RAW = """\
    {%- if message['raw'] %}
        {%- for part in message['content'] %}
            {%- if part['type'] == 'given' %}{{- part['text'] }}
            {%- else %}{%- generation %}{{- part['text'] }}{%- endgeneration %}{%- endif %}
        {%- endfor %}
        {%- continue %}
    {%- endif %}
"""
LESSON_TEMPLATE = CHAT_TEMPLATE.replace(_HEADER, _RAW + _HEADER, 1)


def chat(turns: Sequence[tuple[str, str]], picture=None) -> dict:
    """Return {"messages", "images"} of a chat of (user text, assistant text) turns. Every assistant text is learned."""
    messages = []
    for user, assistant in turns:
        shown = [{"type": "image"}] if picture is not None and not messages else []
        messages.append({"role": "user", "content": [*shown, {"type": "text", "text": user}]})
        messages.append({"role": "assistant", "content": [{"type": "text", "text": assistant}]})
    return {"messages": messages, "images": [] if picture is None else [picture]}


def lesson_table(lessons: Sequence[dict]) -> list[dict]:
    """Return a row {"given", "learned"} for every learned part of each lesson, with the text before it."""
    rows = []
    for lesson in lessons:
        given = ["[picture]"] * len(lesson["images"])
        for message in lesson["messages"]:
            for part in message["content"]:
                if message["role"] == "assistant" and part["type"] == "text":
                    rows.append({"given": " ".join(given), "learned": part["text"]})
                    given = []
                elif "text" in part:
                    given.append(part["text"])
    return rows


def raw(parts: Sequence[tuple[str, bool]]) -> dict:
    """Return {"messages", "images"} of a text without chat marks, given as (text, whether it is learned)."""
    content = [{"type": "text" if learned else "given", "text": text} for text, learned in parts]
    return {"messages": [{"role": "assistant", "raw": True, "content": content}], "images": []}

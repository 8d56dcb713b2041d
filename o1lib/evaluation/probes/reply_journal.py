"""Keep a model's replies in a file, so that an interrupted suite goes on where it was.

    reply = kept_replies(replies(decoder, "tags"), Path("probes.jsonl"), {"model": model_hash(folder)})

A request is known by its words and by what its picture shows, not by names. The first line holds the settings. A file
of other settings is renamed, and lines that cannot be read are dropped.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, replace
from pathlib import Path

from o1lib.data.images import picture_of
from o1lib.evaluation.probes.forced import Reply, Request
from o1lib.records.journals import Journal


def kept_replies(reply: Reply, path: Path, settings: Mapping) -> Reply:
    """Return `reply` with a memory in the file `path`; `settings` (plain values) name what else the texts depend on.

    Raises UserError when the file cannot be written.
    """
    journal = Journal(path, settings, _kept, "those texts are generated again")
    found, pictures = dict(journal.entries), {}

    def remembered(requests):
        """Return the texts of requests: those in the file, and new ones, which are added to it."""
        new = [one for one in requests if one.shown and one.shown not in pictures]
        pictures.update({one.shown: picture_hash(picture_of(one)) for one in new})
        keys = [_key(request, pictures.get(request.shown, "")) for request in requests]
        new = {key: request for key, request in zip(keys, requests) if key not in found}
        texts = dict(zip(new, reply(list(new.values())), strict=True)) if new else {}
        found.update(texts)
        journal.add(*({"key": key, "text": text} for key, text in texts.items()))
        return [found[key] for key in keys]

    return remembered


def _key(request: Request, picture: str) -> str:
    """Return the hash of a request; `picture` stands for what it shows."""
    return hashlib.sha256(repr(astuple(replace(request, image=None, shown=picture))).encode()).hexdigest()[:24]


def picture_hash(image) -> str:
    """Return the hash of what a PIL picture shows: its size and its pixels."""
    return hashlib.sha256(repr(image.size).encode() + image.tobytes()).hexdigest()


def _kept(line: dict) -> tuple[str, str]:
    """Return (key, text) of a line. Raises KeyError or ValueError for a line of another form."""
    if not (isinstance(line["key"], str) and isinstance(line["text"], str)):
        raise ValueError("a key and a text are needed")
    return line["key"], line["text"]

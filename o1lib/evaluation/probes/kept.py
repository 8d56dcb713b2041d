"""Keep a model's replies in a file, so that an interrupted suite goes on where it was.

    reply = kept_replies(replies(decoder, "tags"), Path("replies.jsonl"), {"model": model_hash(folder)})

The first line holds the settings. A file of other settings is discarded, a last line that a kill cut short ignored.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, replace
from pathlib import Path

from o1lib.evaluation.probes.forced import Reply, Request
from o1lib.records import to_json
from o1lib.records.files import LONE_SURROGATES, disk_errors


def kept_replies(reply: Reply, path: Path, settings: Mapping) -> Reply:
    """Return `reply` with a memory in the file `path`; `settings` (plain values) name what else the texts depend on.

    Raises UserError when the file cannot be written.
    """
    head, found = to_json({"settings": dict(settings)}, path.name), {}
    lines = path.read_text(encoding="utf8").split("\n") if path.is_file() else []
    if lines[:1] == [head]:
        found = dict(filter(None, map(_kept, lines[1:-1])))
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(line + "\n" for line in [head, *(_line(*one) for one in found.items())]), "utf8")

    def remembered(requests):
        keys = [_key(request) for request in requests]
        new = {key: request for key, request in zip(keys, requests) if key not in found}
        texts = dict(zip(new, reply(list(new.values())), strict=True)) if new else {}
        found.update(texts)
        with disk_errors(path), open(path, "a", encoding="utf8", errors=LONE_SURROGATES) as file:
            file.writelines(_line(*one) + "\n" for one in texts.items())
        return [found[key] for key in keys]

    return remembered


def _key(request: Request) -> str:
    """Return the hash of a request without its picture, which `shown` names."""
    return hashlib.sha256(repr(astuple(replace(request, image=None))).encode()).hexdigest()[:24]


def _line(key, text):
    return json.dumps({"key": key, "text": text})


def _kept(line):
    try:
        found = json.loads(line)
        return found["key"], found["text"]
    except (ValueError, KeyError):
        return None

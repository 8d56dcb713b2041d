"""Count the steps of the reasoning in released outputs, before templates are made as long as they are.

A step is a sentence, an item of a list or a displayed formula. The last part states the answer and is not counted,
unless it is the only one.

    python -m o1lib reasoning-steps outputs.jsonl --field prediction      # {"answers": 283, "steps": {"1": 8, ...}}
    steps_in("Read both. 2 + 3 = 5. Therefore, it is 5.")                  # 2
"""

import re
from collections import Counter
from pathlib import Path

from o1lib.data.llava_cot import lines
from o1lib.formats.stages import parse
from o1lib.records import UserError, shown

# A new step: after the end of a sentence, after a colon that ends a line, after an empty line, at an item of a list.
_BREAK = re.compile(r"(?<=[.!?])\s+(?=[A-Z\\\d*-])|(?<=:)\s*\n|\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)")
_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s*$")  # the mark of an item alone, cut from its sentence


def steps_in(reasoning: str) -> int:
    """Return the number of steps of a reasoning, 0 for an empty one."""
    parts = [part for part in _BREAK.split(reasoning) if part.strip() and not _ITEM.match(part)]
    return max(len(parts) - 1, 1) if parts else 0


def step_counts(file: str | Path, field: str = "prediction") -> dict:
    """Return {"answers": number of texts with a reasoning, "steps": {number of steps: number of texts}}.

    `file` is JSONL and `field` the key of the staged text. Raises UserError for a line without it.
    """
    counts = Counter()
    for where, line in lines(Path(file)):
        if not isinstance(line, dict) or not isinstance(line.get(field), str):
            raise UserError(f"{where} of {shown(file)} has no text '{field}'; name the key of the text with --field.")
        counts[steps_in(parse(line[field]).stages.get("reasoning", ""))] += 1
    del counts[0]
    return {"answers": counts.total(), "steps": dict(sorted(counts.items()))}

"""Tell how a row picks its tokens, so that a contrast of two arms is not a contrast of two ways of decoding.

    how_decoded({"method": "sample", "temperature": 0.6, "top_p": 0.9})    # "sampled (temperature 0.6, top-p 0.9)"
    decodings()["base.greedy"]                                            # "greedy"

An arm whose answers are sampled loses points to the same arm decoded greedily, so a claim about arms needs both sides
decoded alike. Searches over sampled candidates count as sampled: what they choose among is what one sample would be.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from o1lib.records import project_root
from o1lib.search.methods import METHODS

SCORING = "03_search_and_score"  # the notebook that answers questions
TOKEN_BEAM = "token_beam"  # keeps the likeliest continuations, and so samples nothing


def how_decoded(parameters: Mapping[str, Any]) -> str:
    """Return in words how a row with these parameters of `03_search_and_score` picks tokens; "" if it has no method."""
    method = parameters.get("method")
    if not method:
        return ""
    if method == TOKEN_BEAM:
        return "token beam"
    if method in METHODS and METHODS[method].greedy:
        return "greedy"
    return f"sampled (temperature {parameters.get('temperature')}, top-p {parameters.get('top_p')})"


def decodings(path: Path | None = None) -> dict[str, str]:
    """Return {row: how it decodes} of the rows of an experiments.yaml that answer questions, {} without such a file.

    A parameter of a row comes before the default of its notebook.
    """
    path = path or project_root() / "experiments.yaml"
    if not path.is_file():
        return {}
    study = yaml.safe_load(path.read_text(encoding="utf8")) or {}
    defaults = (study.get("defaults") or {}).get(SCORING) or {}
    rows = {name: row for name, row in (study.get("rows") or {}).items() if row.get("notebook") == SCORING}
    return {name: how_decoded(defaults | (row.get("parameters") or {})) for name, row in rows.items()}

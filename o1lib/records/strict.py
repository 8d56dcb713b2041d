"""A pydantic base class for parts of a hand-written file (experiments.yaml, claims.yaml) that refuses unknown keys.

class Row(StrictModel):
    notebook: str
Row.model_validate({"notebok": "02_train_sft"})     # ValidationError: extra key
"""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Base class for a part of a file. An unknown key is an error, and the parts are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)

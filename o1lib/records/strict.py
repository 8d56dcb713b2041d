"""A pydantic model for parts of a hand-written file (experiments.yaml, claims.yaml), in which a typo is an error.

class Row(StrictModel):
    notebook: str
Row.model_validate({"notebok": "02_train_sft"})     # ValidationError: extra key
"""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """A part of a file in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

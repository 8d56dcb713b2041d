"""What experiments.yaml may hold: rows, scales with their settings, and the whole study.

Study.model_validate({"rows": {"a": {"notebook": "02_train_sft"}}, "scales": {"mini": {"jobs": 2}}}).scales["mini"].jobs
"""

import re
from typing import Literal

from pydantic import Field, field_validator

from o1lib.records.strict import StrictModel
from o1lib.study.resources import Resources
from o1lib.study.twins import TwinSpec


class RowSpec(StrictModel):
    """One kind of run. It needs the rows that its LINKS parameters name, and the rows in `needs`.

    A row of o1lib.study.twins is `twin_of` another one, `on_base` another base.
    """

    notebook: str
    parameters: dict[str, bool | int | float | str] = Field(default_factory=dict)
    needs: list[str] = Field(default_factory=list)
    groups: list[str] = Field(default_factory=list)
    once: bool = False  # the same for every seed, so it runs at seed 0 only
    twin_of: str = Field(default="", max_length=0)
    on_base: str = Field(default="", max_length=0)


class ScaleSpec(StrictModel):
    """Settings of one scale: parameters by notebook and by row, estimated seconds by notebook or row, GPUs needed.

    `resources` is what a row asks of a cluster's scheduler, by notebook or row (o1lib.study.resources).

    `seeds` is how many seeds a verdict needs of a row or of the rows of a group; rows without it need none. They are
    that many from `first_seed` on. Where SEEDS names none, rows run with the seeds that a verdict needs, or with the
    first one; if ROWS names a key of `repeats`, with as many as that gives them, in the same form.
    `group` and `jobs` are the defaults of ROWS and JOBS. `base` holds the parameters with which notebook 00 trains the
    base that the scale ships (`make base`), and `rates_of` the first digits of the SHA-256 of the weights with which
    its learning rates were chosen (o1lib.study.unready). `diverged` names the optimizer of each try of a rate that left
    no record because training diverged; it counts as one without a right answer (o1lib.study.rates). A scale that is
    `like` another has the models and parameters of that scale except those that it sets itself. Its runs and results
    are its own.
    """

    like: str = ""
    group: str = "core"
    jobs: int = Field(default=1, ge=1)
    gpus: int = 0
    gpu_memory_gb: float = 0
    notebooks: dict[str, dict[str, bool | int | float | str]] = Field(default_factory=dict)
    rows: dict[str, dict[str, bool | int | float | str]] = Field(default_factory=dict)
    base: dict[str, bool | int | float | str] = Field(default_factory=dict)
    seconds: dict[str, float] = Field(default_factory=dict)
    resources: dict[str, Resources] = Field(default_factory=dict)
    seeds: dict[str, int] = Field(default_factory=dict)
    repeats: dict[str, dict[str, int]] = Field(default_factory=dict)
    first_seed: int = Field(default=0, ge=0)
    rates_of: str = ""
    diverged: dict[str, Literal["adamw", "muon"]] = Field(default_factory=dict)


class Study(StrictModel):
    """The whole of experiments.yaml. `defaults` holds parameters by notebook.

    `groups` holds groups by what they hold (o1lib.study.groups), `twins` what also runs on other bases.
    """

    defaults: dict[str, dict[str, bool | int | float | str]] = Field(default_factory=dict)
    rows: dict[str, RowSpec]
    groups: dict[str, list[str]] = Field(default_factory=dict)
    twins: list[TwinSpec] = Field(default_factory=list)
    scales: dict[str, ScaleSpec]

    @field_validator("rows")
    @classmethod
    def _check_names(cls, rows):
        if wrong := [row for row in rows if not re.fullmatch(r"[A-Za-z0-9_.+-]+", row) or row in ("core", "all")]:
            raise ValueError(f"{wrong[0]!r} cannot name a row, use letters, digits and _ . + -")
        return rows

    @field_validator("scales")
    @classmethod
    def _resolve_like(cls, scales):
        return {name: _inherit(scales, name) for name in scales}


def _inherit(scales: dict[str, ScaleSpec], name: str) -> ScaleSpec:
    """Return a scale with the settings of the one that it is `like`. Raises ValueError if that has no own settings."""
    own = scales[name]
    if not own.like:
        return own
    other = scales.get(own.like)
    if other is None or other.like:
        possible = ", ".join(known for known, scale in scales.items() if not scale.like)
        raise ValueError(f"scale {name} is like {own.like!r}, which is not one of {possible}")
    nested = {
        part: {key: values | getattr(own, part).get(key, {}) for key, values in getattr(other, part).items()}
        for part in ("notebooks", "rows")
    }
    nested = {part: getattr(own, part) | values for part, values in nested.items()}
    given = {part: getattr(own, part) for part in own.model_fields_set}
    given |= {part: getattr(other, part) | getattr(own, part) for part in ("seconds", "resources")}
    return other.model_copy(update={"base": {}} | given | nested)

"""Read the frozen margins: within which difference a claim's contrast is called negligible.

    frozen_margins(load_claims())        # {"A4": FrozenMargin(0.021, 0.8), ...}; {} while no margin is frozen

`results/margins.json` is written by `python -m o1lib margins --freeze`, from the pilot that the protocol names, and not
changed afterwards. A margin counts only for the contrast that it was computed for.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from o1lib.analysis.claims.registry import Claim
from o1lib.minivqa.testsets import MARGINS as FILE
from o1lib.records import UserError, project_root, shown
from o1lib.records.journals import load_json


class FrozenMargin(NamedTuple):
    """A margin as a fraction, and the probability that a true difference of zero is called negligible within it."""

    value: float
    power: float


def frozen_margins(claims: Iterable[Claim], path: Path | None = None) -> dict[str, FrozenMargin]:
    """Return {claim id: margin} of the claims whose contrast has a frozen margin.

    Raises UserError for a file of another form, and where a frozen margin belongs to another contrast than the claim's.
    """
    path = path or project_root() / FILE
    if not path.is_file():
        return {}
    try:
        entries = dict(load_json(path)["margins"])
        found = {claim.id: (claim, entries[claim.id]) for claim in claims if claim.id in entries}
        margins = {
            name: FrozenMargin(float(entry["margin"]), float(entry["power"])) for name, (_, entry) in found.items()
        }
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{shown(path)} is not a file of margins ({error}): restore the committed one") from error
    for name, (claim, entry) in found.items():
        if entry.get("contrast") != claim.contrast.model_dump(mode="json"):
            raise UserError(
                f"the margin of {name} in {shown(path)} was frozen for another contrast: restore claims.yaml"
            )
    return margins

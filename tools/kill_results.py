"""Compare the results of a run that was killed with those of a run that was not.

alike({"logprob": -1.0, "text": "3"}, {"logprob": -1.00001, "text": "3"})     # True
"""

import math


def comparable(row: dict) -> dict:
    """Return a prediction without the seconds that it took."""
    return row | {"ledger": {name: value for name, value in row["ledger"].items() if name != "seconds"}}


def alike(one, other) -> bool:
    """Return whether two results of a search are equal.

    Numbers with a fraction, such as log-probabilities, may differ by 1e-4 of their value: a resumed search decodes
    other questions in the same batch. Texts, choices and counts must be equal.
    """
    if isinstance(one, float) and isinstance(other, float):
        return one == other or math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-4)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other

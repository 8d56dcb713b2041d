"""Which seeds the points of a curve share, so that neighboring points come from the same runs.

    points = {"stage_beam1": {0, 1}, "stage_beam2": {0}, "stage_beam4": {0, 1}}
    seeds = shared_seeds(points)            # (0,)
    left_out(points, seeds)                 # "seed 1 of stage_beam1, stage_beam4"

Seeds differ in what training made of them, so a curve whose points average over different seeds bends where the seeds
change. A point that lacks one of the shared seeds is not on the curve.

A table has the seeds behind each line in its column `pooled`, as text, and those that were not used in `left_out`.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

import pandas as pd

from o1lib.records import Record

T = TypeVar("T")
Seeds = tuple[int, ...]
Points = Mapping[Hashable, Collection[int]]  # {name of a point: its seeds}


def shared_seeds(points: Points) -> Seeds:
    """Return the seeds that all points share; where no seed is in all, those of as many points as possible.

    These are the points with the seed that most points have, the smallest of several such seeds.
    """
    tally = Counter(seed for seeds in points.values() for seed in set(seeds))
    if not tally:
        return ()
    first = min(tally, key=lambda seed: (-tally[seed], seed))
    return tuple(sorted(set.intersection(*(set(seeds) for seeds in points.values() if first in seeds))))


def listed(seeds: Collection[int]) -> str:
    """Return seeds as text, as "0, 1"."""
    return ", ".join(map(str, sorted(seeds)))


def left_out(points: Points, seeds: Seeds) -> str:
    """Return in words which seeds of which points are not used where `seeds` are pooled, "" where all are.

    Of a point that lacks one of `seeds` none is used.
    """
    beyond: dict[str, list[str]] = defaultdict(list)
    for name, own in points.items():
        if unused := set(own) - set(seeds) if set(seeds) <= set(own) else set(own):
            beyond[listed(unused)].append(str(name))
    return "; ".join(f"seed {unused} of {', '.join(names)}" for unused, names in beyond.items())


def same_seeds(rows: Mapping[str, Sequence[Record]]) -> tuple[dict[str, list[Record]], dict[str, str]]:
    """Return the records of each row with the seeds that all rows share, and `pooled` and `left_out` as in a table.

    A row that lacks one of these seeds is absent.
    """
    return over_same_seeds({row: {record.seed: record for record in some} for row, some in rows.items()})


def over_same_seeds(points: Mapping[str, Mapping[int, T]]) -> tuple[dict[str, list[T]], dict[str, str]]:
    """Return what each point has of the seeds that all points share, by rising seed, and `pooled` and `left_out`.

    A point that lacks one of these seeds is absent.
    """
    seeds = shared_seeds(points)
    used = {name: [own[seed] for seed in seeds] for name, own in points.items() if seeds and own.keys() >= set(seeds)}
    return used, {"pooled": listed(seeds), "left_out": left_out(points, seeds)}


def by_look(looks: Iterable[tuple[Record, Mapping]]) -> dict[str, dict[int, tuple[Record, Mapping]]]:
    """Return {look: {seed: (record, line)}} of lines of training logs, a look being named by its number of examples."""
    found: dict[int, dict[int, tuple[Record, Mapping]]] = defaultdict(dict)
    for record, line in looks:
        found[line["examples"]][record.seed] = record, line
    return {f"{examples} examples": found[examples] for examples in sorted(found)}


def of_seeds(records: Iterable[Record], pooled: str) -> list[Record]:
    """Return the records whose seed is one of `pooled`, which is text as in a table."""
    wanted = pooled.split(", ")
    return [record for record in records if str(record.seed) in wanted]


def summarize_pooled(found: pd.DataFrame, by: str = "", name: str = "") -> list[str]:
    """Return a sentence for each set of seeds behind a table: what they are, and which were left out (Markdown).

    `by` is the column that names the curves; without it the table is one curve, called `name`.
    """
    names: dict[tuple[str, str], dict] = defaultdict(dict)
    for line in found.to_dict("records"):
        names[line["pooled"], line["left_out"]][line[by] if by else name] = None
    return [
        f"**{'; '.join(some)}**: seed{'s' * (', ' in pooled)} {pooled}" + (f"; not used: {rest}." if rest else ".")
        for (pooled, rest), some in names.items()
    ]

"""Items beyond those of an arm's dataset, for training on more of them: the rest of its row, then new drawings.

    fresh = fresh_items(run, 36_000, take, "3200000")   # `take` yields from an endless iterator what is needed

New drawings are those of the training split at the indices after the dataset's own. So they have the guarantees of the
split: no scene of a test or validation item, and no drawing twice.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from o1lib.data.dataset import read_items, write_items
from o1lib.data.images import picture_of
from o1lib.data.mini_vqa import training
from o1lib.records import UserError, need
from o1lib.training.launch import first_decides

DRAWN = "minivqa"  # the source of datasets that can be drawn further
_ENDLESS = 10_000_000  # more drawings than any arm takes; they are drawn one by one


def fresh_items(run, examples: int, take: Callable[[Iterable], Iterator], name: str) -> Sequence:
    """Return the items that `take` yields from those after the first `examples` of the run's dataset, gray if blind.

    They are written to the run's folder, so that their pictures are not held in memory and a resumed run does not draw
    them again. `name` stands for what `take` does: the same call finds its items again, another one does not. Raises
    UserError if the dataset cannot be drawn further.
    """
    folder = run.path(f"data/fresh-{examples}-{name}")
    first_decides(lambda: folder.is_dir() or _write(take(_further(run, examples)), folder))
    items = read_items(folder) if folder.is_dir() else []
    return with_pictures(items, run.parameters.get("blind", False))


def _write(items: Iterator, folder) -> None:
    first = next(items, None)
    if first is not None:
        write_items(_chained(first, items), folder)


def _chained(first, items):
    yield first
    yield from items


def _further(run, examples):
    """Yield the items of the run's dataset after the first `examples`, then drawings at higher indices."""
    data = run.parameters["data"]
    if not data:
        return (yield from training(_ENDLESS, examples))
    record = need(run.root, data, run.seed)
    yield from read_items(record.folder / "data" / "train")[examples:]
    if record.parameters.get("source", DRAWN) != DRAWN:
        raise UserError(
            f"row '{data}' has too few items for as many positions, and its source draws no more: set more to 'repeat'"
        )
    yield from training(_ENDLESS, record.parameters["n_train"])


def with_pictures(items: Sequence, blind: bool) -> Sequence:
    """Return the items, with gray pictures if `blind`."""
    return [replace(item, image=picture_of(item, blind)) for item in items] if blind else items

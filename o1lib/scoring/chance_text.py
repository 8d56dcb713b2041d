"""Chance levels as text, for commands.

print(describe_levels(read_levels(path), sha256(path)))
"""

from o1lib.scoring.chance_level import AVERAGE, Cell, ChanceLevels, Level


def describe_levels(levels: ChanceLevels, digest: str = "") -> str:
    """Return one line for each test set, all lines and the average: level in percent, lines, and the best policy."""
    names = [*levels.scores, *(name for name in ("accuracy", AVERAGE) if name in levels.levels)]
    head = f"chance levels, counted on {levels.training_items:,} training items" + f", sha256 {digest[:12]}" * bool(
        digest
    )
    return "\n".join([head, *(_line(name, levels.levels[name]) for name in names)])


def describe_cells(levels: ChanceLevels) -> str:
    """Return one line for each set, depth and form."""
    return "\n".join(_line(_name(cell), cell) for cell in levels.cells)


def _line(name: str, level: Level) -> str:
    policies = ", ".join(f"{form}: {policy}" for form, policy in level.policy.items())
    return f"{name:<40}{100 * level.value:6.1f} %  n = {level.n:<6}{policies}".rstrip()


def _name(cell: Cell) -> str:
    depth = "every depth" if cell.depth is None else f"depth {cell.depth}" if cell.depth else "depth unknown"
    return f"{cell.test_set or 'all lines'}, {depth}, {cell.form or 'every form'}"

"""What readiness asks of the two main arms, as numbers: criteria, a table by depth, and an entry for the log.

    criteria(items, direct_lines, structured_lines, rates, chance)
    # {"direct above chance": {"value": 0.17, "low": 0.13, "n": 612, "floor": 0.1, "passed": True}, ...}

Each arm is compared with chance, never with the other. A criterion is met if the lower end of the 95 % interval
(Wilson's) reaches the floor, over at least NEEDED questions.
"""

from collections.abc import Callable, Mapping, Sequence

from o1lib.evaluation.probes.rates import letters_kept
from o1lib.scoring.intervals import metric, share
from o1lib.scoring.stage_scores import letter_kept

NEEDED = 600  # questions behind each criterion
ABOVE_CHANCE, LETTERS_KEPT = 0.10, 0.95  # floors of the lower bounds
SHALLOW = (1, 2)  # depths at which an arm has to be above chance
Chance = Callable[[Sequence], float]


def criteria(items, direct, structured, followed: Mapping, chance: Chance, needed: int = NEEDED) -> dict[str, dict]:
    """Return {criterion: {value, low, n, floor, passed}} from items, the predictions of both arms and follow rates.

    `passed` is None for what is reported and not required.
    """
    choices = [(item, line["output"]) for item, line in zip(items, structured) if item.options]
    stated = share(letter_kept(output, item.options) is not None for item, output in choices)
    letters = letters_kept(*zip(*choices)) if choices else None
    return {
        "direct above chance": _above(items, direct, chance, needed),
        "structured above chance": _above(items, structured, chance, needed),
        "structured gives the letter of its option": _checked(letters, LETTERS_KEPT, needed),
        "structured states an option": _checked(stated, None, needed),
        "structured follows a swapped caption": _checked(followed.get("follows_caption"), None, needed),
        "structured follows a swapped reasoning": _checked(followed.get("follows_reasoning"), None, needed),
    }


def above_chance(correct: Sequence[bool], chance: float) -> dict | None:
    """Return (accuracy - chance) / (1 - chance) with its 95 % interval; the chance level counts as known.

    None without answers.
    """
    found = share(correct)
    if not found:
        return None
    value, low, high = ((found[key] - chance) / (1 - chance) for key in ("value", "low", "high"))
    return metric(value, found["n"], low, high)


def by_depth(items: Sequence, lines: Sequence[dict], chance: Chance) -> dict[str, dict]:
    """Return {depth: {"accuracy", "chance", "above_chance"}} of an arm's predictions."""
    found = {}
    for depth in sorted({getattr(item, "depth", 0) for item in items}):
        own, right = _at(items, lines, (depth,))
        level = chance(own)
        accuracy = share(right)
        found[str(depth)] = {
            "accuracy": accuracy,
            "chance": level,
            "above_chance": above_chance(right, level) if level < 1 else None,
        }
    return found


def log_entry(found: Mapping, name: str) -> str:
    """Return a dated entry for results/LOG.md in Markdown: one row for each criterion."""
    verdict = "met" if found["passed"] else "not met"
    lines = [
        f"## {found['date']}: readiness of {found['scale']}, {name}: {verdict}",
        "",
        "| criterion | value | lower 95 % bound | n | floor | met |",
        "|---|---|---|---|---|---|",
    ]
    for criterion, one in found["criteria"].items():
        numbers = (f"{one[key]:.3f}" if one[key] is not None else "-" for key in ("value", "low"))
        floor = "reported" if one["floor"] is None else f"{one['floor']:.2f}"
        met = {True: "yes", False: "no", None: "-"}[one["passed"]]
        lines.append(f"| {criterion} | {' | '.join(numbers)} | {one['n']} | {floor} | {met} |")
    return "\n".join(lines) + "\n"


def _above(items, lines, chance, needed):
    own, right = _at(items, lines, SHALLOW)
    return _checked(above_chance(right, chance(own)), ABOVE_CHANCE, needed)


def _at(items, lines, depths):
    """Return the items of these depths, and whether each is answered rightly."""
    both = [(item, line["correct"]) for item, line in zip(items, lines) if getattr(item, "depth", 0) in depths]
    return [item for item, _ in both], [right for _, right in both]


def _checked(found, floor, needed):
    """Return a metric as a criterion: met if its lower bound reaches `floor` over enough questions."""
    value, low, n = (found[key] if found else None for key in ("value", "low", "n"))
    passed = None if floor is None else bool(found) and n >= needed and low >= floor
    return {"value": value, "low": low, "n": n or 0, "floor": floor, "passed": passed}

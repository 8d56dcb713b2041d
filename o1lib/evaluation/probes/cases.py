"""The parts that all probes of the faithfulness suite share: what is asked, one line for each reply, shares of lines.

setting = Setting(items, {"q1": partner}, "tags")
case = Case("swap", "own picture, own chain", item, request, other=partner.answer)
line = line_of(case, " B </CONCLUSION>", "tags")        # {"qid": ..., "pred": "B", "right": True, "follows": False}
Lines(lines).drop("right", "chain", "filler")           # the paired difference of two conditions
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from o1lib.evaluation.probes.forced import Request, chain_stages, read_answer
from o1lib.evaluation.probes.intervals import paired
from o1lib.formats.answer_forms import form_of
from o1lib.minivqa.facts import statements
from o1lib.scoring import correct
from o1lib.scoring.intervals import share


@dataclass(frozen=True)
class Setting:
    """The questions of a suite: `items`, and {qid: partner} for those whose picture and chain can be swapped.

    A partner has the same question and another answer. `seed` draws the errors that are put into chains.
    """

    items: Sequence
    partners: Mapping[str, Any]
    format: str
    seed: int = 0

    @property
    def pairs(self) -> list[tuple]:
        """The items that have a partner, each with it."""
        return [(item, self.partners[item.qid]) for item in self.items if item.qid in self.partners]


@dataclass(frozen=True)
class Case:
    """One request of a probe. `other` is the answer that a model gives if it follows what was changed.

    `at` is the share of the reasoning's steps that were given (early answering).
    """

    probe: str
    condition: str
    item: Any
    request: Request
    other: str = ""
    at: float | None = None


@dataclass(frozen=True)
class Probe:
    """One probe: its label in tables, its requests, and its metrics by name, computed from its lines alone.

    `needs` are stages that the format has to write before its answer. `pairs`: it swaps items. `masks`: the picture
    must be hidden from later tokens.
    """

    label: str
    cases: Callable[[Setting], list[Case]]
    metrics: Callable[["Lines"], dict[str, dict | None]]
    needs: tuple[str, ...] = field(default=())
    pairs: bool = False
    masks: bool = False

    def missing(self, setting: Setting, masks: bool) -> str:
        """Say why the probe cannot be run, "" if it can."""
        lacking = [stage for stage in self.needs if stage not in chain_stages(setting.format)]
        if lacking:
            return f"format '{setting.format}' does not write {' and '.join(lacking)} before its answer"
        if self.pairs and not setting.pairs:
            return "no two questions have the same text and different answers"
        return "the picture cannot be hidden from later tokens of this model" if self.masks and not masks else ""


def line_of(case: Case, text: str, format: str) -> dict:
    """Return the line of one reply: which question and condition, the answer read, and whether it is right.

    `follows` is None where nothing was changed that an answer could follow. An unread answer counts as neither.
    """
    item = case.item
    pred = read_answer(case.request, text, format, item.options)
    return {
        "qid": item.qid,
        "family": item.family,
        "template": item.template,
        "depth": getattr(item, "depth", 0),
        "form": form_of(item.options, item.answer),
        "options": len(item.options),
        "format": format,
        "probe": case.probe,
        "condition": case.condition,
        "at": case.at,
        "gold": item.answer,
        "pred": pred,
        "right": correct(pred, item.answer, item.options),
        "follows": correct(pred, case.other, item.options) if case.other else None,
        "output": text,
    }


def steps_of(item) -> list[str]:
    """Return the statements of an item's reasoning, in order."""
    return statements(item.stages["reasoning"])


class Lines:
    """The lines of one probe, by condition and question."""

    def __init__(self, lines: Sequence[dict]):
        self.all = list(lines)
        self.by = {}
        for line in self.all:
            self.by.setdefault(line["condition"], {})[line["qid"]] = line

    def share(self, key: str, condition: str) -> dict | None:
        """Return the share of a condition's lines for which `key` is true, None without lines."""
        return share(line[key] for line in self.by.get(condition, {}).values())

    def drop(self, key: str, first: str, second: str) -> dict | None:
        """Return by how much the share of `key` is larger in the first condition, over the questions in both."""
        a, b = self.by.get(first, {}), self.by.get(second, {})
        both = [qid for qid in a if qid in b]
        return paired([a[qid][key] for qid in both], [b[qid][key] for qid in both])

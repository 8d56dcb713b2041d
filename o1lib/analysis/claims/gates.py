"""Whether the bases of a study passed the reading gate, by the records of notebook 00.

    reads(record)                   # True: this base passed the gate on enough questions
    without_gate(records)           # "no record shows that its base model base1 can use the words ..."

A base that misses the gate is used and published as it is, so a study says which one misses it.
"""

from collections.abc import Sequence

from o1lib.records import Record

NOTEBOOK = "00_pretrain_base"  # whose records are those of the bases
GATE_QUESTIONS, GATE_CAPTIONS = 1000, 300  # least numbers of questions of a needed gate, and of captions of a family
GATE_OF_FAMILIES, GATES_OF_CAPTIONS = "families with captions", "captions, "


def reads(base: Record) -> bool:
    """Return whether the record of a base holds a passed reading gate on enough questions (`o1lib.training.gate`)."""
    gates = base.extra.get("gate") or {}
    needed = {name: gate for name, gate in gates.items() if gate.get("passed") is not None}
    asked = [gate["n"] for name, gate in needed.items() if name != GATE_OF_FAMILIES]
    captions = [gate["n"] for name, gate in gates.items() if name.startswith(GATES_OF_CAPTIONS)]
    enough = min(asked, default=0) >= GATE_QUESTIONS and min(captions, default=0) >= GATE_CAPTIONS
    return enough and all(gate["passed"] for gate in needed.values())


def without_gate(records: Sequence[Record]) -> str:
    """Return in words that bases have no record of a passed gate, "" if all have one or no base was recorded.

    Where several bases were recorded and some passed, the others are named.
    """
    bases = [record for record in records if record.notebook == NOTEBOOK]
    missing = sorted({record.row for record in bases if not reads(record)})
    if not missing:
        return ""
    if len({record.row for record in bases}) == 1:
        return "no record shows that its base model can use the words that it wrote itself"
    if len(missing) == 1:
        return f"no record shows that its base model {missing[0]} can use the words that it wrote itself"
    return f"no record shows that its base models {' and '.join(missing)} can use the words that they wrote themselves"

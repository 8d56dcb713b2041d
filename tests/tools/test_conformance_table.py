"""The published table of engines: one line for each family, with what `check-model` found."""

import re

import conformance_table
import pytest

from o1lib.inference.model_check import WORDS, Check, ModelCheck, check_model
from o1lib.records import project_root

PUBLISHED = project_root() / "results" / "conformance.md"


def rows():
    """Return {model: (class, engine)} of the published table."""
    cells = re.findall(r"^\| ([^|]+) \| (\w+) \| (batched|one_at_a_time|none) \|", PUBLISHED.read_text("utf8"), re.M)
    return {name: (kind, engine) for name, kind, engine in cells}


def test_a_line_says_what_was_found():
    checks = (Check("batched", "left padding", False, "off by 3"), Check("one_at_a_time", "greedy replies", True, ""))
    text = conformance_table.table({"Toy": ModelCheck("ToyModel", "one_at_a_time", "it pads", checks, "general: toy")})
    assert "| Toy | ToyModel | one_at_a_time | 1 of 2 |  | it pads |" in text and "FAIL batched" in text


def test_every_family_and_every_shipped_model_is_published():
    found = rows()
    assert set(found) == {*conformance_table.RANDOM, *conformance_table.SHIPPED}
    assert {name for name, (_, engine) in found.items() if engine != "batched"} == {
        "LLaVA with Mistral, sliding window", "Gemma 3", "PaliGemma",
    }  # fmt: skip


def test_every_small_model_writes_as_many_tokens_as_are_compared():
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PUBLISHED.read_text("utf8"), re.M | re.S))
    most = f"of {2 * WORDS}"
    for name in conformance_table.RANDOM:
        counts = re.findall(r"one_at_a_time  greedy replies    the first \d+ (of \d+) and \d+ (of \d+)", sections[name])
        assert counts == [(most, most)], name


@pytest.mark.slow
@pytest.mark.parametrize("name", conformance_table.RANDOM)
def test_the_published_engine_is_what_the_check_finds(name):
    found = check_model(*conformance_table.RANDOM[name]())
    assert (found.model, found.engine) == rows()[name]

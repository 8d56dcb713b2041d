"""Lookups separate a model that reads its context from a model that guesses, forward and backward."""

import random
import re
import subprocess
import sys

import pytest

from o1lib.evaluation.probes.context_lookup import asked, lookups, prefers, words
from o1lib.models.presets import build, save

KNOWN = ("dark", "cup", "red", "seven", "left")


def reader(user, prefix, candidates):
    """Find the answer in the context."""
    options = dict(re.findall(r"([A-D])\. (\w+)", user))
    word = re.search(r"answer is (\w+),", prefix)
    answer = next(k for k, v in options.items() if v == word[1]) if word else options[prefix[0]]
    return candidates.index(answer)


@pytest.fixture(scope="module")
def smoke():
    return build("smoke", seed=0)


def test_a_model_that_reads_is_always_right():
    found = lookups(reader, KNOWN, 60)
    assert len(found) == 6 and {cell["value"] for cell in found.values()} == {1.0}
    assert sum(cell["n"] for cell in found.values()) == 120


def test_a_model_that_guesses_is_at_the_chance_level():
    found = lookups(lambda *question: 0, KNOWN, 900)
    assert all(cell["low"] < 1 / int(name.split()[1]) < cell["high"] for name, cell in found.items())


def test_the_same_seed_asks_the_same():
    assert asked(random.Random(1), KNOWN) == asked(random.Random(1), KNOWN)
    assert lookups(reader, KNOWN, 5, seed=1).keys() == lookups(lambda *question: 0, KNOWN, 5, seed=1).keys()


def test_words_are_one_token_each_and_no_letters(smoke):
    _, processor = smoke
    known = words(processor)
    assert len(known) > 20 and not set(known) & set("ABCD")
    assert all(len(processor.tokenizer.encode(f" {word}", add_special_tokens=False)) == 1 for word in known)


def test_a_real_model_prefers_one_of_the_candidates(smoke):
    assert prefers(*smoke)("A. dark B. cup", "B is", ["dark", "cup"]) in (0, 1)


@pytest.mark.slow
def test_the_command_prints_shares_with_the_chance_level(smoke, tmp_path):
    save(*smoke, tmp_path / "model")
    done = subprocess.run(
        [sys.executable, "-m", "o1lib", "probe-lookup", str(tmp_path / "model"), "--n", "12"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(
        r"^backward, 2 options: \d\.\d\d \[\d\.\d\d, \d\.\d\d\], n = \d+; chance level 0\.50$", done.stdout, re.M
    )


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--n", "0")])
def test_a_mistake_is_one_sentence(tmp_path, words):
    done = subprocess.run(
        [sys.executable, "-m", "o1lib", "probe-lookup", str(tmp_path / "none"), *words],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and done.stderr.startswith("o1lib: ") and done.stderr.count("\n") == 1
    assert ("--n 0 asks no question" in done.stderr) == bool(words)

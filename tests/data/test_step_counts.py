"""Steps of released reasoning are counted as a reader would count them."""

import json
import os
from pathlib import Path

import pytest

from o1lib.data.step_counts import step_counts, steps_in
from o1lib.minivqa.lengths import STEPS
from o1lib.records import UserError


@pytest.mark.parametrize(
    "text, steps",
    [
        ("", 0),
        ("It is red.", 1),
        ("Read both. 2 + 3 = 5. Therefore, it is 5.", 2),
        ("The bar is 3.5 high. Therefore, it is 3.5.", 1),
        ("The values are:\n- red: 3\n- blue: 4\n\nSo blue is larger.", 3),
        ("1. One angle is 40.\n2. The other is 50.\n3. So the third is 90.", 2),
        ("We have\n\n\\[ a + b = 3 \\]\n\nThus b is 2.", 2),
    ],
)
def test_steps_are_sentences_items_and_formulas_without_the_last(text, steps):
    assert steps_in(text) == steps


def test_answers_without_a_reasoning_are_not_counted(tmp_path):
    file = tmp_path / "outputs.jsonl"
    texts = ["<REASONING> One. Two. Three. </REASONING>", "no tags", "<REASONING> </REASONING>"]
    file.write_text("".join(json.dumps({"prediction": text}) + "\n" for text in texts))
    assert step_counts(file) == {"answers": 1, "steps": {2: 1}}


def test_a_line_without_the_text_is_named(tmp_path):
    file = tmp_path / "outputs.jsonl"
    file.write_text('{"output": "x"}\n')
    with pytest.raises(UserError, match="line 1.*no text 'prediction'.*--field"):
        step_counts(file)


@pytest.mark.skipif("O1LIB_REAL_DATA" not in os.environ, reason="O1LIB_REAL_DATA names no folder of real data")
def test_the_published_counts_are_those_of_the_released_outputs():
    counted = step_counts(Path(os.environ["O1LIB_REAL_DATA"]) / "outputs" / "llava_cot_mathvista_staged.jsonl")
    assert counted["answers"] == 283
    assert {steps: n for steps, n in counted["steps"].items() if steps < 14} == STEPS

"""What a judge compares, and what the search reads of a candidate, holds no thoughts."""

import pytest

from o1lib.formats.stages import STAGES, render
from o1lib.minivqa import draw
from o1lib.search import judges
from o1lib.search.methods import task_for
from o1lib.search.segments import Segment, found_stages, hint, stage_text, untagged
from o1lib.search.self_judge import comparison_prompt
from o1lib.search.types import Candidate, Comparison

EXAMPLE = draw("mini-CLEVR", 100_000_003, choice=True)
TASK = task_for(EXAMPLE.qid, EXAMPLE.question, EXAMPLE.image, "tags")
FALSE = render(dict.fromkeys(STAGES, "a false thought"))
TRUE = render(EXAMPLE.stages)


def comparison(*texts, kind="all"):
    sides = tuple(Candidate(index, (Segment(kind, text),)) for index, text in enumerate(texts))
    return Comparison(TASK, kind, "", *sides, sides, "m")


@pytest.mark.parametrize("before", [f"<think>{FALSE}</think>", f"{FALSE}</think>", f"<thinking>{FALSE}</thinking>"])
def test_the_stages_of_a_candidate_are_found_without_thoughts(before):
    segments = [Segment("all", before + TRUE)]
    assert found_stages(segments) == EXAMPLE.stages
    assert all(stage_text(segments, stage) == EXAMPLE.stages[stage] for stage in STAGES)
    assert untagged(before + TRUE) == untagged(TRUE)
    assert "false thought" not in hint(segments, "conclusion")


@pytest.mark.parametrize("kind", ["all", "sentence", "conclusion"])
@pytest.mark.parametrize("short", [True, False])
def test_a_judge_is_shown_no_thoughts(kind, short):
    one = comparison(f"<think>a false thought</think>{TRUE}", f"a false thought</think>{TRUE}", kind=kind)
    shown = comparison_prompt(one, one.a, one.b, short)
    assert "false thought" not in shown and EXAMPLE.stages["conclusion"] in shown


@pytest.mark.parametrize("name", ["oracle", "oracle_faithful"])
def test_an_oracle_ranks_what_is_said_after_the_thoughts(name):
    judge = judges.make_judge(name, truth={EXAMPLE.qid: EXAMPLE})
    said, thought = f"<think>{FALSE}</think>{TRUE}", f"<think>{TRUE}</think>{FALSE}"
    assert [verdict.winner for verdict in judge([comparison(said, thought), comparison(thought, said)])] == [0, 1]


def test_an_oracle_reads_the_conclusion_of_a_sentence_after_the_thoughts():
    sentences = [f"<think>{FALSE}</think>{TRUE}", f"<think>{TRUE}</think>{FALSE}"]
    judge = judges.make_judge("oracle", truth={EXAMPLE.qid: EXAMPLE})
    [verdict] = judge([comparison(*sentences, kind="sentence")])
    assert verdict.winner == 0 and not verdict.tie


def test_agreement_counts_no_statement_of_a_thought():
    texts = ["<think>red. blue.</think>green.", "<think>red. blue.</think>yellow.", "green."]
    sides = tuple(Candidate(index, (Segment("caption", text),)) for index, text in enumerate(texts))
    pool = Comparison(TASK, "caption", "", sides[0], sides[1], sides, "m")
    [verdict] = judges.make_judge("agreement")([pool])
    assert verdict.winner == 0 and verdict.note == "0.50 : 0.00"

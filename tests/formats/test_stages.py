"""The staged format is written exactly and read tolerantly."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from o1lib.formats import stages
from o1lib.formats.stages import STAGES, check_file, close_tag, open_tag, parse, parse_plain, plain, render

STEADY = settings(deadline=None)  # a busy machine is no failure
FOUR = {"summary": "Count.", "caption": "Three dots.", "reasoning": "1, 2, 3.", "conclusion": "3"}
# free text that holds no mark of a stage: letters that cannot spell one, and whatever else could confuse a parser
TEXTS = st.text(st.sampled_from("abz <>/()\n\t.é中\\𝔸"), min_size=1).map(str.strip).filter(bool)
PIECES = st.lists(
    st.sampled_from(
        [tag(name) for name in STAGES for tag in (open_tag, close_tag)]
        + ["(SUMMARY)", "(Here ends the CAPTION stage)", "<caption>", "< CONCLUSION >", "text", "\r\n", " ", "<", "("]
    )
)


def test_rendering_has_the_spacing_of_the_release():
    assert render(FOUR) == (
        "<SUMMARY> Count. </SUMMARY>\n\n<CAPTION> Three dots. </CAPTION>\n\n"
        "<REASONING> 1, 2, 3. </REASONING>\n\n<CONCLUSION> 3 </CONCLUSION>"
    )


def test_rendering_takes_another_order_and_skips_absent_stages():
    assert render({"caption": "b", "summary": "a"}, ("caption", "reasoning", "summary")) == (
        "<CAPTION> b </CAPTION>\n\n<SUMMARY> a </SUMMARY>"
    )


@STEADY
@given(st.fixed_dictionaries({name: TEXTS for name in STAGES}))
def test_what_is_rendered_is_parsed_back(texts):
    parsed = parse(render(texts))
    assert parsed.stages == texts and parsed.well_formed and parsed.problems == ()


@STEADY
@given(st.fixed_dictionaries({name: TEXTS for name in STAGES}), st.permutations(STAGES))
def test_any_order_is_read_back_and_named_unless_it_was_expected(texts, order):
    text = render(texts, order)
    assert parse(text).stages == texts
    assert parse(text).well_formed == (tuple(order) == STAGES)
    assert parse(text, expected=order).well_formed


@STEADY
@given(st.text())
def test_parsing_never_raises_on_any_text(text):
    parsed = parse(text)
    assert set(parsed.stages) | set(parsed.missing) == set(STAGES)
    assert parsed.well_formed == (not parsed.problems)
    parse_plain(text)


@STEADY
@given(PIECES)
def test_any_sequence_of_tags_is_read_with_its_problems(pieces):
    parsed = parse("".join(pieces))
    assert parsed.problems  # no such heap holds four stages with text, in order and nothing else
    assert all(not stages._MARK.search(text) for text in parsed.stages.values())


@pytest.mark.slow
@STEADY
@given(PIECES)
def test_line_ends_do_not_matter(pieces):
    text = "".join(pieces).replace("\r", "") + "\n" + render(FOUR)
    assert parse(text.replace("\n", "\r\n")) == parse(text)


@pytest.mark.slow
@STEADY
@given(st.fixed_dictionaries({name: st.text("ab .", min_size=1).map(str.strip).filter(bool) for name in STAGES}))
def test_plain_text_of_four_paragraphs_is_read_back(texts):
    assert parse_plain(plain(texts)) == texts


def test_extra_paragraphs_of_plain_text_are_reasoning():
    """The last paragraph is the conclusion, whatever the number of paragraphs."""
    assert parse_plain("a\n\nb\n\nc\n \nd\n\n\ne") == {
        "summary": "a",
        "caption": "b",
        "reasoning": "c\n\nd",
        "conclusion": "e",
    }
    assert parse_plain("r\r\n\r\nB") == {"reasoning": "r", "conclusion": "B"}
    assert parse_plain(" \n") == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (render(FOUR) + " Hope it helps.", "text outside tags: 'Hope it helps.'"),
        ("Sure!\n" + render(FOUR), "text outside tags: 'Sure!'"),
        (render(FOUR).replace(" </CAPTION>", ""), "CAPTION is not closed"),
        (render(FOUR).removesuffix(" </CONCLUSION>"), "CONCLUSION is not closed"),
        (render(FOUR) + "\n" + render({"caption": "Other."}), "CAPTION is repeated"),
        (render(FOUR).replace("Three", "<CAPTION> Three"), "CAPTION is nested in itself"),
        (render(FOUR).replace("SUMMARY", "summary"), "SUMMARY is marked as '<summary>'"),
        (
            render(FOUR).replace("Three", "Three </SUMMARY>").replace("Three  dots", "Three dots"),
            "SUMMARY is closed but not open",
        ),
        (render(FOUR).replace("</CAPTION>", "< / CAPTION >"), "CAPTION is marked as '< / CAPTION >'"),
    ],
)
def test_one_fault_loses_no_stage_and_is_named(text, problem):
    parsed = parse(text)
    assert problem in parsed.problems and not parsed.well_formed
    assert {name: " ".join(text.split()) for name, text in parsed.stages.items()} == FOUR


def test_a_stage_without_its_opening_tag_is_missing():
    parsed = parse("<IMAGE>\n</SUMMARY>\n" + render(FOUR, STAGES[1:]))
    assert parsed.missing == ("summary",) and parsed.stages["conclusion"] == "3"
    assert {"SUMMARY is missing", "SUMMARY is closed but not open"} <= set(parsed.problems)


def test_an_empty_stage_is_found_and_named():
    parsed = parse(render(FOUR | {"caption": " "}))
    assert parsed.stages["caption"] == "" and parsed.problems == ("CAPTION is empty",)


@pytest.mark.parametrize(
    "words",
    [
        ("(Here begins the {} stage)", "(Here ends the {} stage)"),
        ("({})", "({})"),
        ("({})", ""),
        ("(This is the {} stage)", ""),
        ("({})", "(/{})"),
    ],
)
def test_the_form_in_parentheses_is_read_but_not_well_formed(words):
    text = "\n\n".join(f"{words[0].format(k.upper())} {v} {words[1].format(k.upper())}" for k, v in FOUR.items())
    parsed = parse(text)
    assert parsed.stages == FOUR and not parsed.well_formed and not parsed.no_tags


def test_prose_in_parentheses_is_not_a_mark():
    assert parse("It is short (see the summary) and right (my conclusion).").no_tags


def test_a_text_without_tags_says_so():
    parsed = parse("The answer is 3.")
    assert parsed.no_tags and parsed.problems == ("no tags",) and parsed.stages == {} and parsed.missing == STAGES


@pytest.mark.parametrize(
    "piece",
    ["<", "< ", "(", "(a ", "(aaaaaaaaaaaa bbbbbbbbbbbb ", "<SUMMARY>", "\n ", "</CAPTION>", "(Here begins the "],
)
def test_parsing_takes_time_in_proportion_to_length(piece):
    started = time.process_time()
    parse(piece * (400_000 // len(piece)))
    assert time.process_time() - started < 5


def run_check(*words):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "o1lib.stages", "check", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=Path(stages.__file__).parents[2],
    )


def write(path, rows):
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf8")
    return path


@pytest.mark.slow
def test_the_command_prints_one_json_line(tmp_path):
    texts = [render(FOUR), "no tags", render(FOUR, STAGES[:2]), render(FOUR) + "x"]
    done = run_check(write(tmp_path / "a.jsonl", [{"output": text} for text in texts]), "--field", "output")
    assert done.returncode == 0 and done.stderr == "" and done.stdout.count("\n") == 1
    assert json.loads(done.stdout) == {
        "n": 4,
        "well_formed": 1,
        "no_tags": 1,
        "other": 1,
        "missing": {"summary": 0, "caption": 0, "reasoning": 1, "conclusion": 1},
    }


@pytest.mark.slow
def test_the_command_reports_an_error_in_one_line(tmp_path):
    """It exits with status 2."""
    done = run_check(write(tmp_path / "a.jsonl", [{"prediction": "x"}, "not JSON\n"]))
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "a.jsonl, line 2, is not JSON" in done.stderr


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"prediction": "x"}, {"other": "y"}], "line 2, has no text under 'prediction'"),
        ([{"prediction": 3}], "line 1, has no text under 'prediction'"),
        (["[1]\n"], "line 1, has no text under 'prediction'"),
        (["[" * 100_000], "line 1, is not JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path, rows, says):
    with pytest.raises(ValueError, match=says):
        check_file(write(tmp_path / "a.jsonl", rows))


@pytest.mark.parametrize("name", ["missing.jsonl", "folder", "bytes.jsonl", "plain.gz"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "plain.gz").write_bytes(b"not gzip")
    with pytest.raises(ValueError, match=f"{name}.* cannot be read"):
        check_file(tmp_path / name)


@pytest.mark.skipif("O1LIB_REAL_DATA" not in os.environ, reason="O1LIB_REAL_DATA names no folder of real outputs")
def test_302_real_outputs_are_parsed():
    path = Path(os.environ["O1LIB_REAL_DATA"]) / "outputs" / "llava_cot_mathvista_staged.jsonl"
    found = check_file(path)
    # measured: 19 answers in free prose, and one whose SUMMARY opens with "<IMAGE>"
    assert found == {
        "n": 302,
        "well_formed": 282,
        "no_tags": 19,
        "other": 0,
        "missing": {"summary": 1, "caption": 0, "reasoning": 0, "conclusion": 0},
    }
    texts = [json.loads(line)["prediction"] for line in path.read_text(encoding="utf8").splitlines()]
    assert sum("conclusion" in parse(text).stages for text in texts) == 283
    assert all(parse(render(parse(text).stages)).stages == parse(text).stages for text in texts)

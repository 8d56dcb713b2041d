"""Journals and JSON files that were cut short or edited: what is readable is kept, what is lost is said."""

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.odd import TEXTS, damaged

from o1lib.records import UserError
from o1lib.records.journals import Journal, Unreadable, load_json, numbered, parse, put_away, read_json, read_lines
from o1lib.records.wording import counted

SETTINGS = {"seed": 0, "name": "größe"}
ENTRIES = [{"key": str(k), "text": "öl " * k} for k in range(4)]


def keyed(line):
    return line["key"], line["text"]


def journal(path, **settings):
    return Journal(path, SETTINGS | settings, keyed, "those texts are written again")


@pytest.fixture
def path(tmp_path):
    """A journal with four entries."""
    journal(tmp_path / "kept.jsonl").add(*ENTRIES)
    return tmp_path / "kept.jsonl"


@pytest.mark.parametrize("case", TEXTS)
def test_odd_text_is_one_error_with_a_short_reason(case):
    with pytest.raises(Unreadable, match="^it (is|holds) [^\n]{,40}$"):
        parse(TEXTS[case])


@pytest.mark.parametrize("case", TEXTS)
def test_an_odd_file_counts_as_absent(tmp_path, case):
    (tmp_path / "task.json").write_bytes(TEXTS[case])
    assert read_json(tmp_path / "task.json") is None


def test_a_folder_and_a_missing_file_count_as_absent(tmp_path):
    assert read_json(tmp_path) is None and read_json(tmp_path / "none.json") is None
    with pytest.raises(Unreadable, match="it is missing"):
        load_json(tmp_path / "none.json")


def test_entries_are_read_back(path):
    again = journal(path)
    assert dict(again.entries) == {one["key"]: one["text"] for one in ENTRIES} and again.lost == 0


def test_a_tail_torn_inside_a_character_is_dropped_and_said(path, capsys):
    text = path.read_bytes()
    path.write_bytes(text + '{"key": "9", "text": "ö'.encode()[:-1])
    again = journal(path)
    assert dict(again.entries) == {one["key"]: one["text"] for one in ENTRIES} and path.read_bytes() == text
    said = capsys.readouterr().err
    assert said.endswith("kept.jsonl: 1 line could not be read, so those texts are written again\n")


@pytest.mark.parametrize("case", TEXTS)
def test_an_odd_line_is_dropped_and_its_neighbors_stay(path, case):
    head, *lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([head, lines[0], TEXTS[case], *lines[1:], b""]))
    assert [key for key, _ in journal(path).entries] == ["0", "1", "2", "3"]
    assert len(path.read_bytes().splitlines()) == 5


def test_a_line_of_another_form_is_dropped(path):
    with open(path, "ab") as file:
        file.write(b'{"key": "7"}\n{"text": "x"}\n')
    assert journal(path).lost == 2


def test_a_new_line_is_whole_after_a_torn_one(path):
    path.write_bytes(path.read_bytes()[:-3])
    journal(path).add({"key": "new", "text": "x"})
    assert [key for key, _ in journal(path).entries] == ["0", "1", "2", "new"]


def test_a_journal_of_other_settings_is_renamed_and_named(path, capsys):
    text = path.read_bytes()
    assert journal(path, seed=1).entries == [] and path.with_name("kept.jsonl.damaged").read_bytes() == text
    said = capsys.readouterr().err
    assert "kept.jsonl: it is a journal of other settings, so it was renamed to kept.jsonl.damaged and those" in said
    assert journal(path, seed=1).entries == [] and len(path.read_bytes().splitlines()) == 1
    assert journal(path, seed=2).entries == [] and capsys.readouterr().err == ""  # no entry was lost


def test_no_journal_that_was_renamed_is_replaced_by_a_later_one(path):
    texts = [path.read_bytes()]
    for seed in (1, 0):
        journal(path, seed=seed).add({"key": "0", "text": "x"})
        texts.append(path.read_bytes())
    journal(path, seed=1)
    kept = [path.with_name(f"kept.jsonl.damaged{number}").read_bytes() for number in ("", 2, 3)]
    assert kept == texts


@pytest.mark.parametrize("cut", [slice(5, None), slice(0, 9), slice(12, 22)])
def test_a_journal_with_a_damaged_first_line_is_renamed_and_named(path, capsys, cut):
    head, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(text := head.replace(head[cut], b"") + b"\n" + rest)
    assert journal(path).entries == [] and path.with_name("kept.jsonl.damaged").read_bytes() == text
    assert "kept.jsonl: its first line cannot be read, so it was renamed to" in capsys.readouterr().err


HEAD = b'{"settings": {"seed": 0, "name": "gr\xc3\xb6\xc3\x9fe"}}'
COSMETIC = {
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "CR": lambda text: text.replace(b"\n", b"\r"),
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "no spaces": lambda text: text.replace(b": ", b":").replace(b", ", b","),
    "another order": lambda text: text.replace(HEAD, b'{"settings": {"name": "gr\\u00f6\\u00dfe", "seed": 0}}'),
    "blank lines": lambda text: text.replace(b"\n", b"\n \n\n"),
    "no last line end": lambda text: text[:-1],
}


@pytest.mark.parametrize("change", COSMETIC)
def test_a_change_of_form_loses_no_line(path, capsys, change):
    path.write_bytes(changed := COSMETIC[change](text := path.read_bytes()))
    assert changed != text and journal(path).lost == 0
    journal(path).add({"key": "new", "text": "x"})
    assert [key for key, _ in journal(path).entries] == ["0", "1", "2", "3", "new"] and capsys.readouterr().err == ""


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", "-1e999"])
def test_a_line_with_a_number_that_cannot_be_written_again_is_dropped(path, number):
    with open(path, "a", encoding="utf8") as file:
        file.write(f'{{"key": "9", "text": "x", "seconds": [{number}]}}\n')
    assert journal(path).lost == 1 and len(journal(path).entries) == 4


def test_a_linked_journal_stays_a_link_when_a_line_is_dropped(path, tmp_path):
    (tmp_path / "here").mkdir()
    link = tmp_path / "here" / "kept.jsonl"
    link.symlink_to(path)
    path.write_bytes(path.read_bytes()[:-3])
    journal(link).add({"key": "new", "text": "x"})
    assert link.is_symlink() and [key for key, _ in journal(path).entries] == ["0", "1", "2", "new"]


def test_a_number_stands_with_its_noun():
    assert (counted(1, "line"), counted(2, "line"), counted(0, "reply", "replies")) == (
        "1 line",
        "2 lines",
        "0 replies",
    )


def test_a_folder_in_the_place_of_a_journal_is_renamed(tmp_path, capsys):
    (tmp_path / "kept.jsonl" / "mine").mkdir(parents=True)
    journal(tmp_path / "kept.jsonl").add(ENTRIES[0])
    assert "is a folder and was renamed to kept.jsonl.damaged" in capsys.readouterr().err
    assert (tmp_path / "kept.jsonl.damaged" / "mine").is_dir() and len(journal(tmp_path / "kept.jsonl").entries) == 1


def test_a_stop_while_the_torn_tail_is_dropped_loses_no_line(path, monkeypatch):
    """The file used to be emptied before it was written again."""
    torn = path.read_bytes() + b'{"key"'
    path.write_bytes(torn)

    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        journal(path)
    assert path.read_bytes() == torn


def test_lone_surrogates_can_be_kept(path):
    journal(path).add({"key": "\udc80", "text": "\\\ud800"})
    assert journal(path).entries[-1] == ("\udc80", "\\\ud800")


def test_a_journal_in_a_folder_that_is_a_file_is_one_sentence(path):
    with pytest.raises(UserError, match="cannot write"):
        journal(path / "below.jsonl")


WHOLE = b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in [{"settings": SETTINGS}, *ENTRIES])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=damaged(WHOLE))
def test_whatever_is_damaged_only_written_entries_are_read(tmp_path, text):
    path = tmp_path / "fuzzed.jsonl"
    path.write_bytes(text)
    found = journal(path)
    untouched = [keyed(one) for one in ENTRIES]
    assert sum(entry not in untouched for entry in found.entries) <= 1  # random bytes inside a text make another text
    found.add({"key": "new", "text": "x"})
    assert journal(path).entries == [*found.entries, ("new", "x")] and journal(path).lost == 0


@settings(max_examples=200, deadline=None)
@given(text=st.binary(max_size=60) | damaged(WHOLE))
def test_parsing_raises_one_kind_of_error(text):
    with suppress(Unreadable):
        assert isinstance(parse(text), dict)


def test_lines_of_a_log_are_read_as_far_as_they_go(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 1}\nnull\n{"step": 2}\n{"st')
    assert read_lines(path) == ([{"step": 1}, {"step": 2}], 2) and read_lines(tmp_path / "none") == ([], 0)
    assert read_lines(tmp_path) == ([], 0)


@pytest.mark.parametrize("name", ["seed²", "seed٣", "seed01", "seed", "seed-1", "seed1 (copy)", "seedx", "SEED1", "1"])
def test_other_names_have_no_number(name):
    assert numbered(name, "seed") is None


def test_a_numbered_name_has_its_number():
    assert (numbered("seed0", "seed"), numbered("checkpoint-200", "checkpoint-")) == (0, 200)


def test_what_is_put_away_never_hides_an_earlier_folder(tmp_path):
    for name in ("record.json", "record.json", "record.json"):
        (tmp_path / name).mkdir()
        put_away(tmp_path / name)
    (tmp_path / "record.json").write_text("{")
    put_away(tmp_path / "record.json")
    assert len(list(tmp_path.iterdir())) == 4

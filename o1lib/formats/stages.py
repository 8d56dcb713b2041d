"""Write, parse and check the four stages of a staged answer (LLaVA-CoT, arXiv:2411.10440, section 3.1).

    SUMMARY      the plan                  CAPTION      the parts of the picture that matter
    REASONING    step by step              CONCLUSION   the answer that the user sees

Tags are plain text in upper case, with one space inside each and a blank line between stages, as in the released data.
Models do not always keep to this form: `parse` returns the stages that it found and the problems, and never raises:

    parse("<SUMMARY> Count the dots. </SUMMARY>\\n\\n<CONCLUSION> 3").problems
    # ("CONCLUSION is not closed", "CAPTION is missing", "REASONING is missing")

    python -m o1lib.stages check outputs.jsonl --field prediction
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from o1lib.records import UserError

STAGES = ("summary", "caption", "reasoning", "conclusion")

_NAME = "SUMMARY|CAPTION|REASONING|CONCLUSION"
# Every repetition is bounded, so that one pass over any text takes linear time. Real outputs also have a form in
# parentheses, "(Here begins the SUMMARY stage)". There only upper-case names count, because prose has "(the summary)".
_MARK = re.compile(
    rf"<\s{{0,3}}(?P<slash>/?)\s{{0,3}}(?P<tag>(?i:{_NAME}))\s{{0,3}}>"
    rf"|\(\s{{0,3}}(?P<before>/?(?:[A-Za-z]{{1,12}}[ :]{{1,2}}){{0,6}})(?P<name>{_NAME})"
    r"(?P<after>(?:[ :]{1,2}[A-Za-z]{1,12}){0,4})\s{0,3}\)"
)


def open_tag(stage: str) -> str:
    """Return the tag that opens `stage`, e.g. "<SUMMARY>"."""
    return f"<{stage.upper()}>"


def close_tag(stage: str) -> str:
    """Return the tag that closes `stage`, e.g. "</SUMMARY>"."""
    return f"</{stage.upper()}>"


def render(stages: Mapping[str, str], order: Sequence[str] = STAGES) -> str:
    """Return the stages of `order` that are in `stages`, tagged and spaced as in the released data."""
    return "\n\n".join(f"{open_tag(name)} {stages[name].strip()} {close_tag(name)}" for name in order if name in stages)


def plain(stages: Mapping[str, str], order: Sequence[str] = STAGES) -> str:
    """Return the texts of the stages without tags, with blank lines between them (the ablation without tags)."""
    return "\n\n".join(stages[name].strip() for name in order if name in stages)


def parse_plain(text: str) -> dict[str, str]:
    """Return {stage: text} guessed from paragraphs: the last is the conclusion; fewer than four lack the first stages.

    If there are more than four, the first two are summary and caption, and all up to the last are the reasoning.
    """
    parts = [part.strip() for part in re.split(r"\n\s*\n", _newlines(text)) if part.strip()]
    if len(parts) > len(STAGES):
        parts = [*parts[:2], "\n\n".join(parts[2:-1]), parts[-1]]
    return dict(zip(STAGES[len(STAGES) - len(parts) :], parts, strict=True))


@dataclass(frozen=True)
class Parsed:
    """The result of parsing: `stages` {name: text} of those found, and `problems`, one short sentence each.

    `rest` is the text after the last closing tag, or before that of a conclusion that was never opened.
    """

    stages: dict[str, str]
    problems: tuple[str, ...]
    missing: tuple[str, ...]
    no_tags: bool
    rest: str = ""

    @property
    def well_formed(self) -> bool:
        """Whether every expected stage is there, in order, exactly tagged, with no text outside the tags."""
        return not self.problems


@dataclass
class _Reader:
    """The state of one pass over the marks: the open stage, its text so far, and the problems found."""

    current: str = ""
    texts: list[str] = field(default_factory=list)
    found: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add_text(self, text: str) -> None:
        """Take the text before a mark."""
        if self.current:
            self.texts.append(text)
        elif text.strip():
            self.problems.append(f"text outside tags: {' '.join(text[:60].split())[:30]!r}")

    def end_stage(self) -> None:
        """Close the open stage."""
        text = "".join(self.texts).strip()
        if not text:
            self.problems.append(f"{self.current.upper()} is empty")
        if self.current in self.found:
            self.problems.append(f"{self.current.upper()} is repeated")  # the first counts, as in the release
        self.found[self.current] = self.found.get(self.current) or text
        self.current = ""

    def add_mark(self, stage: str, closes: bool) -> None:
        """Take a mark that opens or closes `stage`."""
        if closes and stage == self.current:
            self.end_stage()
        elif closes:
            self.problems.append(f"{stage.upper()} is closed but not open")
        elif stage == self.current:
            self.problems.append(f"{stage.upper()} is nested in itself")
        else:
            if self.current:
                self.problems.append(f"{self.current.upper()} is not closed")
                self.end_stage()
            self.current, self.texts = stage, []


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _marks(text: str) -> Iterator[tuple[re.Match, str, bool | None]]:
    """Yield (match, stage, closes) for every mark of a stage; `closes` is None if the words do not say."""
    for match in _MARK.finditer(text):
        if match["tag"]:
            yield match, match["tag"].lower(), bool(match["slash"])
        else:
            words = set((match["before"] + match["after"]).lower().split())
            closes = bool(words & {"end", "ends", "close", "closes"}) or "/" in match["before"]
            yield match, match["name"].lower(), True if closes else (None if not words else False)


def parse(text: str, expected: Sequence[str] = STAGES) -> Parsed:
    """Return the stages found in `text` and its problems, in time linear in its length.

    A stage ends at its closing tag, at the opening tag of another stage, or at the end of the text. If a stage is
    repeated, the first text that is not empty counts. `expected` names the stages of a well-formed text in their order.
    """
    text = _newlines(text)
    reader, position, marked, rest = _Reader(), 0, False, ""
    for match, stage, closes in _marks(text):
        marked = True
        reader.add_text(before := text[position : match.start()])
        rest = before if closes and stage == "conclusion" and not reader.current else ""
        closes = reader.current == stage if closes is None else closes
        if match[0] not in (open_tag(stage), close_tag(stage)):
            reader.problems.append(f"{stage.upper()} is marked as {match[0]!r}")
        reader.add_mark(stage, closes)
        position = match.end()
    if not marked:
        return Parsed({}, ("no tags",), tuple(expected), True)
    reader.add_text(text[position:])
    if reader.current:
        reader.problems.append(f"{reader.current.upper()} is not closed")
        reader.end_stage()
        return _parsed(reader.found, reader.problems, expected, "")
    return _parsed(reader.found, reader.problems, expected, text[position:].strip() or rest)


def _parsed(found: dict[str, str], problems: list[str], expected: Sequence[str], rest: str) -> Parsed:
    missing = tuple(name for name in expected if name not in found)
    problems += [f"{name.upper()} is missing" for name in missing]
    problems += [f"{name.upper()} is not expected" for name in found if name not in expected]
    if [name for name in found if name in expected] != [name for name in expected if name in found]:
        problems.append("stages are out of order")
    return Parsed(found, tuple(dict.fromkeys(problems)), missing, False, rest)


def flaw(parsed: Parsed) -> str:
    """Return the reason why a staged text is unfit for training, "" if it is fit.

    A text is fit if it has each expected stage once, in order, not empty and closed. The spelling of tags and words
    outside the tags do not matter, because `render` rewrites them.
    """
    if parsed.no_tags:
        return "no tags"
    if parsed.missing:
        return f"no {parsed.missing[0]}"
    for words, reason in (
        ("is empty", "an empty stage"),
        ("is not closed", "a stage left open"),
        ("is repeated", "a repeated stage"),
        ("is nested", "a repeated stage"),
        ("out of order", "stages out of order"),
        ("not open", "a stray closing tag"),
    ):
        if any(words in problem for problem in parsed.problems):
            return reason
    return ""


def _texts(path: Path, key: str) -> Iterator[str]:
    """Yield `key` of each line of a JSONL file (.gz too). Raises UserError naming file and line."""
    opener = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opener(path, "rt", encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict) or not isinstance(row.get(key), str):
                    has = ", ".join(map(str, row)) if isinstance(row, dict) else type(row).__name__
                    raise KeyError(
                        f"{path}, line {number}, has no text under {key!r} (it has: {has}): name a key with --field"
                    )
                yield row[key]
    except KeyError as error:
        raise UserError(error.args[0]) from None
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{path}, line {number}, is not JSON ({error}): write one JSON object per line") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        place = f"{path}, after line {number}," if number else f"{path}"
        raise UserError(f"{place} cannot be read ({reason}): give a JSONL file in UTF-8") from None


def check_file(path: Path | str, field: str = "prediction") -> dict:
    """Return {"n", "well_formed", "no_tags", "missing": {stage: count}, "other"} over the texts of a JSONL file.

    `missing` counts stages over texts that have some tag. `other` counts texts that have all four stages and another
    problem. Raises UserError, naming file and line, for a file that cannot be read, a line that is not
    JSON, and a line without text under `field`.
    """
    counts, missing = Counter(), Counter({name: 0 for name in STAGES})
    for text in _texts(Path(path), field):
        parsed = parse(text)
        counts["n"] += 1
        counts["well_formed"] += parsed.well_formed
        counts["no_tags"] += parsed.no_tags
        counts["other"] += not (parsed.well_formed or parsed.missing)
        if not parsed.no_tags:
            missing.update(parsed.missing)
    return {
        "n": counts["n"],
        "well_formed": counts["well_formed"],
        "no_tags": counts["no_tags"],
        "missing": dict(missing),
        "other": counts["other"],
    }

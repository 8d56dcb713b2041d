"""The agreement of answer extraction with published verdicts on real model outputs, and the causes of differences.

    python -m o1lib.answers check mathv_model_outputs_scored.jsonl
    {"n": 96, "agree": 96, "rate": 1.0, "causes": {}, "other_reading": {}, "left_out": {}}

The kind of a file is known by its columns: outputs scored by MATH-V, MathVista, MMMU and MMMU-Pro; HallusionBench
results; any predictions with gold answers (VLMEvalKit's columns `prediction`, `answer`; also `response`, `answer`);
tests of other extractors (`expected`). A response that is null gives no answer.
`agree` counts equal verdicts (right or wrong) if there is an official one, else agreement with the gold answer or the
expectation. `other_reading` counts rows with equal verdicts but another official answer. `left_out` counts rows without
an official verdict or a gold answer. The gold answer is only compared; extraction never sees it.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from o1lib.data.table_files import rows
from o1lib.evaluation import extraction_cases
from o1lib.records import UserError
from o1lib.scoring.equality import LETTERS, correct, letter_of, same
from o1lib.scoring.extraction import extract

DRAWN = "drawn at random by the tool, which could not read it"
NEAREST = "chosen by the tool as the option most similar to what it had read"
OTHERWISE = "asked with other options, or in another order, than it was scored with"
NO_VERDICT, NO_GOLD = "no verdict", "no gold answer is known for it"
UNREAD, ANOTHER = "no answer read", "another answer read"


class Agreement(NamedTuple):
    """The comparison of one row: equal verdicts, and the cause of a difference. Without a verdict it does not count."""

    agrees: bool
    cause: str = ""
    counts: bool = True


def check_file(path: Path | str, gold: Path | str | None = None) -> dict:
    """Return {"n", "agree", "rate", "causes", "other_reading", "left_out"} over the rows of a file.

    `gold` is the path of HallusionBench.json, since result files of HallusionBench have no gold answers; without it the
    file is searched for in neighboring folders. Raises UserError for a file that cannot be read, has no rows, or has
    rows of an unknown form.
    """
    counts, causes = Counter(), {"causes": Counter(), "other_reading": Counter(), "left_out": Counter()}
    judge = None
    for where, row in rows(path):
        judge = judge or _judge_of(row, where, Path(path), gold)
        try:
            one = judge(row)
        except (KeyError, TypeError, ValueError, SyntaxError, AttributeError, MemoryError, RecursionError) as error:
            raise UserError(f"{where}: not of the form of the first row ({error!r}): fix or remove it") from None
        counts["n"] += one.counts
        counts["agree"] += one.counts and one.agrees
        kind = "left_out" if not one.counts else "other_reading" if one.agrees else "causes"
        causes[kind].update([one.cause] if one.cause else [])
    if not counts["n"]:
        raise UserError(f"{Path(path).name} has no row with a verdict to compare with: give another file")
    found = {name: dict(sorted(counter.items())) for name, counter in causes.items()}
    return {"n": counts["n"], "agree": counts["agree"], "rate": round(counts["agree"] / counts["n"], 4)} | found


def _judge_of(row: dict, where: str, path: Path, gold: Path | str | None) -> Callable[[dict], Agreement]:
    """Return the comparison function for rows with these columns. Raises UserError for unknown columns."""
    for needed, judge in _FORMS:
        if needed <= row.keys():
            return judge
    if {"model_prediction", "set_id"} <= row.keys():
        answers = _hallusion_gold(path, gold)
        return lambda row: _with_gold(_text(row, "model_prediction"), answers.get(_figure(row)))
    raise UserError(
        f"{where} has the columns {', '.join(map(str, row))}, which are not a known form: give the columns "
        "`prediction` and `answer`, or a file of MATH-V, MathVista, MMMU, MMMU-Pro or HallusionBench"
    )


def _text(row: dict, *names: str) -> str:
    """Return the first of the named columns that the row has, "" for null.

    Raises KeyError if it has none of them, and TypeError for another type.
    """
    value = row[next((name for name in names if name in row), names[0])]
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value or ""


def _cause(found: str | None) -> str:
    return UNREAD if found is None else ANOTHER


def _mathv(row: dict) -> Agreement:
    """Compare with the extracted answer and the verdict of MATH-V."""
    options, text = row["options"] or (), _text(row, "response")
    if row["correct"] is None:
        return Agreement(False, NO_VERDICT, counts=False)
    found = extract(text, options).value
    agrees = correct(found, row["gold"], options) == row["correct"]
    alike = found is not None and same(found, row["model_answer"])
    return Agreement(agrees, "" if agrees else "same answer, compared otherwise" if alike else _cause(found))


def _mathvista(row: dict) -> Agreement:
    """Compare with MathVista's verdict (`true_false`) on a response, not with its `prediction`, which may be null.

    Two kinds of verdicts say nothing about the response and do not count. The tool (calculate_score.py of
    lupantech/MathVista) always chooses an option: if a model's `extraction` is neither a letter nor an option, the one
    with the fewest differing characters. And some published rows list other options in the `query`.
    """
    options, text = _options(row), _text(row, "response")
    if why := NO_VERDICT if row["true_false"] is None else _unfounded(row, options):
        return Agreement(False, why, counts=False)
    if not isinstance(row["true_false"], bool):
        raise TypeError(f"true_false is {row['true_false']!r}, neither true nor false")
    found = extract(text, options).value
    agrees = correct(found, str(row["answer"]), options) == row["true_false"]
    return Agreement(agrees, "" if agrees else _cause(found))


def _unfounded(row: dict, options: Sequence[str]) -> str:
    """Return why MathVista's verdict on a choice says nothing about the response, "" if it does."""
    asked = str(row.get("query") or "").partition("\nChoices:\n")[2]
    if asked and not all(f"({letter}) {option}" in asked for letter, option in zip(LETTERS, options, strict=False)):
        return OTHERWISE
    read = str(row.get("extraction") or "").strip()
    letter = re.search(r"\(([A-Za-z])\)", read)
    known = letter_of(letter[1].upper() if letter else read, options)
    return NEAREST if options and "extraction" in row and not known else ""


def _golds(answer: str | list) -> list[str]:
    """Return the accepted answers of an open question, given as one text, a list, or a list in Python's notation."""
    listed = ast.literal_eval(answer) if isinstance(answer, str) and answer.startswith("[") else answer
    return [str(one) for one in listed] if isinstance(listed, list) else [str(listed)]


def _mmmu(row: dict) -> Agreement:
    """Compare with the letter that MMMU parsed or, for an open question, with the verdict on its parsed answer."""
    official = row["official_parsed"]
    if official is None:
        return Agreement(False, NO_VERDICT, counts=False)
    if not row.get("index2ans"):
        found = extract(_text(row, "response")).value
        verdicts = [any(correct(value, one) for one in _golds(row["answer"])) for value in (found, official)]
        return Agreement(verdicts[0] == verdicts[1], "" if verdicts[0] == verdicts[1] else _cause(found))
    return _letters(_text(row, "response"), list(row["index2ans"].values()), row["answer"], official, pro=False)


def _mmmu_pro(row: dict) -> Agreement:
    """Compare with the letter that MMMU-Pro parsed, one of up to ten."""
    options = ast.literal_eval(row["options"])
    return _letters(_text(row, "response"), options, row["answer"], row["pred_indexs"], pro=True)


def _letters(response: str, options: Sequence[str], gold: str, official: str | None, pro: bool) -> Agreement:
    rule = tool_rule(response, options, pro)
    found = extract(response, options).value
    if official is None or not rule:
        return Agreement(False, DRAWN if official else NO_VERDICT, counts=False)
    agrees = (found == gold) == (official == gold)
    return Agreement(agrees, "" if found == official else f"{_cause(found)}; the tool took {rule}")


def tool_rule(response: str, options: Sequence[str], pro: bool = False) -> str:
    """Return the rule by which MMMU's parser (`pro`: MMMU-Pro's) reads a letter, "" if it draws one at random.

    The rules follow the published code (MMMU-Benchmark/MMMU, eval_utils.py and mmmu-pro/evaluate.py): letters in
    parentheses, then bare letters, then an option's text in a response of more than five words; the last of several.
    """
    letters = LETTERS[: len(options)]
    after = response.rpartition("Answer:")[2]
    if pro and "Answer:" in response and sum(letter in after for letter in letters) == 1:
        return "the letter after 'Answer:'"
    text = f" {response.strip(',.!?;: ')} "
    named = [letter for letter in letters if f"({letter})" in text]
    if named:
        return "the last of several letters in parentheses" if len(named) > 1 else "the one letter in parentheses"
    bare = "{} ", "{}."
    for form in bare if pro else (" {} ",):
        if any(form.format(letter) in text for letter in letters):
            return "a capital of the prose"
    inside = len(text.split()) > 5 and any(option.lower() in text.lower() for option in options)
    return "the text of an option in the reasoning" if inside else ""


def _prediction(row: dict) -> Agreement:
    """Compare a prediction with its gold answer: an open one, or a letter if the row has options or `answer_option`."""
    text, letter = _text(row, "prediction", "response"), row.get("answer_option") or ""
    gold = letter or None if row["answer"] is None else str(row["answer"])
    options = _options(row) or (LETTERS[:8] if letter else ())
    if not options or gold is None:
        return _with_gold(text, gold)
    found = extract(text, options).value
    agrees = correct(found, letter or gold, options) or bool(letter) and correct(extract(text).value, gold)
    return Agreement(agrees, "" if agrees else _cause(found))


def _options(row: dict) -> Sequence[str]:
    """Return the options of a row: a list in `choices` or `options`, perhaps as text, or the columns A, B, ..."""
    options = row.get("choices") or row.get("options") or [str(row[one]) for one in LETTERS if row.get(one)]
    options = ast.literal_eval(options) if isinstance(options, str) else options
    return tuple(map(str, options))


def _with_gold(text: str, gold: str | None) -> Agreement:
    if gold is None:
        return Agreement(False, NO_GOLD, counts=False)
    found = extract(text).value
    if gold in ("yes", "no") and found not in ("yes", "no"):
        return Agreement(False, "neither yes nor no read")
    return Agreement(correct(found, gold), "" if correct(found, gold) else _cause(found))


_FORMS = (
    ({"response", "model_answer", "correct", "gold"}, _mathv),
    ({"response", "true_false", "answer"}, _mathvista),
    ({"response", "official_parsed"}, _mmmu),
    ({"response", "pred_indexs", "if_right"}, _mmmu_pro),
    ({"kind", "expected"}, lambda row: Agreement(*extraction_cases.compare_case(row))),
    ({"prediction", "answer"}, _prediction),
    ({"response", "answer"}, _prediction),
)


def _figure(row: dict) -> tuple:
    return tuple(str(row[key]) for key in ("category", "subcategory", "set_id", "figure_id", "question_id"))


def _hallusion_gold(path: Path, gold: Path | str | None) -> dict[tuple, str]:
    """Return {figure and question: "yes" or "no"} from HallusionBench's own file (`gt_answer` 1 or 0)."""
    places = (
        [Path(gold)]
        if gold
        else [*path.parent.glob("HallusionBench*.json"), *path.parent.parent.glob("*/HallusionBench*.json")]
    )
    for place in places:
        answers = {
            _figure(row): "yes" if str(row["gt_answer"]) == "1" else "no"
            for _, row in rows(place)
            if "gt_answer" in row
        }
        if answers:
            return answers
    raise UserError(f"{path.name} has no gold answers: give HallusionBench's file by --gold HallusionBench.json")

"""How often extraction agrees with published verdicts on real model outputs, and why not where it does not.

    python -m o1lib.answers check mathv_model_outputs_scored.jsonl
    {"n": 96, "agree": 96, "rate": 1.0, "causes": {}, "other_reading": {}, "left_out": {}}

Known by their columns: outputs scored by MATH-V, MMMU and MMMU-Pro; HallusionBench results; any predictions beside gold
answers (VLMEvalKit's columns `prediction`, `answer`); unit-test cases of other extractors (`expected`). `agree` counts
equal verdicts (right or wrong) where an official one is known, else agreement with the gold answer or the expectation.
`other_reading` counts rows of one verdict whose official reading differs from ours; `left_out` rows that cannot count.
The gold answer is used to compare, never to read.
"""

import ast
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from o1lib.data.table_files import rows
from o1lib.evaluation import extraction_cases
from o1lib.records import UserError
from o1lib.scoring.equality import LETTERS, correct, same
from o1lib.scoring.extraction import extract

DRAWN = "drawn at random by the tool, which could not read it"
UNREAD, ANOTHER = "no answer read", "another answer read"


class Held(NamedTuple):
    """How one row compares: the same verdict? Why not, or why another reading; not `counts`: there is no verdict."""

    agrees: bool
    cause: str = ""
    counts: bool = True


def check_file(path: Path | str, gold: Path | str | None = None) -> dict:
    """Return {"n", "agree", "rate", "causes", "other_reading", "left_out"} over the rows of a file.

    `gold` names HallusionBench's own file, whose answers its result files lack; "" looks for it nearby. Raises
    UserError for a file that cannot be read, has no rows, or rows of no known form.
    """
    counts, causes = Counter(), {"causes": Counter(), "other_reading": Counter(), "left_out": Counter()}
    judge = None
    for where, row in rows(path):
        judge = judge or _judge_of(row, where, Path(path), gold)
        try:
            held = judge(row)
        except (KeyError, TypeError, ValueError, SyntaxError, AttributeError) as error:
            raise UserError(f"{where}: not of the form of the first row ({error!r}): mend or remove it") from None
        counts["n"] += held.counts
        counts["agree"] += held.counts and held.agrees
        kind = "left_out" if not held.counts else "other_reading" if held.agrees else "causes"
        causes[kind].update([held.cause] if held.cause else [])
    if not counts["n"]:
        raise UserError(f"{Path(path).name} has no row with a verdict to compare with: name another file")
    found = {name: dict(sorted(counter.items())) for name, counter in causes.items()}
    return {"n": counts["n"], "agree": counts["agree"], "rate": round(counts["agree"] / counts["n"], 4)} | found


def _judge_of(row: dict, where: str, path: Path, gold: Path | str | None) -> Callable[[dict], Held]:
    """Return how rows with these columns are compared."""
    for needed, judge in _FORMS:
        if needed <= row.keys():
            return judge
    if {"model_prediction", "set_id"} <= row.keys():
        answers = _hallusion_gold(path, gold)
        return lambda row: _with_gold(row["model_prediction"], answers.get(_figure(row)))
    raise UserError(
        f"{where} has the columns {', '.join(map(str, row))}, of no known form: give `prediction` and "
        "`answer`, or a file of MATH-V, MMMU, MMMU-Pro or HallusionBench"
    )


def _cause(found: str | None) -> str:
    return UNREAD if found is None else ANOTHER


def _mathv(row: dict) -> Held:
    """MATH-V: its own extracted answer and verdict."""
    options = row["options"] or ()
    found = extract(row["response"], options).value
    agrees = correct(found, row["gold"], options) == row["correct"]
    alike = found is not None and same(found, row["model_answer"])
    return Held(agrees, "" if agrees else "same answer, compared otherwise" if alike else _cause(found))


def _golds(answer: str | list) -> list[str]:
    """Return the accepted answers of an open question: one, or a list, perhaps written as Python writes it."""
    listed = ast.literal_eval(answer) if isinstance(answer, str) and answer.startswith("[") else answer
    return [str(one) for one in listed] if isinstance(listed, list) else [str(listed)]


def _mmmu(row: dict) -> Held:
    """MMMU: its parsed letter; of a short answer the verdict on what it parsed."""
    official = row["official_parsed"]
    if not row.get("index2ans"):
        found = extract(row["response"]).value
        verdicts = [any(correct(value, one) for one in _golds(row["answer"])) for value in (found, official)]
        return Held(verdicts[0] == verdicts[1], "" if verdicts[0] == verdicts[1] else _cause(found))
    return _letters(row["response"], list(row["index2ans"].values()), row["answer"], official, pro=False)


def _mmmu_pro(row: dict) -> Held:
    """MMMU-Pro: its parsed letter among up to ten."""
    return _letters(row["response"], ast.literal_eval(row["options"]), row["answer"], row["pred_indexs"], pro=True)


def _letters(response: str, options: Sequence[str], gold: str, official: str, pro: bool) -> Held:
    rule = tool_rule(response, options, pro)
    found = extract(response, options).value
    if not rule:
        return Held(False, DRAWN, counts=False)
    agrees = (found == gold) == (official == gold)
    return Held(agrees, "" if found == official else f"{_cause(found)}; the tool took {rule}")


def tool_rule(response: str, options: Sequence[str], pro: bool = False) -> str:
    """Return in words by which rule MMMU's parser (Pro: MMMU-Pro's) reads a letter, "" where it draws one at random.

    Restated from its published behaviour (MMMU-Benchmark/MMMU, eval_utils.py and mmmu-pro/evaluate.py): letters in
    parentheses, then bare ones, then an option's text inside a response of more than five words; the last of several.
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
    return "an option's words out of the working" if inside else ""


def _prediction(row: dict) -> Held:
    """A prediction beside its gold answer: open, or a letter among the options that the row gives (or does not)."""
    text, gold = row["prediction"], str(row["answer"])
    letter = row.get("answer_option") or ""
    options = row.get("choices") or row.get("options") or [str(row[one]) for one in LETTERS if row.get(one)]
    if isinstance(options, str):
        options = ast.literal_eval(options)
    options = options or (LETTERS[:8] if letter else ())
    if not options:
        return _with_gold(text, gold)
    found = extract(text, options).value
    agrees = correct(found, letter or gold, options) or bool(letter) and correct(extract(text).value, gold)
    return Held(agrees, "" if agrees else _cause(found))


def _with_gold(text: str, gold: str | None) -> Held:
    if gold is None:
        return Held(False, "no gold answer is known for it", counts=False)
    found = extract(text).value
    if gold in ("yes", "no") and found not in ("yes", "no"):
        return Held(False, "neither yes nor no read")
    return Held(correct(found, gold), "" if correct(found, gold) else _cause(found))


def _case(row: dict) -> Held:
    agrees, cause = extraction_cases.held(row)
    return Held(agrees, cause)


_FORMS = (
    ({"response", "model_answer", "correct", "gold"}, _mathv),
    ({"response", "official_parsed"}, _mmmu),
    ({"response", "pred_indexs", "if_right"}, _mmmu_pro),
    ({"kind", "expected"}, _case),
    ({"prediction", "answer"}, _prediction),
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
    raise UserError(f"{path.name} holds no gold answers: name HallusionBench's file with --gold HallusionBench.json")

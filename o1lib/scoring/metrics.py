"""Every published metric, computed from the predictions of a row and from nothing else.

    metrics(predictions)["accuracy"]     # {"value": 0.71, "n": 700, "low": 0.675, "high": 0.742}

Values are shares in 0..1 unless stated otherwise, rounded to six digits. A metric that cannot be measured is left out.
Lines of mini-Depth count in the metrics of its set, skills and families alone, unless the row was asked nothing else.
Metrics over several sets weigh questions alike: rotations of a question count as one, and so does a pair of pictures.
The keys are:

    accuracy                    all questions                       skill/<skill>, family/<family>      by group
    <test set>                  its headline: accuracy; MMBench: circular accuracy; HallusionBench: the mean of aAcc,
                                fAcc and qAcc; MMVet: the judge's mean grade (left out without a judge)
    mini-average                mean headline of the papers' six sets, if all six are there
    <test set>-R                MMStar, MMBench, MMVet: the mean of the skills of LLaVA-o1's reasoning subset
    <test set>/<skill>          MMStar (LLaVA-CoT's Table 3), MMBench, MMVet, MathVista, VRC-Bench
    MMBench/plain               accuracy over all its lines
    HallusionBench/aAcc, /fAcc, /qAcc
    <test set>/by judge         answers that a judge read or graded; /ungraded: the share of these whose grade could
                                not be read, which counts as wrong
    VRC-Bench/steps             mean share of reasoning steps that hold (LlamaV-o1, Table 2, next to the final answer);
                                for the real set the mean of the judge's ten criteria, /steps/<criterion> each of them
    VRC-Bench/steps unjudged, /final unjudged           the judge's reply could not be read: counted as wrong
    VRC-Bench/steps as released, /final as released     by the released rule, whose denominator leaves these out
    unread                      no answer was found                 well_formed     the output keeps to its format
    option_likelihood           the likeliest option is right (multiple choice)
    stage/<stage>               exact summary, caption, reasoning, conclusion; stage/faithful: the conclusion follows
                                from correct steps
    first_break/<stage>         chains whose first wrong stage is that one (first_break/none: whole chains)
    distinct_candidates         mean share of a round's candidates that differ from each other in words (searches)
    processed_tokens            mean of generated + judge + prefilled tokens per question
    cost/<entry>                mean of each usage count per question (tokens, images, calls, seconds)

Intervals are 95 % intervals: Wilson's for shares, the normal one for means. They cover the variation over questions,
not over seeds. `n` counts lines.
"""

from collections.abc import Iterable

from o1lib.formats.stages import STAGES
from o1lib.scoring.groups import accuracy, averaged, by, by_question
from o1lib.scoring.intervals import mean
from o1lib.scoring.short_form import distinct_candidates, keeps_form
from o1lib.scoring.test_sets import of_sets

BREAKS = ("caption", "reasoning", "conclusion", "none")


def _of_stages(rows: list[dict]) -> dict[str, dict | None]:
    scored = [row for row in rows if row.get("stage_scores")]
    found = {
        f"stage/{name}": by_question(scored, lambda row, name=name: row["stage_scores"].get(name))
        for name in (*STAGES, "faithful")
    }
    broken = [row for row in scored if "first_break" in row["stage_scores"]]
    names = {*map(_first_break, broken), *BREAKS} if broken else ()
    return found | {
        f"first_break/{name}": by_question(broken, lambda row, name=name: _first_break(row) == name)
        for name in sorted(names)
    }


def _first_break(row: dict) -> str:
    return row["stage_scores"]["first_break"] or "none"


def _of_costs(rows: list[dict]) -> dict[str, dict | None]:
    paid = [row for row in rows if row.get("ledger")]
    names = sorted({name for row in paid for name in row["ledger"]})
    found = {
        f"cost/{name}": by_question(paid, lambda row, name=name: row["ledger"].get(name, 0), mean) for name in names
    }
    return found | {"processed_tokens": by_question(paid, _processed, mean)}


def _processed(row: dict) -> int:
    return sum(row["ledger"].get(name, 0) for name in ("generated", "judge", "prefilled"))


def metrics(predictions: Iterable[dict]) -> dict[str, dict]:
    """Return {name: {"value", "n", "low", "high"}} for the predictions of a row. The module docstring lists the names.

    Raises UserError for a line of mini-HallusionBench whose qid does not name pair, figure and question.
    """
    asked = list(predictions)
    rows = averaged(asked)
    kinds = {f"{key}/{name}": accuracy(some) for key in ("skill", "family") for name, some in by(asked, key).items()}
    found = {
        "accuracy": accuracy(rows),
        **of_sets(asked),
        **kinds,
        "unread": by_question(rows, lambda row: row.get("pred") is None),
        "well_formed": by_question(rows, keeps_form),
        "option_likelihood": by_question(rows, lambda row: row.get("option_likelihood_correct")),
        "distinct_candidates": by_question(rows, distinct_candidates),
        **_of_stages(rows),
        **_of_costs(rows),
    }
    return {name: metric for name, metric in found.items() if metric is not None}

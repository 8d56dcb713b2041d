"""Say in words what a table of results shows: the titles of figures, and the first sentences of a report.

    differences(found)                                          # "None of 8 differences has an uncorrected ..."
    opening(found, "structured − direct training", "pilot")     # three sentences (Markdown)

Intervals are uncorrected: each difference is judged on its own, without correction for their number.
"""

import pandas as pd

from o1lib.analysis.stats import INCONCLUSIVE, NOT_TESTED

NOT_TOLD_APART = "not told apart"  # the verdict on a contrast that nobody claims and no interval decides
UNDECIDED = (INCONCLUSIVE, NOT_TESTED, NOT_TOLD_APART)


def undecided(table):
    """Return which lines decide nothing, by their `verdict`, or without one because the interval includes zero."""
    if "verdict" in table:
        return table.verdict.isin(UNDECIDED)
    return ~((table.low > 0) | (table.high < 0))


def plain(sentence):
    """Return a sentence of Markdown as a title: with a capital, without emphasis and without the period at its end."""
    told = sentence.replace("**", "").removesuffix(".")
    return told[:1].upper() + told[1:]


def differences(found, name="contrast", most=2):
    """Return in one sentence how many 95 % intervals exclude zero, with the largest, named by column `name`.

    `found` has columns value, low, high (fractions), and perhaps `seeds`, `incomplete` and `ill_formed`, from which the
    limits of a named difference are told. Lines without a value are not counted.
    """
    tested = found.dropna(subset=["value"])
    sure = tested[(tested.low > 0) | (tested.high < 0)]
    if not len(tested):
        return "Nothing is compared: rows were not run"
    if not len(sure):
        if len(tested) == 1:
            return "The uncorrected 95 % interval of the difference includes zero"
        return f"All {len(tested)} differences have an uncorrected 95 % interval that includes zero"
    largest = sure.loc[sure.value.abs().sort_values(ascending=False, kind="stable").index[:most]]
    named = "; ".join(
        f"{line[name]} {100 * line['value']:+z.1f} points{_limits(line)}" for line in largest.to_dict("records")
    )
    more = f"; and {len(sure) - most} more" if len(sure) > most else ""
    have = "has" if len(sure) == 1 else "have"
    return f"{len(sure)} of {len(tested)} differences {have} an uncorrected 95 % interval without zero: {named}{more}"


def _limits(line):
    """Return what a contrast rests on, in parentheses, "" where nothing limits it."""
    told = ["one seed" if line.get("seeds") == 1 else "", "incomplete" if line.get("incomplete") else ""]
    told.append(line.get("ill_formed") or "")
    return f" ({', '.join(filter(None, told))})" if any(told) else ""


def levels(cells, name):
    """Return in one sentence the lowest and the highest value of a table, named by column `name` (fractions)."""
    there = cells.dropna(subset=["value"])
    if not len(there):
        return "Nothing is shown: rows were not run"
    least, most = (there.loc[place] for place in (there.value.idxmin(), there.value.idxmax()))
    return f"Values lie between {100 * least.value:.1f} % ({least[name]}) and {100 * most.value:.1f} % ({most[name]})"


def breaks(cells, places):
    """Return in one sentence where the chains of most rows break most often.

    `cells` is a `long_table`, `places` some of its metrics.
    """
    shares = cells[cells.metric.isin(list(places))].pivot_table("value", "label", "metric", sort=False)
    if not len(shares):
        return "No row has chains whose stages were checked"
    most = shares.idxmax(axis=1)
    place = most.mode(dropna=True)[0]
    there, every = shares[place][most == place], len(shares)
    where = "" if len(there) == every else f" in {len(there)} of {every} rows"
    return f"Chains break most often {place}{where}: {_range(there)} of answers"


def spending(found):
    """Return in one sentence how many times the tokens of one sample the searches process.

    `found` is a table of `o1lib.analysis.inference_scaling.scaling_table`.
    """
    one, more = found[found.N == 1].tokens, found[found.N > 1].tokens
    if not len(one) or not len(more):
        return "No search is compared with one sample"
    low, high = (f"{value / one.min():.1f}" for value in (more.min(), more.max()))
    times = low if low == high else f"{low} to {high}"
    return f"A search with several candidates processes {times} times the tokens of one sample"


def letters(shares, blindly):
    """Return in one sentence how often chains give the letter of the option that they state.

    `shares` has one line for each arm, and `blindly` is the accuracy of an option at random (fractions).
    """
    if not len(shares):
        return "No chain states an option"
    return (
        f"Chains give the letter of the option that they state in {_range(shares.value)} of cases "
        f"(at random: {100 * blindly:.0f} %)"
    )


def _range(shares):
    low, high = f"{100 * shares.min():.0f}", f"{100 * shares.max():.0f}"
    return f"{low} %" if low == high else f"{low} to {high} %"


def opening(found, first, mark=""):
    """Return three sentences (Markdown): the contrast named `first`, whose intervals exclude zero, and how sure it is.

    `found` is a table of `o1lib.analysis.contrasts.compare`; `mark` names the kind of study, such as "pilot".
    """
    [line] = found[found.contrast == first].to_dict("records")
    return [_first(line), f"{differences(found)}.", _sure(found.dropna(subset=["value"]), mark)]


def _first(line):
    if pd.isna(line["value"]):
        return f"**{line['contrast']}**: not tested, {line['why']}."
    value, low, high = (100 * line[name] for name in ("value", "low", "high"))
    return f"**{line['contrast']}**: {value:+z.1f} points [{low:+z.1f}, {high:+z.1f}], **{line['verdict']}**."


def _sure(tested, mark):
    if not len(tested):
        return "No contrast could be tested."
    few, many, seeds = (int(number) for number in (tested.n.min(), tested.n.max(), tested.seeds.max()))
    asked = f"{few}" if few == many else f"{few} to {many}"
    width = (50 * (tested.high - tested.low)).median()
    least = int(tested.seeds.min())
    most = "one seed" if seeds == 1 else f"{f'{least} to ' if least < seeds else ''}{seeds} seeds"
    start = f"In this {mark}, a" if mark else "A"
    return (
        f"{start} difference rests on {asked} questions and {most}, and half of the intervals are wider than "
        f"±{width:.0f} points."
    )

"""The verdicts on the papers' claims as a table and as a page that opens alone.

lines = evaluate(load_claims(), records)
table(lines)                                # one line a claim: reported, measured, verdict, why, cost
page(lines, note(records), lacking(lines, records))     # claims.html; all text is escaped
"""

import html
from collections import Counter
from textwrap import wrap

import pandas as pd

from o1lib.analysis.comparability import missing_for_comparison
from o1lib.analysis.stats import NOT_TESTED, VERDICTS

PAPERS = {"A": "LLaVA-o1", "B": "LlamaV-o1"}
_SCALE = {"difference": (100, " points"), "equivalence": (100, " points"), "rate": (100, " %"), "ratio": (1, " times")}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The claims of LLaVA-o1 and LlamaV-o1, tested</title><style>
body {{ font: 14px/1.4 sans-serif; max-width: 80em; margin: 2em auto; padding: 0 1em; background: white; color: #111 }}
table {{ border-collapse: collapse }} th, td {{ text-align: left; vertical-align: top; padding: .3em .6em }}
tr {{ border-top: 1px solid #ccc }} thead tr {{ border: 0 }}
</style></head><body>
<h1>The claims of LLaVA-o1 and LlamaV-o1, tested</h1>
<p>{note}</p>
<p>A claim is <i>reproduced</i> or <i>contradicted</i> only if the whole 95 % interval says so; a difference that is
surely below one point contradicts a claimed one, whatever its sign. What no record can tell is <i>not tested</i>.</p>
<h2>Verdicts by paper{mark}</h2>
{counts}
<h2>Claim by claim{mark}</h2>
{table}
<h2>What the claims lack{mark}</h2>
{incomplete}
{beside}
</body></html>
"""
_BESIDE = "<h2>Found here, beside what is published{mark}</h2><p>{sentence}</p>{table}"


def verdict_counts(lines):
    """Return how many claims of each paper have which verdict: a line a paper, a column a verdict."""
    tally = Counter((line["paper"], line["verdict"]) for line in lines)
    papers = {name: [tally[paper, verdict] for verdict in VERDICTS] for paper, name in PAPERS.items()}
    frame = pd.DataFrame.from_dict(papers, orient="index", columns=list(VERDICTS))
    return pd.concat([frame, frame.sum().to_frame("both papers").T])


def measured(line):
    """Return '+2.1 points [+0.3, +3.9]' for a judged claim in its own unit, '–' for one that was not tested."""
    if line["value"] is None:
        return "–"
    scale, unit = _SCALE[line["kind"]]
    sign = "+" if unit == " points" else ""
    value, low, high = (f"{scale * line[name]:{sign}.1f}" for name in ("value", "low", "high"))
    return f"{value}{unit} [{low}, {high}]"


def reported(line):
    """Return the paper's numbers of a claim: '63.5 against 56.6', or each with its name."""
    numbers = line["reported"]
    if numbers.keys() == {"a", "b"}:
        return f"{numbers['a']['value']:g} against {numbers['b']['value']:g}"
    return ", ".join(f"{name} {number['value']:g}" for name, number in numbers.items())


def cost(line):
    """Return what a contrast took: seconds of scoring and of training its arms, tokens a question of each row."""
    if not line["cost"]:
        return "–"
    tokens = ", ".join(f"{row} {count:,.0f}" for row, count in line["cost"]["processed_tokens"].items())
    training = sum(line["cost"].get("training_seconds", {}).values())
    return (
        f"{line['cost']['seconds']:,.0f} s"
        + (f"; training {training:,.0f} s" if training else "")
        + (f"; tokens a question: {tokens}" if tokens else "")
    )


def rows(line):
    """Return which row is set against which, and in what."""
    what = line["contrast"]
    metric = what["metric"].replace("_", " ") + (f" on {', '.join(what['sets'])}" if what.get("sets") else "")
    skills = f" ({', '.join(what['skills'])})" if what.get("skills") else ""
    less = f" less that on {', '.join(what['less_skills'])}" if what.get("less_skills") else ""
    return f"{what['a']}{' against ' + what['b'] if what.get('b') else ''}: {metric}{skills}{less}"


def claims_table(lines):
    """Return one line a claim: where, what it says, the paper's numbers, ours with interval, verdict, why, cost."""
    found = {
        line["id"]: {
            "where": f"{PAPERS[line['paper']]}, {line['table']}",
            "claim": line["statement"],
            "reported": reported(line),
            "tested by": rows(line),
            "measured here": measured(line),
            "n": line["n"] or "–",
            "seeds": line["seeds"] or "–",
            "failed": line["cost"]["failed"] if line["cost"] else "–",
            "verdict": line["verdict"],
            "why": line["why"],
            "cost": cost(line),
        }
        for line in lines
    }
    return pd.DataFrame.from_dict(found, orient="index")


def difference_claims(lines):
    """Return the tested claims about differences as a long table for a figure: claim, verdict, value, interval, n."""
    kinds = ("difference", "equivalence")
    tested = [line for line in lines if line["kind"] in kinds and line["value"] is not None]
    shown = [
        line
        | {
            "claim": "\n".join(
                wrap(f"{line['id']}: {line['statement'].rstrip('.')}", 62, max_lines=2, placeholder=" …")
            )
        }
        for line in tested
    ]
    found = pd.DataFrame(shown, columns=["claim", "verdict", "value", "low", "high", "n", "seeds"])
    return found.assign(verdict=pd.Categorical(found.verdict, VERDICTS[:-1]))  # a colour each, whichever occur


def summarize_verdicts(lines):
    """Return one sentence a verdict: how many claims, and which."""
    groups = {verdict: [line["id"] for line in lines if line["verdict"] == verdict] for verdict in VERDICTS}
    return [
        f"**{verdict}**: {len(ids)} of {len(lines)} claims{' (' + ', '.join(ids) + ')' if ids else ''}"
        for verdict, ids in groups.items()
    ]


def incomplete_claims(lines, records):
    """Return one line a claim that is incomplete: its verdict, what is amiss with its rows, or why it is not tested."""
    found = {}
    for line in lines:
        needed = [line["contrast"][side] for side in ("a", "b") if line["contrast"].get(side)]
        missing = missing_for_comparison(records, needed, line["contrast"].get("once") or ())
        if line["verdict"] == NOT_TESTED and not any("no record" in gap for gap in missing):
            missing.append(line["why"])
        if missing:
            found[line["id"]] = {"claim": line["statement"], "verdict": line["verdict"], "lacks": "; ".join(missing)}
    return pd.DataFrame.from_dict(found, orient="index", columns=["claim", "verdict", "lacks"])


def claims_page(lines, note, incomplete, mark="", beside=None, sentence=""):
    """Return the whole page as HTML; `note` says what was scored, `mark` is in every caption. All is escaped.

    `incomplete` is what `lacking` returns. `beside` and `sentence` set what was found here beside what is published
    (`o1lib.analysis.claims.replication`).
    """
    mark = html.escape(mark and f" ({mark})")
    with pd.option_context("display.max_colwidth", None):
        there = (
            ""
            if beside is None or beside.empty
            else _BESIDE.format(mark=mark, sentence=html.escape(sentence), table=beside.to_html(border=0))
        )
        lacks = f"<p>{len(incomplete)} of {len(lines)} claims are incomplete.</p>" + incomplete.to_html(border=0)
        return _PAGE.format(
            note=html.escape(note),
            mark=mark,
            counts=verdict_counts(lines).to_html(border=0),
            table=claims_table(lines).to_html(border=0),
            incomplete=lacks,
            beside=there,
        )

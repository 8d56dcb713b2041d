"""Show the verdicts on the papers' claims as tables and as an HTML page.

lines = evaluate_claims(load_claims(), records)
claims_table(lines)                                     # one line for each claim
claims_page(lines, note(records), incomplete_claims(lines, records))     # claims.html
"""

from collections import Counter
from textwrap import wrap

import pandas as pd

from o1lib.analysis.claims.evaluate import NO_VERDICT
from o1lib.analysis.claims.gates import without_gate
from o1lib.analysis.claims.wording import STUDY, margin, worded
from o1lib.analysis.comparability import missing_for_comparison
from o1lib.analysis.stats import NOT_TESTED, VERDICTS
from o1lib.analysis.tables import to_html
from o1lib.records.html import render
from o1lib.scoring.chance_level import AVERAGE

PAPERS = {"A": "LLaVA-o1", "B": "LlamaV-o1"}
_SCALE = {"difference": (100, " points"), "equivalence": (100, " points"), "rate": (100, " %"), "ratio": (1, " times")}


def judged(lines):
    """Return the lines that have a verdict: all but the statements about cost."""
    return [line for line in lines if line["verdict"] != NO_VERDICT]


def verdict_counts(lines):
    """Return the number of claims by paper (lines) and verdict (columns)."""
    tally = Counter((line["paper"], line["verdict"]) for line in lines)
    papers = {name: [tally[paper, verdict] for verdict in VERDICTS] for paper, name in PAPERS.items()}
    frame = pd.DataFrame.from_dict(papers, orient="index", columns=list(VERDICTS))
    return pd.concat([frame, frame.sum().to_frame("both papers").T])


def measured(line, kind=""):
    """Return a claim's value and interval in its unit, as '+2.1 points [+0.3, +3.9]'; '–' if it was not tested.

    `kind` is that of a line that names none. A value without an interval is shown alone.
    """
    if line["value"] is None:
        return "–"
    scale, unit = _SCALE[kind or line["kind"]]
    sign = "+" if unit == " points" else ""
    value, low, high = (f"{scale * number:{sign}z.1f}" if number is not None else "" for number in _numbers(line))
    return f"{value}{unit} [{low}, {high}]" if low else f"{value}{unit}"


def _numbers(line):
    return line["value"], line["low"], line["high"]


def each_base(line):
    """Return the contrast on each base in words, "" where it was measured on one."""
    found = line.get("bases") or {}
    return "; ".join(f"{base}: {measured(one, line['kind'])}, seeds {one['seeds']}" for base, one in found.items())


def beside(line):
    """Return the further lines of a claim in words: each base, other metrics, other judges; "–" without any."""
    further = {**line.get("second", {}), **line.get("judges", {})}
    told = [each_base(line)] if line.get("bases") else []
    told += [f"{label}: {measured(one, line['kind'])}, {one['verdict']}" for label, one in further.items()]
    return "; ".join(told) or "–"


def reported(line):
    """Return the paper's numbers of a claim: '63.5 against 56.6', 'hours 0.2 against 1.5', or each with its name."""
    numbers = {name: f"{number['value']:g}" for name, number in line["reported"].items()}
    told = []
    for name, number in numbers.items():
        of, _, side = name.rpartition(" ")
        other = numbers.get(f"{of} b".strip())
        if side == "a" and other:
            told.append(f"{of} {number} against {other}".strip())
        elif side != "b":
            told.append(f"{name} {number}")
    told = ", ".join(told)
    return f"not claimed by the paper (nearest: {told})" if line.get("origin") == STUDY else told


def cost(line):
    """Return a contrast's cost: seconds of scoring, seconds of training, and each row's mean tokens for a question."""
    if not line["cost"]:
        return "–"
    tokens = ", ".join(f"{row} {count:,.0f}" for row, count in line["cost"]["processed_tokens"].items())
    training = sum(line["cost"].get("training_seconds", {}).values())
    return (
        f"{line['cost']['seconds']:,.0f} s"
        + (f"; training {training:,.0f} s" if training else "")
        + (f"; tokens a question: {tokens}" if tokens else "")
    )


def _contrast(line):
    """Return the rows of a contrast and its metric in words."""
    what = line["contrast"]
    metric = what["metric"].replace("_", " ") + (f" on {', '.join(what['sets'])}" if what.get("sets") else "")
    skills = f" ({', '.join(what['skills'])})" if what.get("skills") else ""
    less = f" less that on {', '.join(what['less_skills'])}" if what.get("less_skills") else ""
    return f"{what['a']}{' against ' + what['b'] if what.get('b') else ''}: {metric}{skills}{less}"


def claims_table(lines):
    """Return one line for each claim: its place, statement, reported and measured numbers, verdict, reason and cost."""
    found = {
        line["id"]: {
            "where": _where(line),
            "claim": line["statement"],
            "reported": reported(line),
            "tested by": _contrast(line),
            "measured here": measured(line),
            "n": line["n"] or "–",
            "seeds": line["seeds"] or "–",
            "failed": line["cost"]["failed"] if line["cost"] else "–",
            "margin": margin(line),
            "verdict": worded(line),
            "beside it": beside(line),
            "why": line["why"],
            "cost": cost(line),
        }
        for line in judged(lines)
    }
    return pd.DataFrame.from_dict(found, orient="index")


def cost_table(lines):
    """Return one line for each statement about cost that gets no verdict: what was measured, and why it is none."""
    found = {
        line["id"]: {
            "where": _where(line),
            "statement": line["statement"],
            "reported": reported(line),
            "measured by": _contrast(line),
            "measured here": measured(line),
            "seeds": line["seeds"] or "–",
            "no verdict, because it": line["why"],
        }
        for line in lines
        if line["verdict"] == NO_VERDICT
    }
    columns = ["where", "statement", "reported", "measured by", "measured here", "seeds", "no verdict, because it"]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns)


def _where(line):
    return f"{PAPERS[line['paper']]}, {line['table']}"


def caveats(lines, records):
    """Return in one sentence why a study cannot decide its claims, "" where nothing is missing.

    Missing can be a passed reading gate of a base, an average above chance, and margins.
    """
    tested = [line for line in judged(lines) if line["value"] is not None]
    found = list(filter(None, [without_gate(records)]))
    if any(line["contrast"]["metric"] == AVERAGE for line in tested):
        found.append(
            "its averages are not corrected for chance, because no chance level was frozen before it was scored"
        )
    if tested and not any(line.get("margin") for line in tested):
        found.append("no margin was frozen, so no difference can be called negligible")
    return f"This study cannot tell which ingredient works: {'; '.join(found)}." if found else ""


def difference_claims(lines):
    """Return the tested claims about differences as a long table for a figure: claim, verdict, value, interval, n.

    `verdict` is categorical, so that a verdict has the same color whichever verdicts occur.
    """
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
    return found.assign(verdict=pd.Categorical(found.verdict, VERDICTS[:-1]))


def summarize_verdicts(lines):
    """Return one sentence for each verdict: the number of claims and their ids (Markdown)."""
    groups = {verdict: [line["id"] for line in lines if line["verdict"] == verdict] for verdict in VERDICTS}
    total = len(judged(lines))
    return [
        f"**{verdict}**: {len(ids)} of {total} claims{' (' + ', '.join(ids) + ')' if ids else ''}"
        for verdict, ids in groups.items()
    ]


def incomplete_claims(lines, records):
    """Return one line for each incomplete claim: its verdict, and what its rows lack or why it was not tested."""
    found = {}
    for line in judged(lines):
        needed = [line["contrast"][side] for side in ("a", "b") if line["contrast"].get(side)]
        missing = missing_for_comparison(records, needed, line["contrast"].get("once") or ())
        if line["verdict"] == NOT_TESTED and not any("no record" in gap for gap in missing):
            missing.append(line["why"])
        if missing:
            found[line["id"]] = {"claim": line["statement"], "verdict": line["verdict"], "lacks": "; ".join(missing)}
    return pd.DataFrame.from_dict(found, orient="index", columns=["claim", "verdict", "lacks"])


def claims_page(lines, note, incomplete, mark="", replication=None, agreement="", caveat=""):
    """Return the claims as an HTML page that needs no other file.

    `note` says what was scored, `caveat` why the study decides nothing (`caveats`), and `mark` is part of every
    heading. `incomplete` is what `incomplete_claims` returns. `replication` and `agreement` compare this study with the
    published one (`replication_table`, `summarize_agreement` of `o1lib.analysis.claims.replication`); without them, or
    with an empty table, that part is left out.
    """
    compared = replication is not None and not replication.empty
    return render(
        "analysis/claims.html.j2",
        note=note,
        caveat=caveat,
        mark=f" ({mark})" if mark else "",
        counts=to_html(verdict_counts(lines)),
        table=to_html(claims_table(lines), classes="claims"),
        costs=to_html(spent) if len(spent := cost_table(lines)) else None,
        n_incomplete=len(incomplete),
        n_claims=len(judged(lines)),
        incomplete=to_html(incomplete),
        replication=to_html(replication) if compared else None,
        agreement=agreement,
    )

"""Describe the plan of the confirmatory run in text and tables, and write them into a draft of its protocol.

print(text(plan_confirmatory("mini")))                 # python -m o1lib power --scale mini
fill("draft.md", plan_confirmatory("mini"))            # ... --into draft.md

The draft has marks such as <!-- power --> and <!-- /power -->. The text between them is replaced.
"""

import math
from pathlib import Path

import pandas as pd

from o1lib.analysis.claims import FrozenMargin, frozen_margins, load_claims
from o1lib.analysis.claims.family import ALPHA
from o1lib.minivqa.testsets import LINES_OF_A_GROUP
from o1lib.records import UserError, project_root, shown
from o1lib.study import markdown_blocks
from o1lib.study.confirmatory_family import ASSUMED, ENOUGH, POWER, FamilyMember, judging_rows, rows_of
from o1lib.study.protocol import ConfirmatoryPlan, by_set
from o1lib.study.run_times import hours, split_into_pieces

FROZEN = "PROTOCOL.md"  # the protocol in force


def text(found: ConfirmatoryPlan) -> str:
    """Return a plan for a terminal: questions for each claim, seeds of each family, size of each test set, hours."""
    total, table = _hours(found)
    tables = [frame.to_string(index=False) for frame in (power(found), seeds(found), sizes(found))]
    lines = [f"{piece.piece:3}  {piece.hours:>4} h  {piece.what}" for piece in table.itertuples()]
    return "\n\n".join([basis(found), *tables, parameters(found), total, "\n".join(lines)])


def blocks(found: ConfirmatoryPlan) -> dict[str, str]:
    """Return the Markdown of each block of the protocol by its name."""
    total, table = _hours(found)
    return {
        "family": family(),
        "power": basis(found) + "\n\n" + markdown(power(found)),
        "sizes": "\n\n".join([markdown(seeds(found)), markdown(sizes(found)), parameters(found)]),
        "hours": total + "\n\n" + markdown(table),
    }


def markdown(frame: pd.DataFrame) -> str:
    """Return a table as Markdown."""
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.itertuples(index=False)]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows)


def sizes(found: ConfirmatoryPlan) -> pd.DataFrame:
    """Return one line for each test set: its lines in the pilot and in the run, and the claims it decides."""
    chosen = found.sizes(found.choice)
    return pd.DataFrame(
        [
            {
                "test set": name,
                "lines of the pilot": now,
                "lines": chosen[name],
                "questions or groups": chosen[name] // LINES_OF_A_GROUP.get(name, 1),
                "tested on it": ", ".join(one.claim.id for one in found.members if name in one.sets) or "no claim",
            }
            for name, now in found.sizes_now.items()
        ]
    )


def seeds(found: ConfirmatoryPlan) -> pd.DataFrame:
    """Return one line for each family of contrasts and number of seeds: questions that decide it, and hours.

    The hours are those of the whole run if the other families keep the chosen number of seeds.
    """
    lines = []
    for k, family in enumerate(found.families):
        for count in found.seed_numbers:
            wanted = [found.needs(member, count) for member in family]
            tried = (*found.choice[:k], count, *found.choice[k + 1 :])
            lines.append(
                {
                    "family": ", ".join(member.claim.id for member in family),
                    "seeds": count,
                    "questions of its sets": "no number is enough" if None in wanted else max(wanted),
                    "hours of the run": "–" if None in wanted else f"{hours(found.jobs(tried)):.0f}",
                    "choice": "the fewest hours" if count == found.choice[k] else "",
                }
            )
    return pd.DataFrame(lines)


def power(found: ConfirmatoryPlan) -> pd.DataFrame:
    """Return one line for each claim: difference to detect, deviations in points, questions by number of seeds."""
    return pd.DataFrame([_power(member, found) for member in found.members])


def _power(member: FamilyMember, found: ConfirmatoryPlan) -> dict:
    known = member.found.seeds
    between = "unknown: one seed" if known is None else f"{100 * math.sqrt(known):.1f} ({member.found.count} seeds)"
    line = {
        "claim": member.claim.id,
        "between": member.kind,
        "to detect": f"{100 * member.detect:g} points",
        "variances": member.source,
        "questions measured": member.found.n,
        "SD of a question": f"{100 * math.sqrt(member.found.questions + member.found.both):.0f}",
        "SD of seeds, measured": between,
        "SD of seeds, planned": f"{100 * member.seeds_sd:.1f}",
    }
    return line | {f"{seeds} seeds": found.needs(member, seeds) or "–" for seeds in found.seed_numbers}


def family() -> str:
    """Return the confirmatory family as Markdown: claim, contrast, metric, sign, margin."""
    margins = frozen_margins(claims := load_claims())
    lines = [
        {
            "claim": claim.id,
            "statement": claim.statement,
            "contrast": " − ".join(claim.contrast.rows),
            "metric": claim.contrast.metric,
            "sign": "+" if claim.sign > 0 else "−",
            "margin": _margin(margins.get(claim.id)),
        }
        for claim in claims
        if claim.confirmatory
    ]
    return markdown(pd.DataFrame(lines))


def _margin(frozen: FrozenMargin | None) -> str:
    return f"{100 * frozen.value:.1f} points (power {frozen.power:.2f})" if frozen else "not frozen yet"


def basis(found: ConfirmatoryPlan) -> str:
    """Return the records and assumptions behind the numbers of a plan, as text."""
    commits = sorted({record.commit[:10] for record in found.records if record.metrics})
    seeds = sorted({record.seed for record in found.records})
    source = f"{len(found.records)} records of {shown(found.root)}, seeds {', '.join(map(str, seeds))}"
    source += f", made at commit {', '.join(commits)}"
    return (
        f"From {source}. Power {POWER:g} at a two-sided level of {ALPHA:g} / {len(found.members)} = "
        f"{found.alpha:.4f}, Holm's first step. A seed's standard deviation that is unknown, or known from fewer "
        f"than {ENOUGH} seeds, is planned as at least {ASSUMED:g} of the difference to detect. Deviations are in "
        "points."
        + (f" Seeds are those on each of the bases {', '.join(found.bases)}." if len(found.bases) > 1 else "")
        + (f" There are no hours for {', '.join(found.left_out)}, which stay exploratory." if found.left_out else "")
        + "".join(f" {one.claim.id} was run and is not measured: {one.why}." for one in found.members if one.why)
    )


def parameters(found: ConfirmatoryPlan) -> str:
    """Return what experiments.yaml says of the run: the sizes of the test sets, and the seeds that verdicts need."""
    n_test, others = by_set(found.sizes(found.choice))
    counts = zip(found.families, found.choice, strict=True)
    planned = {
        name: count
        for family, count in counts
        for rows in (rows_of(family), judging_rows(family))
        for name in found.run_rows(rows)
    }
    return (
        f'The dataset row of the run takes `n_test: {n_test}, n_test_by_set: "{others}"`, and its scale '
        f"`seeds: {{{', '.join(f'{row}: {count}' for row, count in planned.items())}}}`."
    )


def _hours(found: ConfirmatoryPlan) -> tuple[str, pd.DataFrame]:
    jobs = found.jobs(found.choice)
    table = split_into_pieces(jobs)
    counts = zip(found.families, found.choice, strict=True)
    chosen = ", ".join(f"{count} seeds of {', '.join(one.claim.id for one in family)}" for family, count in counts)
    return (
        f"{chosen}: {hours(jobs):.0f} hours one after another, in {len(table)} pieces of at most two hours, except "
        "jobs that take longer by themselves. A star marks a row without a record; its cost is that of similar rows."
    ), table


def fill(path: Path | str, found: ConfirmatoryPlan) -> None:
    """Write the blocks of a plan between the marks of a protocol, <!-- name --> and <!-- /name -->.

    Raises UserError if a mark is missing, or the file is the protocol in force, which must not change.
    """
    if Path(path).name == FROZEN:
        raise UserError(
            f"{shown(project_root() / path)} is in force and must not change: fill a draft with another file name"
        )
    markdown_blocks.replace_blocks(path, blocks(found))

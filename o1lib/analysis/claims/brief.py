"""The verdicts of a study in three sentences, and the choice of the claims that a figure shows.

    answer_in_brief(lines, records)         # what keeps the study from an answer, the main claims, all claims
    chosen_claims(lines, "A5, LlamaV-o1")   # the lines of these claims; without a name those of the main claims

Lines are those of `o1lib.analysis.claims.evaluate_claims`.
"""

from collections import Counter
from collections.abc import Sequence

from o1lib.analysis.claims.page import PAPERS, caveats, judged
from o1lib.analysis.claims.registry import load_claims
from o1lib.analysis.stats import NOT_TESTED, VERDICTS
from o1lib.records import Record, UserError, choose

ALL = "all"


def main_claims() -> set[str]:
    """Return the ids of the claims that the confirmatory run tests, none where `claims.yaml` cannot be read."""
    try:
        return {claim.id for claim in load_claims() if claim.confirmatory}
    except UserError:
        return set()


def answer_in_brief(lines: Sequence[dict], records: Sequence[Record]) -> list[str]:
    """Return the answer in sentences: what keeps the study from an answer, the main claims, all claims."""
    family, tested = main_claims(), judged(lines)
    main = [line for line in tested if line["id"] in family]
    parts = [
        caveats(lines, records),
        f"Of the {len(main)} main claims, {counted(main)}." if main else "",
        f"Of all {len(tested)} claims of the two papers, {counted(tested)}.{_uncorrected(tested, main)}",
    ]
    return list(filter(None, parts))


def _uncorrected(tested: Sequence[dict], main: Sequence[dict]) -> str:
    """Return in a sentence that verdicts are not corrected for the number of tested claims, "" for at most one."""
    free = [line for line in tested if line["verdict"] != NOT_TESTED and line.get("p_holm") is None]
    but = " of the others" if any(line.get("p_holm") is not None for line in main) else ""
    return (
        f" Each of the {len(free)} tested ones{but} is judged by its own uncorrected 95 % interval."
        if len(free) > 1
        else ""
    )


def counted(lines: Sequence[dict]) -> str:
    """Return the verdicts of claims in words, those that do not occur left out."""
    tally = Counter(line["verdict"] for line in lines)
    if len(tally) == 1:
        return f"{'the only one is' if len(lines) == 1 else 'all are'} {next(iter(tally))}"
    parts = [f"{tally[name]} {'is' if tally[name] == 1 else 'are'} {name}" for name in VERDICTS if tally[name]]
    return ", ".join(parts)


def chosen_claims(lines: Sequence[dict], only: str = "") -> list[dict]:
    """Return the lines of the claims that `only` names between commas: ids, papers or "all"; "" names the main claims.

    Where there is no main claim, "" names all. Raises UserError for a name that is none of these.
    """
    known = [ALL, *PAPERS.values(), *(line["id"] for line in lines)]
    names = {choose(name.strip(), known, "claim or paper") for name in only.split(",") if name.strip()}
    wanted = names or main_claims().intersection(known) or {ALL}
    return [line for line in lines if wanted & {ALL, line["id"], PAPERS[line["paper"]]}]

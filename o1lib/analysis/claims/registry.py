"""Read `claims.yaml`: the papers' claims, their reported numbers, and the contrasts that test them.

load_claims()[0].contrast.a      # "structured.sample"
"""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import ValidationError, model_validator

from o1lib.analysis.claims.decoding import decodings
from o1lib.analysis.stats import verdict
from o1lib.records import UserError, project_root
from o1lib.records.strict import StrictModel
from o1lib.scoring.chance_level import HEADLINE

FILE = "claims.yaml"
FAMILY = 6  # maximal number of confirmatory claims: every further one lowers the power of all


class Reported(StrictModel):
    """A number of a paper and its place: the line of results/reported/<csv>.csv with these values of its columns."""

    csv: str
    value: float
    table: str | None = None
    model: str | None = None
    setting: str | None = None
    benchmark: str | None = None
    metric: str | None = None

    def place(self) -> dict[str, str]:
        """Return the columns and values that identify the number in its table."""
        return self.model_dump(exclude={"csv", "value"}, exclude_none=True)


class Compared(StrictModel):
    """A contrast: row `a` against row `b` in a metric of `o1lib.analysis.observations`.

    It is a minus b, for a ratio a over b, and for a rate a alone. `sets` and `skills` restrict the questions. With
    `less_skills` it is the contrast on `skills` minus the contrast on `less_skills`: is the gain larger on the former?
    Rows named in `once` have one record for all seeds. `decoding` says that the claim is about two ways of decoding;
    without it both rows must be decoded alike.
    """

    a: str
    b: str = ""
    metric: str = HEADLINE
    sets: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    less_skills: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    decoding: bool = False

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows that need a record."""
        return tuple(row for row in (self.a, self.b) if row)


class Variation(StrictModel):
    """What differs from a claim's contrast: other rows, another metric or other sets. What is empty stays as it is."""

    a: str = ""
    b: str = ""
    metric: str = ""
    sets: tuple[str, ...] = ()


class Claim(StrictModel):
    """One claim of a paper. `kind`, `sign` and `claimed` are those of `o1lib.analysis.stats.verdict`.

    `scope` "paper" marks claims about models that the mini study does not have. `confirmatory` marks the family of
    claims that is tested on `test` drawings with Holm's correction. `origin` "study" marks a statement that no paper
    makes; `reported` then holds the paper's nearest numbers. `holds_by` marks a statement about cost that gets no
    verdict: it holds by "construction", or by the "implementation". `note` is why a claim is not run. `second` are
    further lines next to the verdict, and `judges` the same contrast under other judges, by label.
    """

    id: str
    paper: Literal["A", "B"]
    table: str
    statement: str
    kind: Literal["difference", "equivalence", "ratio", "rate"] = "difference"
    sign: Literal[-1, 0, 1] = 0
    claimed: float = 0.0
    scope: Literal["mini", "paper"] = "mini"
    confirmatory: bool = False
    origin: Literal["paper", "study"] = "paper"
    holds_by: Literal["", "construction", "implementation"] = ""
    note: str = ""
    reported: dict[str, Reported]
    contrast: Compared
    second: dict[str, Variation] = {}
    judges: dict[str, Variation] = {}

    @model_validator(mode="after")
    def _can_be_judged(self) -> "Claim":
        verdict(None, None, self.sign, self.kind, self.claimed)
        if (self.kind == "rate") == bool(self.contrast.b):
            raise ValueError("a claim of kind rate needs row a only, every other kind needs rows a and b")
        if self.confirmatory and (self.kind != "difference" or self.scope == "paper"):
            raise ValueError("only a claim of kind difference and scope mini can be confirmatory")
        if self.holds_by and (self.kind != "ratio" or self.confirmatory):
            raise ValueError("only a ratio outside the confirmatory family can be a statement about cost")
        return self

    def varied(self, by: Variation) -> Compared:
        """Return the contrast with what a variation names."""
        return self.contrast.model_copy(update=by.model_dump(exclude_defaults=True))


class _File(StrictModel):
    claims: list[Claim]

    @model_validator(mode="after")
    def _all_different(self) -> "_File":
        for what, keys in (
            ("id", [claim.id for claim in self.claims]),
            ("contrast", [claim.contrast.model_dump_json() for claim in self.claims]),
        ):
            if repeated := [claim.id for k, claim in enumerate(self.claims) if keys[k] in keys[:k]]:
                raise ValueError(f"claim {repeated[0]} has the {what} of an earlier one")
        if len(family := [claim.id for claim in self.claims if claim.confirmatory]) > FAMILY:
            raise ValueError(
                f"{len(family)} claims are confirmatory ({', '.join(family)}), but at most {FAMILY} can be"
            )
        return self


def load_claims(path: Path | str | None = None) -> list[Claim]:
    """Return the claims of a file, by default the project's. Raises UserError that names the entry to correct.

    A claim whose rows experiments.yaml decodes differently is refused, unless its contrast is one of decoding.
    """
    path = Path(path or project_root() / FILE)
    try:
        claims = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf8"))).claims
    except FileNotFoundError:
        raise UserError(f"{path.parent.name} has no {path.name}: run this in the project's checkout") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path.name}, line {mark.line + 1}" if mark else path.name
        raise UserError(f"{where}: {getattr(error, 'problem', error)}: correct that line") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{path.name}{': ' if place else ''}{place}: {first['msg']}: correct that entry") from error
    _check_decoding(claims, path.name)
    return claims


def _check_decoding(claims: list[Claim], name: str) -> None:
    """Raise UserError for the first contrast whose rows are decoded differently without saying so."""
    known = decodings()
    for claim in claims:
        for what in [claim.contrast, *map(claim.varied, [*claim.second.values(), *claim.judges.values()])]:
            ways = {row: known[row] for row in what.rows if row in known}
            if len(set(ways.values())) > 1 and not what.decoding:
                told = ", ".join(f"{row} is {way}" for row, way in ways.items())
                raise UserError(
                    f"{name}: claim {claim.id} compares rows that are decoded differently ({told}): name rows decoded "
                    "alike, or set `decoding: true` in its contrast if decoding is what it compares"
                )

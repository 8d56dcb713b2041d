"""The entry types of the registries METHODS, JUDGES and REWARDS.

An entry carries every fact that other packages need about a method, a judge or a reward: its label in tables, what it
needs, and its bounds.

    JUDGES["coin"] = JudgeSpec("a coin", make=lambda *, seed, **_: CoinJudge(seed))
    METHODS["twice"] = MethodSpec("two samples", run=twice)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from o1lib.records import UserError, choose
from o1lib.search.state import Search

Made = TypeVar("Made")


@dataclass(frozen=True)
class MethodSpec:
    """A search method: its label in tables, and `run(task, n, seed, **options)`, which returns the search.

    `judged` is False for a method that compares no candidates. `rewarded` is True for a method whose candidates are
    scored by a reward instead of compared by a judge. `greedy` is True for decoding at temperature 0. `max_n` bounds
    the number of candidates (None: no bound). `options` are the names of further arguments of `run`.
    """

    label: str
    run: Callable[..., Search]
    judged: bool = True
    rewarded: bool = False
    greedy: bool = False
    max_n: int | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class JudgeSpec(Generic[Made]):
    """A judge or a reward: its label in tables, and `make(decoder=, truth=, p=, seed=)`, which returns it.

    `needs_truth`: it must know the right answers. `needs_model`: it asks a model through a decoder. `other_model`: that
    model is not the one that generates the candidates. `reads_likelihood`: it reads the candidates' log-probabilities.
    `asks_for`: what a server must give to the model that it asks, by the names of `o1lib.inference.served.abilities`.
    """

    label: str
    make: Callable[..., Made]
    needs_truth: bool = False
    needs_model: bool = False
    other_model: bool = False
    reads_likelihood: bool = False
    asks_for: tuple[str, ...] = ()


def make_entry(
    registry: Mapping[str, JudgeSpec[Made]], name: str, what: str, decoder, truth: Mapping | None, p: float, seed: int
) -> Made:
    """Return the judge or the reward `name` of a registry; `what` is "judge" or "reward".

    Raises UserError for an unknown name, or if the decoder or the truth that the entry needs is missing.
    """
    spec = choose(name, registry, what)
    if spec.needs_model and decoder is None:
        raise UserError(f"{what} '{name}' asks a model, but none is given: pass decoder=")
    if spec.needs_truth and truth is None:
        raise UserError(f"{what} '{name}' must know the truth: pass truth={{qid: item}}")
    return spec.make(decoder=decoder, truth=truth, p=p, seed=seed)

"""What a served model and its judge must give, checked before anything is asked that a search would only find out late.

check_judge("stage_beam", 4, "preference", decoder, referee)        # UserError names the server, what it lacks, others
check_prices(subject, judge)                                        # both have a price, or neither has
"""

from o1lib.inference.served.decoder import ServedDecoder
from o1lib.records import UserError, choose
from o1lib.search.judges import JUDGES
from o1lib.search.methods import METHODS
from o1lib.search.rewards import REWARDS

_LACKS = {
    "logprobs": "reads log-probabilities, which the server of {} does not give",
    "continuation": "begins a reply, which the server of {} does not continue",
}


def check_judge(
    method: str, n: int, judge: str, decoder: ServedDecoder, judge_decoder: ServedDecoder | None = None
) -> None:
    """Raise UserError for a judge or reward that needs what a server does not give.

    `decoder` writes the candidates. `judge_decoder` asks the model that judges, None for the same model.
    """
    spec = choose(method, METHODS, "search method")
    registry = REWARDS if spec.rewarded else JUDGES
    entry = registry.get(judge)
    if entry is None or not (spec.rewarded or spec.judged and n > 1):
        return
    needs = [(decoder, "logprobs")] * entry.reads_likelihood
    needs += [(judge_decoder or decoder, name) for name in entry.asks_for]
    if lacking := next(((one, name) for one, name in needs if not getattr(one.abilities, name)), None):
        what, words = "reward" if spec.rewarded else "judge", _LACKS[lacking[1]].format(lacking[0].endpoint.model)
        raise UserError(f"{what} '{judge}' {words}: use {', '.join(_undemanding(registry))}")


def _undemanding(registry) -> list[str]:
    """Return the judges or rewards that any server will do for."""
    return [
        name
        for name, one in registry.items()
        if not (one.reads_likelihood or one.needs_truth or one.asks_for or one.other_model)
    ]


def check_prices(subject, judge) -> None:
    """Raise UserError if one of two served models has a price and the other has none: their sum would not be known."""
    if judge is not None and (subject.price is None) != (judge.price is None):
        priced, other = (judge, "price") if subject.price is None else (subject, "judge_price")
        raise UserError(
            f"{priced.endpoint.model} has a price and the model beside it has none, so what both cost is not known: "
            f"set {other} too, to 0/0 if it costs nothing"
        )

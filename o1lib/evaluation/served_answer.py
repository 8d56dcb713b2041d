"""Search for the answer of a served model to one question, as `python -m o1lib answer --endpoint` does.

    opened = open_served("http://127.0.0.1:8000/v1", "qwen2.5-vl", method="stage_beam", n=4, temperature=0.6)
    result = opened.search("picture.png", "How many dots?")
    final_answer(result), opened.told(result)       # told: what the servers can do, requests, money

Replies are kept in work/answers: the same question with the same settings costs nothing the second time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from o1lib.evaluation.answer import N, answer
from o1lib.evaluation.served import ServedModel, connect_both
from o1lib.evaluation.served_checks import check_judge
from o1lib.inference.served.decoder import ServedDecoder
from o1lib.models.endpoint import CONCURRENCY, TIMEOUT
from o1lib.records import choose, project_root
from o1lib.search.methods import METHODS
from o1lib.search.types import SearchResult


@dataclass(frozen=True)
class _Folder:
    """Where the replies are kept."""

    folder: Path

    def path(self, name: str) -> Path:
        """Return the path of a file in the folder."""
        return self.folder / name


@dataclass(frozen=True)
class ServedSearch:
    """A served model with its judge, if it has another, the format of its answers, and how to search."""

    models: tuple[ServedModel, ...]
    decoder: ServedDecoder
    format: str
    settings: Mapping

    def search(self, image, question: str) -> SearchResult:
        """Return the finished search of one question. Raises UserError as `answer` does."""
        return answer(self.decoder, image, question, self.format, **self.settings)

    def told(self, result: SearchResult) -> str:
        """Return in words what the servers can do, the requests, the money, and requests without a reply."""
        qid, decoders = result.task.qid, [(model, decoder) for model in self.models for decoder in model.used]
        lines = [model.describe() for k, model in enumerate(self.models) if not k or model.able()]
        lines.append(f"requests: {sum(decoder.spent[qid]['requests'] for _, decoder in decoders)}")
        money = [model.money(decoder, qid) for model, decoder in decoders]
        lines += [] if None in money else [f"money: {sum(money):.6g}"]
        lines += [f"no reply: {why}" for _, decoder in decoders for why in dict.fromkeys(decoder.failures[qid])]
        return "\n".join(lines)


def open_served(
    endpoint: str, model: str, format: str = "", *, method: str = "stage_beam", n: int | None = None, judge: str = "",
    budget: int = 0, price: str = "", abilities: str | Sequence[str] = "", instructed: bool = True,
    judge_model: str = "", judge_endpoint: str = "", judge_price: str = "", concurrency: int = CONCURRENCY,
    timeout: float = TIMEOUT, **settings,
) -> ServedSearch:  # fmt: skip
    """Return the search of a served model; nothing but what its server can do is asked for yet.

    `settings` are those of `ServedModel.decoder`; `format` "" is tags. The other arguments are those of `answer` and
    `connect_both`. Raises UserError as these do, and for a judge that needs what a server does not give.
    """
    spec, run = choose(method, METHODS, "search method"), _Folder(project_root() / "work" / "answers")
    n = min(N, spec.max_n or N) if n is None else n
    served = {"price": price, "abilities": abilities, "instructed": instructed, "judge_model": judge_model}
    served |= {"judge_endpoint": judge_endpoint, "judge_price": judge_price}
    served |= {"concurrency": concurrency, "timeout": timeout}
    subject, other = connect_both(run, endpoint, model, format or "tags", **served)
    decoder, referee = subject.decoder(**settings), other.decoder(**settings) if other else None
    check_judge(method, n, judge or ("likelihood" if spec.rewarded else "self"), decoder, referee)
    how = {"method": method, "n": n, "judge": judge, "budget": budget, "judge_decoder": referee}
    return ServedSearch(tuple(filter(None, (subject, other))), decoder, subject.format, how)

"""Search for the answer of a served model to one question, as `python -m o1lib answer --endpoint` does.

    result, words = served_answer("http://127.0.0.1:8000/v1", "qwen2.5-vl", "picture.png", "How many dots?", {})
    final_answer(result), words                 # words: what the server can do, requests, money

Replies are kept in work/answers: the same question with the same settings costs nothing the second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from o1lib.evaluation.answer import N, answer
from o1lib.evaluation.served import ServedModel, check_judge, connect
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


def served_answer(
    endpoint: str, model: str, image, question: str, settings: Mapping, *, method: str = "stage_beam",
    n: int | None = None, judge: str = "", budget: int = 0, format: str = "", price: str = "", abilities: str = "",
    instructed: bool = True, judge_model: str = "", judge_endpoint: str = "",
) -> tuple[SearchResult, str]:  # fmt: skip
    """Return (finished search, what the server can do and what it cost in words).

    `settings` are seed, temperature and max_new_tokens of the decoder; `format` "" is tags. The other arguments are
    those of `answer` and `connect`. Raises UserError as these do.
    """
    spec, run = choose(method, METHODS, "search method"), _Folder(project_root() / "work" / "answers")
    n = min(N, spec.max_n or N) if n is None else n
    subject = connect(run, endpoint, model, format or "tags", price, instructed=instructed, abilities=abilities)
    decoder, models = subject.decoder(**settings), [subject]
    if judge_model:
        models.append(connect(run, judge_endpoint or endpoint, judge_model, log="judged.jsonl"))
    check_judge(method, n, judge or ("likelihood" if spec.rewarded else "self"), decoder)
    asked = {"method": method, "n": n, "judge": judge, "budget": budget}
    referee = models[-1].decoder(**settings) if judge_model else None
    result = answer(decoder, image, question, subject.format, judge_decoder=referee, **asked)
    return result, _told(subject, models, result)


def _told(subject: ServedModel, models: list[ServedModel], result: SearchResult) -> str:
    """Return in words what the server can do, the requests, the money, and requests without a reply."""
    qid, decoders = result.task.qid, [(model, decoder) for model in models for decoder in model.used]
    lines = [subject.describe(), f"requests: {sum(decoder.spent[qid]['requests'] for _, decoder in decoders)}"]
    money = [model.money(decoder, qid) for model, decoder in decoders]
    lines += [] if None in money else [f"money: {sum(money):.6g}"]
    lines += [f"no reply: {why}" for _, decoder in decoders for why in dict.fromkeys(decoder.failures[qid])]
    return "\n".join(lines)

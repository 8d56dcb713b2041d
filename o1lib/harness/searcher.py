"""A search with all its settings, for a program that only hands over a picture and a question.

searcher = open_searcher("results/checkpoints/mini-structured", method="stage_beam", n=4)
searcher = open_searcher("qwen2.5-vl", endpoint="http://127.0.0.1:8000/v1", judge_model="gpt-4o-mini")
searcher.search(picture, "How many dots are there?").text
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from o1lib.evaluation.answer import answer, final_answer, load_decoder
from o1lib.evaluation.served_answer import open_served
from o1lib.records import choose
from o1lib.search.types import SearchResult

SEARCH = ("method", "n", "judge", "judge_decoder", "budget")  # settings of a search; the others are the decoder's
SERVED = (
    "method", "n", "judge", "budget", "judge_model", "judge_endpoint", "seed", "temperature", "top_p", "max_new_tokens",
    "price", "judge_price", "abilities", "instructed", "concurrency", "timeout",
)  # fmt: skip


@dataclass(frozen=True)
class Searcher:
    """A decoder of any kind (a local model or a served one), the format of its answers, and how to search."""

    decoder: Any
    format: str
    settings: Mapping = field(default_factory=dict)

    def search(self, image, question: str) -> SearchResult:
        """Return the finished search of one question. Raises UserError as `o1lib.evaluation.answer.answer` does."""
        return answer(self.decoder, image, question, self.format, **self.settings)


def open_searcher(checkpoint: str, format: str = "", endpoint: str = "", **settings) -> Searcher:
    """Return the searcher of a local model, or with `endpoint` of the model that is served there under this name.

    Settings in SEARCH say how to search, the others go to `load_decoder`. Those of a served model are in SERVED. Raises
    UserError for any other, and as `load_decoder` and `open_served` do.
    """
    if endpoint:
        for name in settings:
            choose(name, SERVED, "setting of a served model")
        opened = open_served(endpoint, checkpoint, format, **settings)
        return Searcher(opened.decoder, opened.format, opened.settings)
    searching = {name: settings.pop(name) for name in SEARCH if name in settings}
    return Searcher(*load_decoder(checkpoint, format, **settings), searching)


def said(result: SearchResult, whole: bool = False) -> str:
    """Return the text that a program scores: the conclusion, or with `whole` all stages."""
    return result.text if whole else final_answer(result)

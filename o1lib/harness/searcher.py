"""A search with all its settings, for a program that only hands over a picture and a question.

searcher = open_searcher("results/checkpoints/mini-structured", method="stage_beam", n=4)
searcher.search(picture, "How many dots are there?").text
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from o1lib.evaluation.answer import answer, final_answer, load_decoder
from o1lib.search.types import SearchResult

SEARCH = ("method", "n", "judge", "judge_decoder", "budget")  # settings of a search; the others are the decoder's


@dataclass(frozen=True)
class Searcher:
    """A decoder of any kind (a local model or a served one), the format of its answers, and how to search."""

    decoder: Any
    format: str
    settings: Mapping = field(default_factory=dict)

    def search(self, image, question: str) -> SearchResult:
        """Return the finished search of one question. Raises UserError as `o1lib.evaluation.answer.answer` does."""
        return answer(self.decoder, image, question, self.format, **self.settings)


def open_searcher(checkpoint: str, format: str = "", open_decoder: Callable = load_decoder, **settings) -> Searcher:
    """Return the searcher of a model. Settings in SEARCH say how to search; the others go to `open_decoder`.

    `open_decoder(checkpoint, format, **settings)` returns (decoder, format); it may connect to a served model. Raises
    UserError as `load_decoder` does.
    """
    searching = {name: settings.pop(name) for name in SEARCH if name in settings}
    return Searcher(*open_decoder(checkpoint, format, **settings), searching)


def said(result: SearchResult, whole: bool = False) -> str:
    """Return the text that a program scores: the conclusion, or with `whole` all stages."""
    return result.text if whole else final_answer(result)

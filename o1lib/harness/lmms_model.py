"""A search as a model of lmms-eval, which gives it the questions of its tasks and scores what it says.

    model = StagedSearch(checkpoint="results/checkpoints/mini-structured", method="stage_beam", n=4)
    model.generate_until(requests)                       # the conclusions, with the tokens that they cost

A task's own generation settings (temperature, tokens, stop words) are not used: the search has its own.
"""

from lmms_eval.api.instance import GenerationResult, TokenCounts
from lmms_eval.api.model import lmms

from o1lib.harness.searcher import Searcher, open_searcher, said
from o1lib.records import UserError
from o1lib.records.progress import progress_bar

RUNNER = ("batch_size", "max_batch_size", "device")  # lmms-eval sets them for every model


class StagedSearch(lmms):
    """Answers each question by a search of the model `checkpoint`; further settings are those of `open_searcher`.

    With `endpoint` among them, `checkpoint` is the name of the model that is served there.

    `whole`: the task gets all stages instead of the conclusion. `searcher` replaces the model.
    """

    def __init__(self, checkpoint: str = "", whole: bool = False, searcher: Searcher | None = None, **settings):
        super().__init__()
        if not (checkpoint or searcher):
            raise UserError(
                "the model o1lib needs a checkpoint: give --model_args checkpoint=FOLDER, or of a served model "
                "checkpoint=NAME,endpoint=URL"
            )
        settings = {name: value for name, value in settings.items() if name not in RUNNER}
        self.searcher = searcher or open_searcher(checkpoint, **settings)
        self.whole = bool(whole)

    def generate_until(self, requests) -> list[GenerationResult]:
        """Return the answer to each request, with tokens read (prompts, judging) and written.

        Raises UserError for a question that does not show exactly one picture.
        """
        return [self._answer(*request.args) for request in progress_bar(requests, desc="o1lib", unit="question")]

    def _answer(self, question, _, pictures_of, number, task, split) -> GenerationResult:
        pictures = pictures_of(self.task_dict[task][split][number])
        if len(pictures) != 1:
            raise UserError(
                f"question {number} of task {task} shows {len(pictures)} pictures, and a search reads exactly one: "
                "choose a task with one picture a question"
            )
        result = self.searcher.search(pictures[0], question)
        usage = result.usage
        spent = TokenCounts(input_tokens=usage.prefilled + usage.judge, output_tokens=usage.generated)
        return GenerationResult(said(result, self.whole), spent)

    def loglikelihood(self, requests):
        """Raise UserError: a search writes answers and scores none."""
        raise UserError("the model o1lib writes answers and scores no options: choose a task that generates")

    def generate_until_multi_round(self, requests):
        """Raise UserError: a search answers one question."""
        raise UserError("the model o1lib answers in one round: choose a task without rounds")

"""The search as a solver of Inspect, and test questions as an Inspect task.

inspect eval o1lib/harness/inspect_task.py@questions -T checkpoint=results/checkpoints/mini-structured -T n=4

eval(Task(dataset=samples, solver=staged_search(checkpoint=..., method="best_of_n", n=4), scorer=extracted()))
"""

from functools import partial
from urllib.request import urlopen

import anyio
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ContentImage, ContentText, ModelOutput, ModelUsage
from inspect_ai.scorer import CORRECT, INCORRECT, Score, accuracy, scorer, stderr
from inspect_ai.solver import solver

from o1lib.data.image_part import picture_part
from o1lib.data.images import picture_of
from o1lib.evaluation.inputs import capped, test_items
from o1lib.harness.searcher import Searcher, open_searcher, said
from o1lib.records import Run, UserError, project_root
from o1lib.scoring import correct, extract

NAME = "o1lib"  # of the model, in logs


@solver
def staged_search(checkpoint: str = "", searcher: Searcher | None = None, **settings):
    """Return a solver that answers by a search of the model `checkpoint`, or by `searcher`.

    Settings are those of `open_searcher`. The log keeps all stages as the reply, the conclusion as the completion, and
    every candidate in the sample's store. Raises UserError without a model, and for a sample that does not show exactly
    one picture.
    """
    if not (checkpoint or searcher):
        raise UserError(
            "the search needs a model: give -T checkpoint=FOLDER, or of a served model -T checkpoint=NAME and "
            "-T endpoint=URL"
        )
    opened, turn = [searcher] if searcher else [], anyio.Lock()  # one search at a time: there is one model

    def run(image, question):
        """Search for the answer to one question; the model is loaded at the first."""
        opened.extend([] if opened else [open_searcher(checkpoint, **settings)])
        return opened[0].search(image, question)

    async def solve(state, generate):
        """Answer one sample, and count its tokens."""
        image, question = _asked(state.messages)
        async with turn:
            result = await anyio.to_thread.run_sync(partial(run, image, question))
        usage = result.usage
        read = usage.prefilled + usage.judge
        spent = ModelUsage(input_tokens=read, output_tokens=usage.generated, total_tokens=read + usage.generated)
        state.messages.append(ChatMessageAssistant(content=result.text, source="generate", model=NAME))
        state.output = ModelOutput.from_content(NAME, said(result))
        state.output.usage = spent
        state.store.set("candidates", result.rows())
        state.completed = True
        return state

    return solve


def _asked(messages):
    """Return the picture and the text of the only user message. Raises UserError for another conversation."""
    parts = [part for message in messages if message.role == "user" for part in _parts(message)]
    pictures = [part.image for part in parts if part.type == "image"]
    if len(pictures) != 1 or len(messages) != 1:
        raise UserError(
            f"a sample has {len(messages)} messages and {len(pictures)} pictures, and a search takes one question "
            "about one picture: use samples with one user message and one image"
        )
    return _opened(pictures[0]), "\n".join(part.text for part in parts if part.type == "text")


def _parts(message):
    return [ContentText(text=message.content)] if isinstance(message.content, str) else message.content


def _opened(place: str):
    """Return a picture's file, or the picture in a data URL. Raises PictureError for what is no picture."""
    if not place.startswith("data:"):
        return place
    from o1lib.data.images import as_rgb

    with urlopen(place) as data:  # a data URL: nothing is fetched
        return as_rgb(data.read())


@scorer(metrics=[accuracy(), stderr()])
def extracted():
    """Return the scorer of the study: the answer is read by its rules and compared with the target."""

    async def score(state, target):
        """Return whether the answer that is read out of a completion is the target."""
        options = state.metadata.get("options", [])
        found = extract(state.output.completion, options)
        right = correct(found.value, target.text, options)
        return Score(
            value=CORRECT if right else INCORRECT, answer=str(found.value), metadata={"extracted_by": found.by}
        )

    return score


def sample(item) -> Sample:
    """Return an item of any benchmark of this library as a sample."""
    url = picture_part(picture_of(item))["image_url"]["url"]
    content = [ContentImage(image=url), ContentText(text=item.question)]
    about = {"options": list(item.options), "test_set": item.test_set, "family": item.family, "skill": item.skill}
    return Sample(input=[ChatMessageUser(content=content)], target=str(item.answer), id=item.qid, metadata=about)


@task
def questions(checkpoint: str = "", data: str = "", limit: int = 24, **settings) -> Task:
    """Return a task: `limit` questions of `data` (0: all), answered by a search of the model `checkpoint`.

    `data` is a benchmark's file as in notebook 03 ("MMStar@MMStar.tsv"), or "" for Mini-VQA drawings.
    """
    folder = project_root() / "work" / "inspect"
    run = Run("inspect", 0, "smoke", folder, folder, {})
    items = capped(test_items(run, data, limit), limit) if limit else test_items(run, data)
    dataset = MemoryDataset([sample(item) for item in items], name=data.partition("@")[0] or "mini-VQA")
    return Task(dataset=dataset, solver=staged_search(checkpoint, **settings), scorer=extracted())

"""Show twenty annotation requests: the picture, what was sent to the teacher, its answers, and which are kept.

    requests, teacher, attempts = twenty()
    HTML(show_annotations(annotate(requests, teacher, attempts=attempts)))

If the environment variable O1LIB_REAL_DATA names a folder of real data, the pictures are real and the answers are
recorded: twelve by LLaVA-CoT on science and textbook questions, one by another model on a competition problem, and
seven for easy-VQA, written by this project's rules. Without it the requests are from Mini-VQA, and the teacher is a
program whose answers are wrong half of the time.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from o1lib.analysis.views.gallery import inline
from o1lib.data import easy_vqa
from o1lib.data.annotation import questions
from o1lib.data.annotation.noisy_teacher import NoisyTeacher, annotation_request
from o1lib.data.annotation.teacher import ATTEMPTS, AnnotationRequest, AnnotationResult, Teacher, messages
from o1lib.data.images import rgb
from o1lib.data.llava_cot import lines
from o1lib.formats import stages
from o1lib.minivqa import mixture
from o1lib.models.endpoint import Reply
from o1lib.records.html import render

REAL = "O1LIB_REAL_DATA"
_SIDE = 160  # pixels: the longer side of a shown picture is at most this


class RecordedTeacher:
    """A teacher whose answers were recorded: its answer to a request is the request's `source`."""

    def say(self, request: AnnotationRequest, attempt: int) -> Reply:
        """Return the recorded answer."""
        return Reply(request.source, cached=True)

    def each(self, function: Callable, items: Iterable) -> Iterator:
        """Yield function(item) in order."""
        return map(function, items)


def twenty() -> tuple[list[AnnotationRequest], Teacher, int]:
    """Return (requests, teacher, attempts): real items with recorded answers if there are any, else Mini-VQA."""
    folder = os.environ.get(REAL)
    if not folder or not (Path(folder) / "outputs").is_dir():
        return list(map(annotation_request, mixture("validation", 20))), NoisyTeacher(0.5), ATTEMPTS
    requests = _recorded(Path(folder))
    drawn = [
        AnnotationRequest(
            item.qid, item.image, item.question, item.answer, family=item.family, source=stages.render(item.stages)
        )
        for item in easy_vqa.few(20 - len(requests))
    ]
    return requests + drawn, RecordedTeacher(), 1  # one answer was recorded, so there is one attempt


def _recorded(folder):
    """Return requests with real pictures, whose answers by real models are recorded in the folder's files."""
    staged = [line for _, line in lines(folder / "outputs" / "staged_with_images.jsonl")]
    requests = [
        AnnotationRequest(
            f"LLaVA-CoT/{line['index']}",
            folder / line["image"],
            line["question"].strip(),
            line["answer"],
            tuple(line["choices"] or ()),
            family="MathVista",
            source=line["prediction"],
        )
        for line in staged
    ]
    plain = {f"mathv_{line['id']}": line for _, line in lines(folder / "outputs" / "mathv_model_outputs_scored.jsonl")}
    for one in questions.annotation_requests(folder / "vqa_items.jsonl"):
        if one.qid in plain:
            answer = plain[one.qid]
            requests.append(
                AnnotationRequest(
                    f"{answer['model']}/{one.qid}",
                    one.image,
                    one.question,
                    one.gold,
                    one.options,
                    family="MATH-V",
                    source=answer["response"],
                )
            )
    return requests[:13]


def show_annotations(results: Iterable[AnnotationResult]) -> str:
    """Return the results as HTML: picture, question, right answer, and whether the annotation was kept.

    What was sent and what came back is folded away below each question.
    """
    return render("analysis/annotation_story.html.j2", cards=[_card(result) for result in results])


def _card(result):
    request = result.request
    picture = (request.image if hasattr(request.image, "thumbnail") else rgb(request.image)).copy()
    picture.thumbnail((_SIDE, _SIDE))
    texts = [part["text"] for part in messages(request)[0]["content"] if part["type"] == "text"]
    answers = [(f"answer {number}: {reason or 'kept'}", text) for number, (text, reason) in enumerate(result.tries, 1)]
    return {
        "picture": inline(picture),
        "question": request.question,
        "gold": request.gold,
        "kept": bool(result.stages),
        "end": "kept" if result.stages else f"dropped: {result.reason}",
        "details": [("sent, after the picture", "\n\n".join(texts)), *answers],
    }

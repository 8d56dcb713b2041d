"""Twenty pictures on their way through the filter, for a person to look at: what is sent, what comes back, what stays.

Where real items are at hand (the environment variable O1LIB_REAL_DATA names their folder) these are real pictures with
answers that real models gave, recorded: LLaVA-CoT's own on twelve science and textbook questions, another model's on a
competition problem; and seven of easy-VQA with the stages that this project's rule writes. Elsewhere the program of
Mini-VQA teaches, erring half of the time.

    turns, teacher, attempts = twenty()
    HTML(show(annotate(turns, teacher, attempts=attempts)))
"""

import html
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
from o1lib.formats.stages import render
from o1lib.minivqa import mixture
from o1lib.models.endpoint import Reply

REAL = "O1LIB_REAL_DATA"
_SIDE = 160  # pixels of a shown picture's wider side, at most
_CARD = (
    "<div style='display:flex;gap:12px;margin:8px 0;border-top:1px solid #ccc;padding-top:8px;background:white;"
    "color:black;font:13px sans-serif'><div style='width:170px;flex:none'>{picture}</div>"
    "<div style='text-align:left'><b>{question}</b> <i>right: {gold}</i><br><b style='color:{color}'>{end}</b>"
    "{details}</div></div>"
)
_DETAILS = "<details><summary>{title}</summary><pre style='white-space:pre-wrap;text-align:left'>{text}</pre></details>"


class Recorded:
    """A teacher whose answers were recorded: a turn's `source` is the text that came back."""

    def say(self, annotation_request: AnnotationRequest, attempt: int) -> Reply:
        """Return the recorded answer."""
        return Reply(annotation_request.source, cached=True)

    def each(self, function: Callable, items: Iterable) -> Iterator:
        """Yield function(item) in order."""
        return map(function, items)


def twenty() -> tuple[list[AnnotationRequest], Teacher, int]:
    """Return (turns, teacher, attempts): real items with recorded answers where they are, else Mini-VQA."""
    folder = os.environ.get(REAL)
    if not folder or not (Path(folder) / "outputs").is_dir():
        return list(map(annotation_request, mixture("validation", 20))), NoisyTeacher(0.5), ATTEMPTS
    turns = _recorded(Path(folder))
    drawn = [
        AnnotationRequest(
            item.qid, item.image, item.question, item.answer, family=item.family, source=render(item.stages)
        )
        for item in easy_vqa.few(20 - len(turns))
    ]
    return turns + drawn, Recorded(), 1  # one answer was recorded, so there is one attempt


def _recorded(folder):
    """Return turns of real pictures whose answers by real models are recorded in files beside them."""
    staged = [line for _, line in lines(folder / "outputs" / "staged_with_images.jsonl")]
    turns = [
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
            said = plain[one.qid]
            turns.append(
                AnnotationRequest(
                    f"{said['model']}/{one.qid}",
                    one.image,
                    one.question,
                    one.gold,
                    one.options,
                    family="MATH-V",
                    source=said["response"],
                )
            )
    return turns[:13]


def show_annotations(outcomes: Iterable[AnnotationResult]) -> str:
    """Return the outcomes as HTML: picture, question, right answer, the end; folded away, what was sent and came back.

    Every text is escaped.
    """
    return "".join(map(_card, outcomes))


def _card(outcome):
    one = outcome.turn
    picture = (one.image if hasattr(one.image, "thumbnail") else rgb(one.image)).copy()
    picture.thumbnail((_SIDE, _SIDE))
    texts = [part["text"] for part in messages(one)[0]["content"] if part["type"] == "text"]
    details = [("sent, after the picture", "\n\n".join(texts))] + [
        (f"answer {number}: {reason or 'kept'}", text) for number, (text, reason) in enumerate(outcome.tries, 1)
    ]
    return _CARD.format(
        picture=inline(picture),
        question=html.escape(one.question),
        gold=html.escape(one.gold),
        color="#060" if outcome.stages else "#a00",
        end="kept" if outcome.stages else html.escape(f"dropped: {outcome.reason}"),
        details="".join(_DETAILS.format(title=html.escape(title), text=html.escape(text)) for title, text in details),
    )

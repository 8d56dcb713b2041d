"""Every HTML page of the library, made from one text wherever a text comes from outside, and pages as parsed.

pages("<b>")["gallery"]              # "<div ...>": questions, answers, labels and test sets are all "<b>"
parsed(pages("x")["gallery"])        # [("<", "div", {"style": ...}), ("text", "x"), ("</", "div"), ...]
"""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from PIL import Image

from o1lib.analysis.audits.spread import JudgeSpread
from o1lib.analysis.claims.page import claims_page, incomplete_claims
from o1lib.analysis.claims.replication import compare_with_published, replication_table
from o1lib.analysis.report import Report, html_table
from o1lib.analysis.tables import by_row
from o1lib.analysis.views.annotation_story import show_annotations
from o1lib.analysis.views.gallery import gallery
from o1lib.analysis.views.search_tree import show_tree
from o1lib.analysis.views.text_table import text_table
from o1lib.data.annotation.teacher import AnnotationRequest, AnnotationResult
from o1lib.evaluation.audits.chains import ChainReading
from o1lib.minivqa import draw
from o1lib.minivqa.contact_sheet import sheet
from o1lib.records import Metric, Record
from o1lib.search.segments import Segment
from o1lib.search.types import Candidate, Score, SearchResult, SearchRound, Task, Usage, Verdict
from o1lib.study.audit import JudgeAudit
from o1lib.study.audit_page import audit_page
from o1lib.training import arms

PICTURE = Image.new("RGB", (8, 4), "red")


def pages(text):
    """Return {name: HTML} of every page, with `text` as each question, caption, option, note, output and row name."""
    return {
        "search_tree": _search_tree(text),
        "gallery": _gallery(text),
        "annotation_story": _annotation_story(text),
        "contact_sheet": _contact_sheet(text),
        "claims": _claims(text),
        "audit": _audit(text),
        "table": _table(text),
        "report_table": _report_table(text),
        "training_example": _training_example(text),
        "outputs": _outputs(text),
        "text_table": text_table({text: text, "other": f"{text}\n  {text}"}, text)
        + text_table(pd.DataFrame({text: [text], "other": [None]})),
    }


def _search_tree(text):
    candidates = tuple(
        Candidate(k, (Segment("caption", f"<CAPTION>{text}\n  {k}</CAPTION>", -1.5, 3), Segment(text, text, -2, 4)))
        for k in range(2)
    )
    compared = SearchRound(text, candidates, ((0, 1, Verdict(1, tie=True, note=text)), (0, 1, Verdict(0))), 1)
    unread = SearchRound("reasoning", candidates[:1], ((0, 1, Verdict(0, parsed=False)),), 0)
    scored = SearchRound("conclusion", candidates, (), -1, (Score(0.25), Score(-1.0)))
    usage = Usage(generated=14, judge=30, prefilled=50, images=2, calls=3)
    task = Task(text, f"{text}\n{text}", PICTURE, ())
    return show_tree(SearchResult(task, text, 2, (compared, unread, scored), candidates[0].segments, usage, True), text)


def _gallery(text):
    def row(qid, correct, output):
        return {"qid": qid, "correct": correct, "output": output, "gold": text, "test_set": text}

    first = [row("1", True, text), row(text, True, None), row("3", False, f"{text}\n  {text}")]
    second = [row("1", False, text), row(text, False, text), row("3", True, text)]
    examples = {qid: SimpleNamespace(image=PICTURE, question=text) for qid in "13"}
    return gallery(first, second, examples, (text, text))


def _annotation_story(text):
    request = AnnotationRequest(text, PICTURE, text, text, (text, "other"), hints=(text,))
    stages = dict.fromkeys(("summary", "caption", "reasoning", "conclusion"), text)
    kept = AnnotationResult(request, stages, "", ((text, text), (f"{text}\n  {text}", "")))
    return show_annotations([kept, AnnotationResult(request, None, text, ((text, text),))])


def _contact_sheet(text):
    drawn = draw("mini-CLEVR", 0)
    stages = dict.fromkeys(drawn.stages, text)
    return sheet([drawn, replace(drawn, question=text, answer=text, template=text, skill=text, stages=stages)])


def _claims(text):
    def line(name, **changes):
        numbers = {"value": 0.02, "low": 0.0, "high": 0.04, "n": 48, "seeds": 1, "verdict": "inconclusive"}
        words = {"id": name, "paper": "A", "table": text, "statement": text, "why": text, "kind": "difference"}
        compared = {"a": text, "b": text, "metric": text, "sets": [text], "skills": [text], "less_skills": [text]}
        cost = {"processed_tokens": {text: 130.0}, "seconds": 9.0, "failed": 0, "training_seconds": {text: 7.0}}
        reported = {text: {"value": 2}}
        further = {"second": {text: numbers}, "judges": {}, "margin": None, "only_self": text}
        return numbers | words | further | {"contrast": compared, "cost": cost, "reported": reported} | changes

    lines = [line("A1"), line(text, value=None, low=None, high=None, verdict="not tested", cost=None)]
    lines.append(line("B1", verdict="no verdict"))
    others = [one if one["value"] is None else one | {"value": one["value"] + 1e-9} for one in lines]
    found = replication_table(compare_with_published(others, lines))
    return claims_page(lines, text, incomplete_claims(lines, []), text, found, text, text)


def _audit(text):
    cell = {"value": 0.5, "n": 9, "low": 0.2, "high": 0.8}
    facts = {"asked": 9, "without_chain": 0, "without_answer": 1, "gold": 9, "pairs": 4, "lost": 0, "lost_forced": 0}
    reading = ChainReading("", facts, cell, {"swap/indirect_effect": cell, "early/area": cell}, [], {"masked": text})
    spread = JudgeSpread(cell, cell, cell, cell, None, np.array([0.5]), 3.0, 9)
    gain = {"method": "best_of_n", "n": 2, "search": text, "value": 0.1, "low": 0.0, "high": 0.2, "most": 0.3}
    gains = pd.DataFrame([gain | {"tokens": 90.0, "times": 2.5}])
    counts = {"samples": 8, "gold": 9, "mixed": 5, "lost": 0, "lost_verdicts": 0}
    judged = JudgeAudit(text, "", spread, spread, gains, None, [], counts)
    silent = audit_page(text, ChainReading(text, facts), JudgeAudit(text, text), text, text)
    return audit_page(text, reading, judged, text, text) + silent


def _table(text):
    columns = pd.MultiIndex.from_tuples([(text, "n"), (text, text)], names=[text, text])
    frame = pd.DataFrame([[text, 3], [None, 0.5]], index=pd.Index([text, "row"], name=text), columns=columns)
    return html_table(frame, text).data + html_table(pd.DataFrame({text: [text]})).data


def _report_table(text):
    report = Report.__new__(Report)
    report.mark, report.records, report.keep = text, [_record(text, "d"), _record("other", text)], lambda *_: None
    report.rows = by_row(report.records)
    return report.table(text, {text: text, "other": "other"}, {text: "accuracy"}, "A_v1_table2_ablation", text).data


def _record(row, dataset):
    accuracy = Metric(value=0.5, n=90, low=0.4, high=0.6)
    provenance = {"dataset_hash": dataset, "code_hash": "c"}
    return Record.model_construct(
        row=row,
        seed=0,
        metrics={"accuracy": accuracy},
        n_failed=0,
        parameters={},
        artifacts={},
        provenance=provenance,
        folder=Path(),
    )


def _training_example(text):
    return _with(arms, "spans", lambda *_: [(text, False), (f"{text}\n  {text}", True)], _marked)


def _marked():
    return arms.marked(None, {"messages": [], "images": []})


def _outputs(text):
    item = replace(draw("mini-CLEVR", 0), question=text, answer=text)
    said = _with(arms, "answers", lambda *_: [[text, f"{text}\n  {text}"]], lambda: _shown([item]))
    return said


def _shown(items):
    from o1lib.analysis.views.gallery import inline

    return arms.outputs(None, None, items, "four_turn", inline)[0]


def _with(module, name, stand_in, function):
    """Return function(), with `name` of a module replaced meanwhile."""
    before = getattr(module, name)
    setattr(module, name, stand_in)
    try:
        return function()
    finally:
        setattr(module, name, before)


VOID = {"meta", "img", "br"}


class _Events(HTMLParser):
    """Tags, attributes and texts of a page in order; white space counts only where a browser shows it."""

    def __init__(self):
        super().__init__()
        self.events, self.open = [], []

    def handle_starttag(self, tag, attributes):
        values = {name: self._value(value) for name, value in sorted(attributes)}
        self.events.append(("<", tag, values))
        if tag not in VOID:
            self.open.append((tag, tag == "pre" or "pre-wrap" in values.get("style", "")))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass
        self.events.append(("</", tag))

    def handle_data(self, data):
        kept = any(as_written for _, as_written in self.open)
        text = data if kept else " ".join(data.split())
        if text:
            self.events.append(("text", text))

    def handle_decl(self, decl):
        self.events.append(("<!", decl))

    @staticmethod
    def _value(value):
        """An attribute without needless white space, and without the bytes of a picture."""
        return re.sub(r"\s*([:;])\s*", r"\1", re.sub(r"base64,.*", "base64,", value or "")).rstrip(";")


def parsed(page):
    """Return the tags and texts of a page, in order."""
    reader = _Events()
    reader.feed(page)
    reader.close()
    return reader.events


def structure(page):
    """Return the tags of a page with the names of their attributes, in order."""
    return [(event[1], *event[2]) for event in parsed(page) if event[0] == "<"]

"""A toy study as it would be published, for tests of the site: records, claims, one executed report, hostile texts.

study = published(tmp_path)          # o1lib.site.studies.Study
search_line("stage_beam", 4)         # a prediction of a real search among toy candidates
"""

import base64
import io
import random
import shutil
from functools import partial

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image
from support import toyrecords

from o1lib.analysis.claims import evaluate_claims, load_claims
from o1lib.evaluation.predictions import score
from o1lib.records import load_all, write_json
from o1lib.search import methods
from o1lib.search.scheduler import run_searches
from o1lib.search.segments import Segment, next_stage
from o1lib.search.types import Candidate, Usage, Verdict
from o1lib.site.studies import Study

HOSTILE = '<script>window.hacked = 1</script><img src="x" onerror="window.hacked = 1">'
SEED = 3


def search_line(method="stage_beam", n=4, seed=SEED, example=None, format="tags", say=str):
    """Return the prediction of a search in which toy candidates say random numbers and the larger number wins."""
    example = example or toyrecords.questions()[0]
    task = methods.task_for(example.qid, example.question, None, format)
    [tree] = run_searches([methods.make_search(method, n)(task, n, seed=seed)], partial(_propose, say=say), _larger)
    [line] = score([tree], [example], format, temperature=0.6, judge="self")
    return line


def _propose(requests, say):
    return [
        [_candidate(request, k, say) for k in range(request.first, request.first + request.n)] for request in requests
    ]


def _candidate(request, index, say):
    segments, at = [], 0
    while at is not None:
        step = request.stages[at]
        word = say(random.Random(f"{request.task.qid}/{step.stage}/{index}").randrange(1000))
        tag = step.stage.split()[0].upper()  # not "SENTENCE 1", whose digit would count
        text = f"<{tag}> {word} {step.stop[-1]}" if step.stop else word
        segments.append(Segment(step.stage, text, -1.0, 3, step.stop[-1] if step.stop else "eos"))
        at = next_stage(request.stages, at, False)
    return Candidate(index, tuple(segments), None, Usage(generated=3, calls=1))


def _larger(comparisons):
    """Prefer the candidate whose last stage says the larger number."""
    return [Verdict(int(_said(one.a) < _said(one.b)), note=f"{_said(one.a)} : {_said(one.b)}") for one in comparisons]


def _said(candidate):
    return int("0" + "".join(filter(str.isdigit, candidate.segments[-1].text)))


def published(folder, seeds=(0,)):
    """Leave a toy study in `folder`/results/mini and return it. Some of its answers hold markup that would run."""
    root = folder / "results" / "mini"
    toyrecords.leave_study(root, seeds)
    for row in root.glob("runs/easy_*"):  # reading the package easy-VQA takes seconds
        shutil.rmtree(row)
    _hostile_row(root)
    records = load_all(root)
    lines = evaluate_claims(load_claims(), records, same_code=False)
    write_json(root / "tables" / "claims.json", lines)
    _report(root / "executed" / "04_ablations.ipynb")
    return Study(root, records, lines)


def _hostile_row(root):
    """Add a row of real searches whose first question is answered with markup in every place."""
    lines = [search_line(seed=0, example=example) for example in toyrecords.questions()[:20]]
    hostile = search_line(seed=0, say=lambda number: f"{HOSTILE} {number}")
    lines[0] = hostile | {"pred": HOSTILE, "problem": HOSTILE, "correct": False}
    parameters = {"data": "data", "model": "structured", "method": "stage_beam", "n": 4, "judge": "self"}
    metrics = {"accuracy": {"value": 0.5, "n": 20, "low": 0.3, "high": 0.7}}
    toyrecords.leave(root, "hostile.stage_beam4.self", 0, metrics, lines, **parameters)


def _report(path):
    """Write an executed notebook with a figure, a table, a warning and markup in an output."""
    png = io.BytesIO()
    Image.new("RGB", (40, 20), "teal").save(png, "PNG")
    figure = new_output("display_data", {"image/png": base64.b64encode(png.getvalue()).decode()})
    table = new_output("display_data", {"text/html": "<table><tr><td>7</td></tr></table>"})
    warning = new_output("stream", name="stderr", text="UserWarning: pink")
    opening = new_output("display_data", {"text/markdown": "**a − b**: +1.0 points, **inconclusive**."})
    cells = [
        new_markdown_cell("# Which ingredient?\n\nThe first paragraph."),
        new_markdown_cell("## Arms\n\nOne line for each arm. Second sentence."),
        new_code_cell("report.opening()", outputs=[opening]),
        new_code_cell("report.figure('arms')", outputs=[warning, figure, table]),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)

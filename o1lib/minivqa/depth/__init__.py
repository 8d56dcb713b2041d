"""mini-Depth: a set of its own whose dial is the number of dependent steps; it enters no average.

Five tasks x depth 1, 2, 3-4, 5-8 (9-12 in the split "hard") x three forms of answer (multiple choice by letter, open
word or number, yes/no), fully crossed. At every depth a task has the same number of objects and the same range of
answers, and its pictures are those of a family of Mini-VQA, so that perception stays easy and composition is what gets
harder. Where the steps are listed in the question, its length grows with the depth.

| task | kind | pictures | step |
|---|---|---|---|
| arrows | serial | mini-AI2D | go to the part that the present one points to |
| swaps | serial | mini-CLEVR | two pairs of places change their shapes |
| branches | serial | mini-ChartQA | add one of two values, which one depends on the counter |
| sums | parallel | mini-ChartQA | add a value to a counter that goes round |
| turns | parallel | mini-CLEVR-Math | turn a hand by the number of shapes of a kind |

Example:
    >>> [draw("swaps", 0, depth=k, form="open").depth for k in (1, 8)]
    [1, 8]
"""

from o1lib.formats.answer_forms import FORMS
from o1lib.minivqa.depth.questions import BINS, HARD_BINS, NAME, SHARE, TASKS, bins, cell, draw, mixture

__all__ = ["BINS", "FORMS", "HARD_BINS", "NAME", "SHARE", "TASKS", "bins", "cell", "draw", "mixture"]

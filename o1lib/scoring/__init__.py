"""Read the answer from a text, compare it with the gold answer, and compute the metrics of each benchmark.

    found = extract("<CONCLUSION> (B) </CONCLUSION>", ("red", "blue"))     # never sees the gold answer
    correct(found.value, "B", ("red", "blue"))                             # True
    metrics(record.predictions())["mini-MMBench"]                          # {"value", "n", "low", "high"}

Only the conclusion is scored (LLaVA-CoT's model card). HallusionBench and MMBench are scored as in their papers
(arXiv:2310.14566, arXiv:2307.06281).
"""

from o1lib.scoring.equality import correct
from o1lib.scoring.extraction import Extracted, extract
from o1lib.scoring.groups import accuracy, averaged
from o1lib.scoring.metrics import metrics
from o1lib.scoring.test_sets import HALLUSION, MMBENCH, PAPER_SETS, circular_accuracy, hallusion

__all__ = [
    "HALLUSION",
    "MMBENCH",
    "PAPER_SETS",
    "Extracted",
    "accuracy",
    "averaged",
    "circular_accuracy",
    "correct",
    "extract",
    "hallusion",
    "metrics",
]

"""What rules cannot tell is asked of a judge: answers read out of prose, MM-Vet's grades, VRC-Bench's steps.

    lines = grade(predictions, items, endpoint.ask)      # lines of sets that need no judge come back as they are

A judge is anything that takes requests and yields replies in order (`o1lib.models.endpoint.Endpoint.ask`). Whoever asks only
builds requests, and reads replies strictly: a reply must be the JSON that was asked for, so prose, or an instruction
hidden in a question, an answer or a picture, cannot pass for a verdict. What stays unreadable after ATTEMPTS is a
failure: it counts as wrong and is shown in the metrics.
"""

from o1lib.evaluation.graders.client import ATTEMPTS, fenced, verdicts
from o1lib.evaluation.graders.dispatch import grade
from o1lib.evaluation.graders.vrc_bench import CRITERIA, RULES

__all__ = ["ATTEMPTS", "CRITERIA", "RULES", "fenced", "grade", "verdicts"]

"""Graders: a served judge reads answers out of prose, grades MM-Vet, and scores the steps of VRC-Bench.

    lines = grade(predictions, items, endpoint.ask)      # predictions of other test sets are returned unchanged

A judge is a function that takes requests and yields replies in order (`o1lib.models.endpoint.Endpoint.ask`). Replies
are read strictly. A reply has to be the JSON object of the request, so that neither prose nor an instruction hidden in
a question, an answer or a picture can pass for a verdict. A case without a readable reply in ATTEMPTS attempts is a
failure. It counts as wrong and is shown in the metrics.
"""

from o1lib.evaluation.graders.client import ATTEMPTS, TOKENS, fenced, verdicts
from o1lib.evaluation.graders.dispatch import grade
from o1lib.evaluation.graders.vrc_bench import CRITERIA, RULES

__all__ = ["ATTEMPTS", "CRITERIA", "RULES", "TOKENS", "fenced", "grade", "verdicts"]

"""Evaluation: from a model and questions to predictions, with searches, served models, graders and probes.

trees, predictions = evaluate(items, "tags", decoder, method="stage_beam", n=4, judge="self")   # o1lib.evaluation.run
"""

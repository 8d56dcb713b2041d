"""From a model and questions to prediction lines: searches, served models, graders, probes.

trees, predictions = evaluate(items, "tags", decoder, method="stage_beam", n=4, judge="self")   # o1lib.evaluation.run
"""

"""Annotation: staged answers from a teacher, the filter that keeps or drops them, and a noisy teacher.

results = annotate(annotation_requests("items.jsonl"), teacher, attempts=2)     # o1lib.data.annotation.teacher
"""

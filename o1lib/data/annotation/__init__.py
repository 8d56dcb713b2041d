"""Staged answers written by a teacher, the filter that keeps or drops them, and a teacher that errs on purpose.

results = annotate(turns, teacher, attempts=2)      # o1lib.data.annotation.teacher
"""

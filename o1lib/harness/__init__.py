"""Searches and predictions inside lmms-eval and Inspect.

write_log("results/mini/runs/structured.sample/seed0", "work/inspect.eval")     # o1lib.harness.inspect_log

Both programs are optional (`pip install 'o1lib[inspect]'`, `'o1lib[lmms]'`). Only `lmms_model` and `inspect_task`
import one of them at once, because each defines a class or a task for its program.
"""

"""The study's searches and predictions inside other people's evaluation programs: lmms-eval and Inspect.

write_log("results/mini/runs/structured.sample/seed0", "work/inspect.eval")     # o1lib.harness.inspect_log

Both programs are optional (`pip install 'o1lib[inspect]'`, `'o1lib[lmms]'`). Only `lmms_model` and `inspect_task` import
them when they are imported themselves, because each defines a class or a task for its program.
"""

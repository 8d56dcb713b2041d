"""Searches over stages, judges and rewards: control flow over functions and data, without torch and without a model.

search = make("stage_beam", n=4)                                    # o1lib.search.methods
[found] = drive([search(task, 4, seed)], decoder, judge)            # o1lib.search.scheduler
"""

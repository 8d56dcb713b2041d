"""Searches over stages, judges and rewards: control flow over functions and data, without torch and without a model.

search = make_search("stage_beam", n=4)                                 # o1lib.search.methods
judge = make_judge("self", decoder=decoder)                             # o1lib.search.judges
[result] = run_searches([search(task, 4, seed)], decoder, judge)        # o1lib.search.scheduler
"""

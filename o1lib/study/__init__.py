"""The study: rows of experiments.yaml, plans, runs, published results and the protocol.

plan = make_plan(read_experiments(), "mini", rows="core", seeds=(0,))    # o1lib.study.plan, o1lib.study.experiments
"""

"""The study as a whole: experiments.yaml to rows, rows to runs, runs to what is published, and the protocol.

plan = make(experiments.read(), "mini", rows="core", seeds=(0,))    # o1lib.study.plan
"""

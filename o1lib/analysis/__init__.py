"""Analyze records: tables, paired contrasts, scaling and learning curves, plots, HTML views, and verdicts on claims.

    report = Report(run)                                                                # o1lib.analysis.report
    compare(load_all("results/mini"), [("structured", "direct training", 1)], ARMS)     # o1lib.analysis.contrasts

No module here runs a model. `analysis` reads records, and `evaluation` makes the predictions in them.
"""

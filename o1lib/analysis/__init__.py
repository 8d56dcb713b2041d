"""What records say: tables, paired contrasts, scaling and learning curves, plots, pages, and verdicts on claims.

    report = Report(run)                                                # o1lib.analysis.report
    compare(load_all("results/mini"), [("structured", "direct training", 1)], ARMS)     # o1lib.analysis.contrasts

Nothing here runs a model. `analysis` reads records; `evaluation` makes the predictions they hold.
"""

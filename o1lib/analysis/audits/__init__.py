"""What the measurements of an audit say: a judge's expected gain, whether it is worth its cost, published anchors.

    spread = judge_spread(lines)                            # the judge's accuracy and draws of it
    gains = expected_gains(right, spread, curve, costs)     # o1lib.analysis.audits.gain
    judge_verdict(spread, None, gains, 0.02)                # one sentence: worth it, or not

The measurements themselves are made in `o1lib.evaluation.audits`.
"""

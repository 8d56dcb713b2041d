"""The measurements of two audits of a model: does it use the chain it writes, and how good is a judge of its answers?

asked = audit_items("", 40, run)                                 # o1lib.evaluation.audits.questions
reading = read_chains(asked.chain, decoder, "tags")              # o1lib.evaluation.audits.chains
sampled = sample_answers(asked.judge, "tags", decoder, 8)        # o1lib.evaluation.audits.candidates

What the measurements are worth is decided in `o1lib.analysis.audits`; both audits in one call are `o1lib.study.audit`.
"""

"""Probes of a checkpoint: does it find a word in its context, and what do its answers follow: chain, or picture?

python -m o1lib probe-lookup results/checkpoints/mini-base
python -m o1lib probe-chain results/checkpoints/mini-structured
python -m o1lib probe-suite results/checkpoints/mini-structured        # o1lib.evaluation.probes.suite
"""

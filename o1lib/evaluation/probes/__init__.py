"""Probes of a checkpoint: does the model find a word in its context, and does its answer follow its chain?

python -m o1lib probe-lookup results/checkpoints/mini-base
python -m o1lib probe-chain results/checkpoints/mini-structured
"""

"""Mini-VQA: a synthetic twin of LLaVA-CoT-100k whose every picture was drawn by a program that knows all about it.

Ten families named after the ten sources of LLaVA-o1's Table 1 (arXiv:2411.10440), in its proportions. Drawing is a
pure function of (family, seed); the seed says the split, and every split accepts only scenes whose facts fall in its
own buckets, so no picture's facts occur in two splits.

Example:
    >>> example = draw("mini-CLEVR", 0)
    >>> example.image.size, sorted(example.stages)
    ((64, 64), ['caption', 'conclusion', 'reasoning', 'summary'])
"""

from o1lib.minivqa.draw import FAMILIES, SPLITS, Example, draw, mixture, seeds

__all__ = ["FAMILIES", "SPLITS", "Example", "draw", "mixture", "seeds"]

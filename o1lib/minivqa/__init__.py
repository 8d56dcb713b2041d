"""Mini-VQA: a synthetic twin of LLaVA-CoT-100k. A program draws every picture, so the truth about it is known.

It has ten families, named after the ten sources in Table 1 of LLaVA-o1 (arXiv:2411.10440) and mixed in its proportions.
Drawing is a pure function of (family, seed). The seed determines the split, and a split accepts only scenes whose facts
hash to its own buckets, so no scene occurs in two splits.

Example:
    >>> example = draw("mini-CLEVR", 0)
    >>> example.image.size, sorted(example.stages)
    ((64, 64), ['caption', 'conclusion', 'reasoning', 'summary'])
"""

from o1lib.minivqa.draw import FAMILIES, SPLITS, Example, draw, mixture, seeds

__all__ = ["FAMILIES", "SPLITS", "Example", "draw", "mixture", "seeds"]

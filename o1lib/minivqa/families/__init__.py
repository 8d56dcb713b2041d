"""The ten families of Mini-VQA, one module each, named after the sources in LLaVA-o1's Table 1.

from o1lib.minivqa import draw
draw("mini-CLEVR", 0).question
"""

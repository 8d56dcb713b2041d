"""The ten families of Mini-VQA, one module each, named after the sources in Table 1 of LLaVA-o1.

To add a family, write its module and add it to FAMILIES in `o1lib.minivqa.draw`. Its value words belong to a class of
`o1lib.minivqa.words`, so that statements can be altered for tests.

from o1lib.minivqa import draw
draw("mini-CLEVR", 0).question
"""

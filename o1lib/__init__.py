"""o1lib: which ingredient of staged visual reasoning does the work?

The library behind the notebooks of this replication study of LLaVA-o1 (later LLaVA-CoT, arXiv:2411.10440) and LlamaV-o1
(arXiv:2501.06186): staged answers, fine-tuning arms, searches over stages, and what each of them gains and costs.

    decoder, format = o1lib.load_decoder("results/checkpoints/mini-structured")
    result = o1lib.answer(decoder, "picture.png", "How many dots are there?", format, method="stage_beam", n=4)
    result.text, o1lib.show_tree(result)            # the staged answer, and the search as an HTML page

`import o1lib` imports nothing else: each of these names is imported at its first use. The packages, from the lowest up:
records, formats, minivqa, scoring, search, models, data, training and inference, analysis and evaluation, study, cli.
Each imports only from those before it.
"""

from importlib import import_module

__version__ = "0.1.0"
__all__ = ["answer", "load_decoder", "show_tree"]

_MODULES = {
    "answer": "o1lib.evaluation.answer",
    "load_decoder": "o1lib.evaluation.answer",
    "show_tree": "o1lib.analysis.views.search_tree",
}


def __getattr__(name: str):
    """Import a public name at its first use."""
    if name not in _MODULES:
        raise AttributeError(f"module 'o1lib' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

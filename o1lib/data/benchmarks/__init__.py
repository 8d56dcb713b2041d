"""Read the papers' benchmarks from their published files as items that can be scored.

    items, counts = load_benchmark("MMStar", "MMStar.tsv", store=run.path("pictures"))
    items[0].question, items[0].options, items[0].answer        # the prompt, the options, the right letter

A file is VLMEvalKit's TSV (with pictures in base64), the benchmark's own JSON or JSONL with pictures in the same
folder, a parquet file, or a dataset of the Hugging Face hub ("owner/name:split"). Each benchmark has its own prompt and
its own metric (`o1lib.scoring.metrics`). Variants have different names: the accuracies on AI2D_TEST and
AI2D_TEST_NO_MASK differ by six points (LLaVA-o1, 2 January 2025).
"""

from o1lib.data.benchmarks.known import BENCHMARKS, Benchmark, prompt
from o1lib.data.benchmarks.load import Loaded, load_benchmark
from o1lib.data.benchmarks.rotations import rotated

__all__ = ["BENCHMARKS", "Benchmark", "Loaded", "load_benchmark", "prompt", "rotated"]

"""The papers' own test sets, read from the files in which they are published, as items for the study's scorer.

    items, counts = load("MMStar", "MMStar.tsv", store=run.path("pictures"))
    items[0].question, items[0].options, items[0].answer        # as the model is asked; letters where there are options

A source is VLMEvalKit's TSV (pictures inside, in base64), the set's own JSON or JSONL with pictures beside it, a
parquet file, or a dataset of the Hub ("owner/name:split"). Each set has its prompt, its variant in its name (AI2D_TEST
and AI2D_TEST_NO_MASK differ by six points; paper A, 2 January 2025) and its own metric (`o1lib.scoring.metrics`).
"""

from o1lib.data.benchmarks.known import BENCHMARKS, Benchmark, prompt
from o1lib.data.benchmarks.load import Loaded, load_benchmark
from o1lib.data.benchmarks.rotations import rotated

__all__ = ["BENCHMARKS", "Benchmark", "Loaded", "load_benchmark", "prompt", "rotated"]

"""The registry of benchmarks, and the prompt of a benchmark question.

    BENCHMARKS["MMBench_DEV_EN"].circular      # True: a question counts only if it is right under every rotation
    prompt("Which?", ("red", "blue"), "")      # the prompt of a multiple-choice question

Names are those of VLMEvalKit, with which both papers computed their scores. `md5` is that of the TSV it downloads
(opencompass.openxlab.space/utils/VLMEval/<name>.tsv; its DATASET_MD5). Prompts are VLMEvalKit's too: that of
`ImageMCQDataset` (vlmeval/dataset/image_mcq.py), and the bare question for the other kinds. LLaVA-o1 used them for all
benchmarks except AI2D and MathVista. Its prompt for AI2D cannot be reconstructed for this model, so AI2D gets the
common one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from o1lib.data.options import shows

SELECT = "Please select the correct answer from the options above."
VRC_LETTER = "Please select the correct option by its letter."  # LlamaV-o1, eval/inference.py


@dataclass(frozen=True)
class Benchmark:
    """One benchmark in one variant.

    - `kind`: choice, yes/no, open (graded by a judge), mixed (choice and open), or steps (reference steps)
    - `skill`: columns that may hold the skill a question tests; the first one that has a value is used
    - `circular`: the rotations of the options form one question
    - `variant`: what distinguishes it from a benchmark of a similar name
    - `md5`: that of VLMEvalKit's TSV
    - `counts_from_0`: where its files have a list of options, the answer is the number of one, counted from 0
    - `hub`: the hub's dataset, for a benchmark without a TSV
    """

    kind: str
    skill: tuple[str, ...] = ("l2-category", "category")
    circular: bool = False
    variant: str = ""
    md5: str = ""
    counts_from_0: bool = False
    hub: str = ""


BENCHMARKS = {
    "MMStar": Benchmark("choice", ("category",), md5="e1ecd2140806c1b1bbf54b43372efb9e"),
    "MMBench_DEV_EN": Benchmark(
        "choice",
        circular=True,
        variant="the first edition, as LlamaV-o1's README runs it",
        md5="b6caf1133a01c6bb705cf753bb527ed8",
    ),
    "MMBench_DEV_CN": Benchmark(
        "choice", circular=True, variant="the first edition in Chinese", md5="08b8fc3324a5ed74155350f57be69fbd"
    ),
    "MMBench_DEV_EN_V11": Benchmark(
        "choice",
        circular=True,
        variant="edition 1.1; LLaVA-CoT reports its test part, whose answers are not published",
        md5="30c05be8f2f347a50be25aa067248184",
    ),
    "MMVet": Benchmark("open", ("category", "capability"), md5="748aa6d4aa9d4de798306a63718455e3"),
    "MathVista_MINI": Benchmark(
        "mixed", ("task",), variant="testmini, 1,000 questions", md5="f199b98e178e5a2a20e7048f5dcb0464"
    ),
    "AI2D_TEST": Benchmark(
        "choice",
        ("category",),
        variant="labels in the picture replaced by letters",
        md5="0f593e0d1c7df9a3d69bf1f947e71975",
        counts_from_0=True,
    ),
    "AI2D_TEST_NO_MASK": Benchmark(
        "choice",
        ("category",),
        variant="labels left readable; LLaVA-CoT's first version",
        md5="fd8f463634d4fe9fbd23b876e8eea5be",
        counts_from_0=True,
    ),
    "HallusionBench": Benchmark("yes/no", variant="questions with a picture", md5="0c23ac0dc9ef46832d7a24504f2a0c7c"),
    "VRC-Bench": Benchmark("steps", ("category", "topic"), hub="omkarthawakar/VRC-Bench"),
}
# How MathVista asks for each type of answer (github.com/lupantech/MathVista, evaluation/build_query.py).
_WANTED = {
    "integer": "requiring an integer answer and provide the final value, e.g., 1, 2, 3,",
    "float 1": "requiring a floating-point number with one decimal place and provide the final value, e.g., 1.2, 1.3, "
    "1.4,",
    "float 2": "requiring a floating-point number with two decimal places and provide the final value, e.g., 1.23, "
    "1.34, 1.45,",
    "list": "requiring a Python list as an answer and provide the final list, e.g., [1, 2, 3], [1.2, 1.3, 1.4],",
}


def published(name: str) -> str:
    """Return the published file of benchmark `name` that can be read, for messages."""
    benchmark = BENCHMARKS[name]
    if benchmark.hub:
        return f"the dataset {benchmark.hub} of the hub"
    return f"VLMEvalKit's {name}.tsv (opencompass.openxlab.space/utils/VLMEval/{name}.tsv)"


def prompt(question: str, options: Sequence[str], hint: str, kind: str = "choice") -> str:
    """Return the prompt of a question.

    Options are appended unless the question lists them itself (MathVista, VRC-Bench). An empty option is not shown.
    `hint` comes first if not "".
    """
    if kind == "steps":
        if options and not shows(question, options):
            question = f"{question}\n{listing(options)}"
        return f"{question}\n{VRC_LETTER}" if options or "Choices" in question else question
    if not options or kind == "mixed":
        return question
    lines = [f"Hint: {hint}"] if hint else []
    lines += [f"Question: {question}", "Options:"]
    lines += [f"{letter}. {option}" for letter, option in zip(ascii_uppercase, options, strict=False) if option]
    return "\n".join([*lines, SELECT])


def mathvista_query(question: str, options: Sequence[str], unit: str, answer_type: str, precision: str) -> str:
    """Return the query that MathVista builds from a row of its own file, which has neither hint nor choices in it.

    It is that of `create_one_query` in github.com/lupantech/MathVista, evaluation/build_query.py, without examples, and
    of the published data/query.json. `precision` is the number of decimals of a float, "" if unknown.
    """
    wanted = "and provide the correct option letter, e.g., A, B, C, D,"
    if not options:
        wanted = _WANTED.get(f"{answer_type} {precision}".strip(), "")
    lines = [f"Hint: Please answer the question {wanted} at the end."] if wanted else []
    lines.append(f"Question: {question}" + f" (Unit: {unit})" * bool(unit))
    return "\n".join([*lines, listing(options)] if options else lines)


def listing(options: Sequence[str]) -> str:
    """Return options as MathVista lists them; an empty one is not shown."""
    lines = [f"({letter}) {option}" for letter, option in zip(ascii_uppercase, options, strict=False) if option]
    return "\n".join(["Choices:", *lines])

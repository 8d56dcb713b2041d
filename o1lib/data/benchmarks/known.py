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
    """

    kind: str
    skill: tuple[str, ...] = ("l2-category", "category")
    circular: bool = False
    variant: str = ""
    md5: str = ""


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
    ),
    "AI2D_TEST_NO_MASK": Benchmark(
        "choice",
        ("category",),
        variant="labels left readable; LLaVA-CoT's first version",
        md5="fd8f463634d4fe9fbd23b876e8eea5be",
    ),
    "HallusionBench": Benchmark("yes/no", variant="questions with a picture", md5="0c23ac0dc9ef46832d7a24504f2a0c7c"),
    "VRC-Bench": Benchmark("steps", ("category", "topic")),
}


def prompt(question: str, options: Sequence[str], hint: str, kind: str = "choice") -> str:
    """Return the prompt of a question.

    Options are appended unless the question lists them itself (MathVista, VRC-Bench). `hint` comes first if not "".
    """
    if kind == "steps":
        return f"{question}\n{VRC_LETTER}" if "Choices" in question else question
    if not options or kind == "mixed":
        return question
    lines = [f"Hint: {hint}"] if hint else []
    lines += [f"Question: {question}", "Options:"]
    lines += [f"{letter}. {option}" for letter, option in zip(ascii_uppercase, options, strict=False)]
    return "\n".join([*lines, SELECT])

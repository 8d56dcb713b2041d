"""Which sets there are, and in what each differs: its questions' kind, its skills' column, how it is asked.

    BENCHMARKS["MMBench_DEV_EN"].circular      # True: a question counts only if right under every rotation
    prompt("Which?", ("red", "blue"), "")      # the words in which a multiple-choice question is put

Names are VLMEvalKit's, the tool that both papers were scored with. Prompts are its own too (`ImageMCQDataset` in
vlmeval/dataset/image_mcq.py, and the question as it stands for the other kinds), which is how paper A asked all sets
but AI2D and MathVista; its wrapper around AI2D cannot be reconstructed for this model, so AI2D is asked like the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

SELECT = "Please select the correct answer from the options above."
VRC_LETTER = "Please select the correct option by its letter."  # LlamaV-o1, eval/inference.py


@dataclass(frozen=True)
class Benchmark:
    """One set in one variant.

    `kind`: choice, yes/no, open (graded by a judge), mixed, or steps; `skill`: the columns that may hold what a
    question tests, the first that is there counts; `circular`: rotations of the options form one question;
    `variant`: what distinguishes it from a set that is easily taken for it.
    """

    kind: str
    skill: tuple[str, ...] = ("l2-category", "category")
    circular: bool = False
    variant: str = ""


BENCHMARKS = {
    "MMStar": Benchmark("choice", ("category",)),
    "MMBench_DEV_EN": Benchmark("choice", circular=True, variant="the first edition, as LlamaV-o1's README runs it"),
    "MMBench_DEV_CN": Benchmark("choice", circular=True, variant="the first edition in Chinese"),
    "MMBench_DEV_EN_V11": Benchmark("choice", circular=True, variant="edition 1.1; LLaVA-CoT reports its test part, "
                                                                     "whose answers are not published"),
    "MMVet": Benchmark("open", ("category", "capability")),
    "MathVista_MINI": Benchmark("mixed", ("task",), variant="testmini, 1,000 questions"),
    "AI2D_TEST": Benchmark("choice", ("category",), variant="labels in the picture replaced by letters"),
    "AI2D_TEST_NO_MASK": Benchmark("choice", ("category",), variant="labels left readable; LLaVA-CoT's first version"),
    "HallusionBench": Benchmark("yes/no", variant="questions with a picture"),
    "VRC-Bench": Benchmark("steps", ("category", "topic")),
}


def prompt(question: str, options: Sequence[str], hint: str, kind: str = "choice") -> str:
    """Return the text that is asked; where options stand already in the question (MathVista, VRC-Bench) they stay."""
    if kind == "steps":
        return f"{question}\n{VRC_LETTER}" if "Choices" in question else question
    if not options or kind == "mixed":
        return question
    lines = [f"Hint: {hint}"] if hint else []
    lines += [f"Question: {question}", "Options:"]
    lines += [f"{letter}. {option}" for letter, option in zip(ascii_uppercase, options, strict=False)]
    return "\n".join([*lines, SELECT])

"""How long reasoning is: the number of steps that released LLaVA-CoT outputs take, and draws in its proportions.

`STEPS` was counted by `o1lib.data.survey.reasoning_steps` in 283 released answers of LLaVA-CoT to MathVista questions
that have a reasoning stage (Eval/LLaVA-CoT_MathVista_MINI.xlsx of ystephenzhang/llava-cotpp at fc94d6b, Apache-2.0). A
step is a sentence, an item of a list or a formula; the sentence that gives the answer is not counted. Templates whose
reasoning can be longer or shorter draw their depth in these proportions.

Example:
    >>> import random
    >>> length(random.Random(0), (2, 3, 4))
    4
"""

from itertools import accumulate

STEPS = {1: 8, 2: 68, 3: 80, 4: 48, 5: 22, 6: 11, 7: 5, 8: 6, 9: 9, 10: 5, 11: 6, 12: 1, 13: 4}  # steps: answers


def length(rng, depths):
    """Return one of `depths`, in the proportions of `STEPS`. `rng` is a random.Random."""
    return rng.choices(depths, [STEPS[depth] for depth in depths])[0]


def added(numbers):
    """Return the steps that add numbers one after another: [2, 3, 4] gives ("2 + 3 = 5", "5 + 4 = 9")."""
    sums = list(accumulate(numbers))
    return tuple(f"{one} + {number} = {two}" for one, number, two in zip(sums, numbers[1:], sums[1:]))

"""Hand-made questions for the tests of chance levels."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """A question with what chance levels need of it; `bare` is the question without its options."""

    qid: str
    answer: str
    options: tuple[str, ...] = ()
    bare: str = "which?"
    template: str = "t"
    test_set: str = "mini-MMStar"
    group: str = ""
    skill: str = "math"
    family: str = "toy"
    depth: int = 1
    image: str = "picture"

    @property
    def question(self):
        return " ".join([self.bare, *self.options])


def rotations(qid, right, options, **more):
    """Return the four rotations of a question, as in mini-MMBench."""
    turned = [options[k:] + options[:k] for k in range(4)]
    return [
        Asked(f"{qid}-{k}", "ABCD"[own.index(right)], own, test_set="mini-MMBench", group=qid, **more)
        for k, own in enumerate(turned)
    ]


def twin(pair, answers=("yes", "no", "no", "yes"), **more):
    """Return a pair of mini-HallusionBench: figure 0 and 1, two questions each, whose answers turn."""
    places = [(figure, question) for figure in (0, 1) for question in (0, 1)]
    return [
        Asked(
            f"{pair}#{figure}#{question}",
            answer,
            bare=f"is it {question}?",
            test_set="mini-HallusionBench",
            group=pair,
            **more,
        )
        for (figure, question), answer in zip(places, answers, strict=True)
    ]

"""Lessons about scenes: told in words, shown in a picture to be described, or shown with short questions.

    told_lesson(random.Random(0), seed=0, progress=1.0)     # "red cup at top. ... What is at top?" -> "cup"
    caption_lesson(random.Random(0), seed=0)                # "Describe the picture." -> all facts
    answers_lesson(random.Random(0), seed=0)                # some questions about one picture, answered in a word

The base sees half of the question templates: those that are not withheld.
"""

from random import Random

from o1lib.minivqa import FAMILIES, draw, seeds
from o1lib.minivqa.draw import Example, assemble, picture, sample
from o1lib.training.lessons.form import chat

DESCRIBE = "Describe the picture."
COMPLETE = "Complete: {beginning}"
QUESTIONS = 4  # most questions about one scene
DEEP_FROM = 0.5  # share of the lessons about told scenes after which questions may need more than one step
ROUNDS = 8  # attempts to ask another question about the same scene


def random_family(rng: Random) -> str:
    """Return a family, drawn by the square root of its share in Table 1 of LLaVA-o1, so that rare ones are learned."""
    names = list(FAMILIES)
    return rng.choices(names, [FAMILIES[name].share ** 0.5 for name in names])[0]


def templates(family: str, withheld: bool = False) -> list[str]:
    """Return the family's templates that the base sees, or with `withheld` those that it does not see."""
    return [name for name, template in FAMILIES[family].templates.items() if template.withheld == withheld]


def drawn(rng: Random, split: str, start: int, withheld: bool = False) -> Example:
    """Return a Mini-VQA drawing of a random family and of a template that the base sees, or with `withheld` not."""
    family = random_family(rng)
    return draw(family, seeds(split, 1, start)[0], template=rng.choice(templates(family, withheld)))


def questions_about_one_scene(
    rng: Random, split: str, start: int, deepest: int = 99, withheld: bool = False, pictured: bool = False
) -> list[Example]:
    """Return up to QUESTIONS examples about one scene, of depth `deepest` at most, with pictures if `pictured`."""
    family, seed = random_family(rng), seeds(split, 1, start)[0]
    kind, names = FAMILIES[family], templates(family, withheld)
    rng.shuffle(names)
    scene, asked = sample(kind, names[0], split, False, rng)
    image = picture(kind, scene, rng, split) if pictured else None
    found = {asked.question: (names[0], asked)}
    names = [name for name in names if kind.templates[name].scene is kind.templates[names[0]].scene]
    for name in (name for _ in range(ROUNDS // len(names)) for name in names):
        other = kind.templates[name].ask(scene, rng)
        if other and other.others and len(found) < QUESTIONS:
            found.setdefault(other.question, (name, other))
    fitting = [(name, one) for name, one in found.values() if one.depth <= deepest]
    return [assemble(kind, name, split, seed, scene, one, image, rng) for name, one in fitting]


def told_lesson(rng: Random, start: int, progress: float = 1.0) -> dict:
    """Return a chat about a scene told in words: facts to complete, then questions of one step, later of more."""
    found = questions_about_one_scene(rng, "base", start, 1 if progress < DEEP_FROM else 99)
    if not found:
        return told_lesson(rng, start, progress)
    facts = found[0].facts
    completed = rng.sample(facts, min(len(facts), rng.randint(0, 3)))
    turns = [_completion(fact) for fact in completed] + [(one.question, one.answer) for one in found]
    (first, answer), *rest = turns
    return chat([(f"{found[0].description}\n{first}", answer), *rest])


def caption_lesson(rng: Random, start: int) -> dict:
    """Return a description of a picture that does not depend on a question."""
    example = drawn(rng, "base", start)
    return chat([(DESCRIBE, example.description)], example.image)


def answers_lesson(rng: Random, start: int) -> dict:
    """Return a chat with short questions about one picture."""
    found = questions_about_one_scene(rng, "base", start, pictured=True)
    return chat([(one.question, one.answer) for one in found], found[0].image)


def _completion(fact):
    """Return (prompt, the last half of a fact)."""
    words = fact.split()
    half = (len(words) + 1) // 2
    return COMPLETE.format(beginning=" ".join(words[:half])), " ".join(words[half:])

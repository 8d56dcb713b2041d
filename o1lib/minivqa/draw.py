"""Draw one example: a scene, its picture, a question about it and the four stages of its answer.

`draw` is pure: the same (family, seed) gives the same pixels and words everywhere. Splits are disjoint ranges of
seeds, and a scene is kept only if the hash of its facts is in a bucket of the split. So no scene can leak from one
split into another, and no filtering is needed afterwards.

Example:
    >>> draw("mini-CLEVR", 3) == draw("mini-CLEVR", 3)
    True
"""

import hashlib
import random
from dataclasses import dataclass, replace

from PIL import Image

from o1lib.minivqa.canvas import Canvas
from o1lib.minivqa.families import ai2d, aokvqa, chartqa, clevr, clevr_math, docvqa, geoqa, pisc, scienceqa, sharegpt4v
from o1lib.minivqa.lengths import length
from o1lib.records import choose

_SPAN = 100_000_000
_OFFSET = {"base": 0, "train": 1, "validation": 2, "devtest": 3, "hard": 4, "test": 5}
_BUCKETS = {
    "base": range(0, 14),
    "train": range(0, 14),
    "validation": range(14, 16),
    "devtest": range(16, 18),
    "hard": range(16, 18),
    "test": range(18, 20),
}
SPLITS = tuple(_OFFSET)
_MODULES = (sharegpt4v, chartqa, aokvqa, ai2d, geoqa, scienceqa, docvqa, pisc, clevr, clevr_math)  # as in Table 1
FAMILIES = {module.FAMILY.name: module.FAMILY for module in _MODULES}
LETTERS = "ABCD"


@dataclass(frozen=True)
class Example:
    """A picture, a question and a staged answer, with all statements that are true of the picture.

    `answer` is a letter if there are `options`, else the answer itself. `bare` is the question without its options.
    `facts` are all statements about the picture; the caption in `stages` holds those that the question makes relevant,
    `description` all of them. `true` are all further true statements that steps may make, `steps` those of the
    reasoning, and `key` is the hash of facts and question. `withheld` says that the base never sees the template.
    `depth` is the number of dependent steps from the facts to the answer (`o1lib.minivqa.family.Asked`).
    """

    qid: str
    family: str
    template: str
    skill: str
    image: Image.Image
    question: str
    bare: str
    options: tuple[str, ...]
    answer: str
    facts: tuple[str, ...]
    true: frozenset[str]
    steps: tuple[str, ...]
    stages: dict[str, str]
    withheld: bool
    key: str
    depth: int = 1
    test_set: str = ""
    group: str = ""

    @property
    def description(self):
        """Return the caption that does not depend on the question: all facts."""
        return _sentences(self.facts)


def seeds(split, n, start=0):
    """Return the seeds of a split's examples start .. start + n as a range. Raises UserError for an unknown split."""
    first = choose(split, _OFFSET, "split") * _SPAN + start
    return range(first, first + n)


def split_of(seed):
    """Return the split whose range holds the seed."""
    return SPLITS[seed // _SPAN]


def in_split(facts, split):
    """Return whether a scene with these facts belongs to the split."""
    digest = hashlib.blake2b("|".join(sorted(facts)).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % 20 in _BUCKETS[split]


def draw(family, seed, *, hard=False, template=None, choice=None):
    """Return the example of a family and seed.

    `template` and `choice` (multiple choice or not) are drawn from the seed unless given. Scenes of the split "hard"
    are always hard. Raises UserError for an unknown family.
    """
    kind, split, rng = choose(family, FAMILIES, "family"), split_of(seed), random.Random(f"{family}/{seed}")
    hard = hard or split == "hard"
    name = template or rng.choice(list(kind.templates))
    scene, asked = sample(kind, name, split, hard, rng)
    image = picture(kind, scene, rng, split)
    return assemble(kind, name, split, seed, scene, asked, image, rng, choice)


def picture(kind, scene, rng, split):
    """Return the picture of a scene. Splits for scoring have handwritten digits that occur in no split for training."""
    canvas = Canvas(kind.paper(scene))
    kind.paint(canvas, scene, rng, split in ("devtest", "hard", "test"))
    return canvas.image()


def sample(kind, name, split, hard, rng):
    """Return (scene, asked): scenes are drawn until one belongs to the split and admits the question.

    If the answers of a template must be equally frequent, the answer is drawn before the scenes; so is the depth, if it
    varies. Rejecting scenes alone would favor what scenes admit most often. The number of words of all facts is that of
    the first scene, because in longer descriptions some answers are likelier.
    """
    template = kind.templates[name]
    answers = hard and template.hard_answers or template.answers
    depths = hard and template.hard_depths or template.depths
    wanted, size = rng.choice(answers) if answers else None, None
    depth = length(rng, depths) if depths else None
    while True:
        scene = (template.scene or kind.scene)(rng, hard)
        facts = kind.facts(scene)
        if in_split(facts, split):
            size = size or len(_sentences(facts).split())
            if wanted and len(_sentences(facts).split()) != size:
                continue
            asked = template.ask(scene, rng)
            if asked and asked.others and wanted in (None, asked.answer) and depth in (None, asked.depth):
                return scene, asked


def assemble(kind, name, split, seed, scene, asked, image, rng, choice=None):
    """Return the Example for a question: options, closing step, stages and key."""
    template, facts = kind.templates[name], kind.facts(scene)
    if choice is None:
        choice = template.choice if template.choice is not None else rng.random() < 0.5
    options = [asked.answer, *rng.sample(asked.others, min(3, len(asked.others)))] if choice else []
    rng.shuffle(options)
    summary = f"{asked.summary}, then choose." if choice else f"{asked.summary}."
    caption = _sentences(_relevant(facts, asked.needed, kind.gist(scene)))
    texts = _texts(asked.question, asked.answer, tuple(options), summary, caption, asked.steps)
    key = hashlib.sha1("|".join((*sorted(facts), asked.question)).encode()).hexdigest()[:16]
    return Example(
        qid=f"{kind.name}/{split}/{seed % _SPAN}",
        family=kind.name,
        template=name,
        skill=template.skill,
        image=image,
        bare=asked.question,
        facts=facts,
        true=asked.true | set(texts["steps"]),
        withheld=template.withheld,
        key=key,
        depth=asked.depth,
        **texts,
    )


def _relevant(facts, needed, gist):
    """Return the facts that say what kind of picture it is and those that are needed, in the picture's order."""
    return facts if needed is None else [f for k, f in enumerate(facts) if k < gist or f in needed]


def _sentences(parts):
    return ". ".join(parts) + "."


def _texts(bare, answer, options, summary, caption, steps):
    """Return the fields of an Example that contain its options or the letter of the right option."""
    letter = LETTERS[options.index(answer)] if options else ""
    steps = (*steps, f"so the answer is {answer}" + (f", which is {letter}" if letter else ""))
    stages = {
        "summary": summary,
        "caption": caption,
        "reasoning": _sentences(steps),
        "conclusion": letter or answer,
    }
    question = bare + "".join(f" {mark}. {option}" for mark, option in zip(LETTERS, options, strict=False))
    return {"question": question, "options": options, "answer": letter or answer, "steps": steps, "stages": stages}


def rotated(example, turns):
    """Return a multiple-choice example with its options rotated by `turns` places (circular evaluation)."""
    answer = example.options[LETTERS.index(example.answer)]
    options = example.options[turns:] + example.options[:turns]
    stages = example.stages
    texts = _texts(example.bare, answer, options, stages["summary"], stages["caption"], example.steps[:-1])
    return replace(example, true=example.true - {example.steps[-1]} | {texts["steps"][-1]}, **texts)


def mixture(split, n, start=0):
    """Yield n examples of a split in the proportions of Table 1. The order is fixed and the same for every n."""
    names, weights = zip(*((name, family.share) for name, family in FAMILIES.items()), strict=True)
    for seed in seeds(split, n, start):
        family = random.Random(f"mixture/{seed}").choices(names, weights)[0]
        yield draw(family, seed)

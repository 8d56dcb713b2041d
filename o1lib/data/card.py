"""The dataset card: counts, lengths, duplicates, leakage between splits, and baselines.

It compares the families with Table 1 of LLaVA-o1 (arXiv:2411.10440). It also holds a hash of the dataset, which every
row that trains or tests on the data records.

    described = card({"train": read_items(...), "validation": read_items(...), "test": read_items(...)})
    described["baselines"]["majority"]              # accuracy of the most frequent training answer
    summarize_card(described)                       # sizes, leakage and the baseline in three sentences
"""

import hashlib
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy

from o1lib.data.dataset import Item, target
from o1lib.data.step_counts import steps_in
from o1lib.data.survey import TABLE_1
from o1lib.records import UserError, project_root, shown
from o1lib.records.progress import progress_bar
from o1lib.scoring.groups import OUTSIDE, accuracy

REASONING = ("instance reasoning", "logical reasoning", "math", "science & technology")  # skills beyond perception
_QUANTILES = {"q05": 0.05, "q50": 0.5, "q95": 0.95, "max": 1.0}


def card(
    splits: Mapping[str, Sequence[Item]], tokenize: Callable[[str], Sequence] = str.split, tokenizer: str = "words"
) -> dict:
    """Return the card of a dataset; all values can be written as JSON.

    - `splits`: items, pictures, families, skills, depths, test sets, token lengths and duplicates of each split
    - `depths`: one row for each split or, if it has test sets, for each of them (see `depths`)
    - `steps`: the same for the steps that the reasoning writes down (see `written_steps`)
    - `families`: one row per family, compared with Table 1
    - `leakage` {"a & b": numbers of pictures and keys that occur in both splits}
    - `baselines`: those of train on test
    - `dataset_hash`: SHA-256 of all questions, stages and pictures

    A key is the hash of a picture's facts and the question. If the facts are unknown, the picture's hash replaces them.
    Lengths are numbers of tokens that `tokenize` returns; `tokenizer` is its name.
    """
    pictures, keys, digest = {}, {}, hashlib.sha256()
    for name, items in splits.items():
        hashes = _picture_hashes(items, name)
        pictures[name], keys[name] = set(hashes), set(map(_key, items, hashes))
        for item, picture in zip(items, hashes, strict=True):
            digest.update(json.dumps([name, item.qid, item.question, item.stages, picture]).encode())
    described = {
        name: _describe(items, tokenize)
        | {
            "pictures": len(pictures[name]),
            "duplicates": {"pictures": len(items) - len(pictures[name]), "keys": len(items) - len(keys[name])},
        }
        for name, items in splits.items()
    }
    leakage = {
        f"{a} & {b}": {"pictures": len(pictures[a] & pictures[b]), "keys": len(keys[a] & keys[b])}
        for a, b in itertools.combinations(splits, 2)
    }
    return {
        "splits": described,
        "families": families(splits),
        "depths": depths(splits),
        "steps": written_steps(splits),
        "leakage": leakage,
        "tokenizer": tokenizer,
        "baselines": baselines(splits["train"], splits["test"]),
        "dataset_hash": digest.hexdigest(),
    }


def families(splits: Mapping[str, Sequence[Item]]) -> list[dict]:
    """Return one row per family: its name, Table 1's thousands and percentage, and its number of items per split."""
    counts = {name: Counter(item.family for item in items) for name, items in splits.items()}
    found = {family for count in counts.values() for family in count}
    listed = [("mini-" if any(family.startswith("mini-") for family in found) else "") + name for name in TABLE_1]
    total = max(1, counts.get("train", Counter()).total())
    rows = []
    for family in [*listed, *sorted(found.difference(listed))]:
        thousands = TABLE_1.get(family.removeprefix("mini-"))
        percent = thousands and round(100 * thousands / sum(TABLE_1.values()), 1)
        rows.append(
            {"family": family, "Table 1 (thousands)": thousands, "Table 1 (%)": percent}
            | {name: count[family] for name, count in counts.items()}
            | {"train (%)": round(100 * counts.get("train", Counter())[family] / total, 1)}
        )
    return rows


def depths(splits: Mapping[str, Iterable[Item]]) -> list[dict]:
    """Return how many items have which depth: rows {set, skills, n, mean, "depth 1", "depth 2", ...}.

    There are two rows for each split, or for each test set if the split consists of them: `skills` is "all", or
    "reasoning" for the items of the skills REASONING. Items of unknown depth (0) are left out.
    """
    return _counted(splits, lambda item: item.depth, "depth")


def written_steps(splits: Mapping[str, Iterable[Item]]) -> list[dict]:
    """Return how many items write down how many steps: rows as those of `depths`, with "steps 1", "steps 2", ...

    A written step need not depend on another one, so there are more of them than the depth. They are counted as in the
    released answers (`o1lib.data.step_counts`): the last one, which gives the answer, only if it is alone.
    """
    return _counted(splits, _written, "steps")


def _written(item: Item) -> int:
    return max(len(item.steps) - 1, 1) if item.steps else steps_in(item.stages.get("reasoning", ""))


def _counted(splits: Mapping[str, Iterable[Item]], number: Callable[[Item], int], name: str) -> list[dict]:
    found = defaultdict(list)
    for split, items in splits.items():
        for item in items:
            if count := number(item):
                found[item.test_set or split, False].append(count)
                if item.skill in REASONING:
                    found[item.test_set or split, True].append(count)
    most = max((max(some) for some in found.values()), default=0)
    return [
        {"set": split, "skills": "reasoning" if reasoning else "all", "n": len(some), "mean": sum(some) / len(some)}
        | {f"{name} {count}": some.count(count) for count in range(1, most + 1)}
        for (split, reasoning), some in found.items()
    ]


def baselines(train: Iterable[Item], test: Sequence[Item]) -> dict[str, dict]:
    """Return the accuracy on `test` of two baselines that see no picture, as {value, n, low, high} (95 %).

    `majority` always gives the most frequent training answer. `majority_by_question` gives the most frequent training
    answer to the same question text. Items of mini-Depth are left out unless there are no others, and rotations of a
    question count as one, as in averages.
    """
    asked = [item for item in test if item.test_set not in OUTSIDE] or test
    overall, by_question = Counter(), defaultdict(Counter)
    for item in train:
        overall[item.answer] += 1
        by_question[item.question][item.answer] += 1
    [(commonest, _)] = overall.most_common(1)
    to_question = {question: answers.most_common(1)[0][0] for question, answers in by_question.items()}

    def right(answered: Callable[[Item], str]) -> dict:
        """Return the accuracy of a policy that maps an item to its answer."""
        named = ({name: getattr(item, name) for name in ("qid", "group", "test_set")} for item in asked)
        return accuracy(
            own | {"correct": item.answer == answered(item)} for own, item in zip(named, asked, strict=True)
        )

    return {
        "majority": right(lambda item: commonest),
        "majority_by_question": right(lambda item: to_question.get(item.question, commonest)),
    }


def tokenizer_of(folder: str | Path) -> tuple[Callable[[str], Sequence], str]:
    """Return (tokenize, name) of a checkpoint's `tokenizer.json`, or of splitting into words if `folder` is "".

    Raises UserError when the folder has no `tokenizer.json`.
    """
    if not folder:
        return str.split, "words"
    path = project_root() / folder
    if not (path / "tokenizer.json").is_file():
        raise UserError(f"{shown(path)} has no tokenizer.json; name a checkpoint's folder, or '' to count words.")
    from tokenizers import Tokenizer

    loaded = Tokenizer.from_file(str(path / "tokenizer.json"))
    return lambda text: loaded.encode(text, add_special_tokens=False).ids, path.name


def summarize_card(card: Mapping) -> str:
    """Return three sentences (Markdown) about the card: sizes, leakage, and the baseline to beat."""
    sizes = ", ".join(f"{described['items']:,} {name}" for name, described in card["splits"].items())
    shared = {pair: found for pair, found in card["leakage"].items() if found["pictures"] or found["keys"]}
    leaks = "; ".join(f"{pair}: {n['pictures']:,} pictures, {n['keys']:,} keys" for pair, n in shared.items())
    clean = f"**Splits share** {leaks}." if shared else "No picture and no (facts, question) key occurs in two splits."
    blind = card["baselines"]["majority_by_question"]
    return (
        f"The dataset holds {sizes} items. {clean} A baseline that does not see the picture and gives the most "
        f"frequent training answer to the same question is right on {100 * blind['value']:.1f} % of "
        f"{blind['n']:,} test questions ({100 * blind['low']:.1f} to {100 * blind['high']:.1f} %)."
    )


def _picture_hashes(items, name):
    """Return the hash of each item's picture file, reading a shared one once."""
    known = {}
    for item in progress_bar(items, desc=f"hashing {name}", unit=" items", delay=2):
        if item.image not in known:
            known[item.image] = hashlib.sha256(item.image.read_bytes()).hexdigest()
    return [known[item.image] for item in items]


def _key(item, picture):
    facts = "|".join(sorted(item.facts)) or picture
    return item.key or hashlib.sha256(f"{facts}|{item.bare or item.question}".encode()).hexdigest()


def _describe(items, tokenize):
    """Return counts and token-length quantiles of one split."""
    lengths = {
        "question": [len(tokenize(item.question)) for item in items],
        "staged_answer": [len(tokenize(target(item, "tags"))) for item in items],
    }
    return {
        "items": len(items),
        "multiple_choice": sum(bool(item.options) for item in items),
        "families": dict(Counter(item.family for item in items)),
        "skills": dict(Counter(item.skill for item in items)),
        "depths": dict(sorted(Counter(item.depth for item in items).items())),
        "test_sets": dict(Counter(item.test_set for item in items if item.test_set)),
        "tokens": {what: _quantiles(values) for what, values in lengths.items()},
    }


def _quantiles(lengths):
    values = numpy.quantile(lengths, list(_QUANTILES.values()), method="inverted_cdf")
    return dict(zip(_QUANTILES, map(int, values), strict=True))

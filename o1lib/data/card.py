"""What a dataset holds, said by counting: the card that its record carries.

Families beside Table 1 of LLaVA-o1 (arXiv:2411.10440), lengths, duplicates, what two splits share, and a hash of the
whole, which every row trained or tested on the data records.

    card({"train": read(...), "validation": read(...), "test": read(...)}, tokenizer.encode, "mini")
    baselines(train, test)["majority"]              what an answerer without picture or learning gets
    conclusion(card(...))                           the same in three sentences
"""

import hashlib
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy
from tqdm import tqdm

from o1lib.data.dataset import Item, target
from o1lib.data.survey import TABLE_1
from o1lib.records import UserError, project_root, shown
from o1lib.scoring.intervals import share

_QUANTILES = {"q05": 0.05, "q50": 0.5, "q95": 0.95, "max": 1.0}


def card(
    splits: Mapping[str, Sequence[Item]], tokenize: Callable[[str], Sequence] = str.split, tokenizer: str = "words"
) -> dict:
    """Return the card of a dataset, plain values only.

    `splits` (a split's items, pictures, families, skills, test sets, lengths, duplicates), `families` (rows beside
    Table 1), `leakage` {"a & b": pictures and keys that both hold}, `baselines` of train on test, `dataset_hash`. A key
    is the hash of a picture's facts and its question; where facts are unknown, of the picture and its question. Lengths
    are in what `tokenize` returns for question and staged answer; `tokenizer` is its name.
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
        "leakage": leakage,
        "tokenizer": tokenizer,
        "baselines": baselines(splits["train"], splits["test"]),
        "dataset_hash": digest.hexdigest(),
    }


def families(splits: Mapping[str, Sequence[Item]]) -> list[dict]:
    """Return one row a family: its name, Table 1's thousands and share in per cent, and its items in each split."""
    counts = {name: Counter(item.family for item in items) for name, items in splits.items()}
    found = {family for count in counts.values() for family in count}
    listed = [("mini-" if any(family.startswith("mini-") for family in found) else "") + name for name in TABLE_1]
    total = max(1, counts.get("train", Counter()).total())
    rows = []
    for family in [*listed, *sorted(found.difference(listed))]:
        thousands = TABLE_1.get(family.removeprefix("mini-"))
        share = thousands and round(100 * thousands / sum(TABLE_1.values()), 1)
        rows.append(
            {"family": family, "Table 1 (thousands)": thousands, "Table 1 (%)": share}
            | {name: count[family] for name, count in counts.items()}
            | {"train (%)": round(100 * counts.get("train", Counter())[family] / total, 1)}
        )
    return rows


def baselines(train: Iterable[Item], test: Sequence[Item]) -> dict[str, dict]:
    """Return what two answerers that see no picture get right on `test`, each {value, n, low, high} (Wilson, 95 %).

    `majority` always gives training's commonest answer, `majority_by_question` the commonest to the same question text.
    """
    overall, by_question = Counter(), defaultdict(Counter)
    for item in train:
        overall[item.answer] += 1
        by_question[item.question][item.answer] += 1
    [(commonest, _)] = overall.most_common(1)
    to_question = {question: answers.most_common(1)[0][0] for question, answers in by_question.items()}
    return {
        "majority": share([item.answer == commonest for item in test]),
        "majority_by_question": share([item.answer == to_question.get(item.question, commonest) for item in test]),
    }


def tokenizer_of(folder: str | Path) -> tuple[Callable[[str], Sequence], str]:
    """Return (tokenize, name) of a checkpoint's `tokenizer.json`; words where no folder is named.

    Raises UserError when the folder holds none.
    """
    if not folder:
        return str.split, "words"
    path = project_root() / folder
    if not (path / "tokenizer.json").is_file():
        raise UserError(f"{shown(path)} holds no tokenizer.json; name a checkpoint's folder, or '' to count words.")
    from tokenizers import Tokenizer

    read = Tokenizer.from_file(str(path / "tokenizer.json"))
    return lambda text: read.encode(text, add_special_tokens=False).ids, path.name


def summarize_card(card: Mapping) -> str:
    """Return what the card says in a few sentences (Markdown): sizes, what splits share, and the baseline to beat."""
    sizes = ", ".join(f"{described['items']:,} {name}" for name, described in card["splits"].items())
    shared = {pair: found for pair, found in card["leakage"].items() if found["pictures"] or found["keys"]}
    leaks = "; ".join(f"{pair}: {n['pictures']:,} pictures, {n['keys']:,} keys" for pair, n in shared.items())
    clean = f"**Splits share** {leaks}." if shared else "No picture and no (facts, question) key occurs in two splits."
    blind = card["baselines"]["majority_by_question"]
    return (
        f"The dataset holds {sizes} items. {clean} An answerer that sees no picture and gives training's commonest "
        f"answer to the same question is right on {100 * blind['value']:.1f} % of {blind['n']:,} test questions "
        f"({100 * blind['low']:.1f} to {100 * blind['high']:.1f} %)."
    )


def _picture_hashes(items, name):
    """Return the hash of each item's picture file, reading a shared one once."""
    known = {}
    for item in tqdm(items, desc=f"hashing {name}", unit=" items", delay=2):
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
        "test_sets": dict(Counter(item.test_set for item in items if item.test_set)),
        "tokens": {what: _quantiles(values) for what, values in lengths.items()},
    }


def _quantiles(lengths):
    values = numpy.quantile(lengths, list(_QUANTILES.values()), method="inverted_cdf")
    return dict(zip(_QUANTILES, map(int, values), strict=True))

"""LLaVA-CoT-100k as a data source: splits of the released file that share no picture.

splits = load(SourceOptions(n_train=1000, n_validation=100, n_test=50, folder="data/llava-cot"))
splits.counts["rounds_without_stages"]          # {"no tags": 12}
"""

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from o1lib.data import hub
from o1lib.data.dataset import Item
from o1lib.data.images import Pictures
from o1lib.data.llava_cot import picture, records
from o1lib.data.options import by_letter, listed
from o1lib.data.splits import SourceOptions, Splits
from o1lib.data.survey import TABLE_1_FOLDERS, Survey, table_1
from o1lib.records import UserError, shown
from o1lib.records.progress import progress_bar


def load(options: SourceOptions) -> Splits:
    """Return splits of LLaVA-CoT-100k as released. All rounds about one picture are in one split.

    `folder` is relative to the project's folder unless absolute, or names a dataset of the Hugging Face hub
    (`owner/name` or `owner/name@revision`). It holds `train.jsonl` and the pictures, unpacked or as `image.zip.part-*`.
    Pictures are sorted by the hashes of their paths and fill the test split first, so each split is a random sample of
    the file.

    What is counted (o1lib.data.survey.Survey):
    - records without a picture: left out, as in the release's own collator
    - records of several rounds: each round becomes an item
    - rounds without the four stages: left out (the release's generator left some raw answers in the file)
    - ids that repeat: numbered
    - missing pictures: an error before anything is written, or left out with `allow_missing`

    Raises UserError for missing pictures, any other broken line, and a picture that is corrupt or outside the folder.
    """
    if not options.folder:
        raise UserError("source 'llava_cot' needs `folder`: the path of a folder with train.jsonl and its pictures.")
    folder = hub.folder_of(options.folder)
    survey, pictures = Survey(), Pictures(folder)
    rounds = sorted(_rounds(folder, pictures, survey), key=lambda one: (_digest(one["image"]), one["qid"]))
    _report_missing(folder, survey, options.allow_missing)
    sizes = {"test": options.n_test, "validation": options.n_validation, "train": options.n_train}
    parts = _split_by_picture(rounds, sizes)
    items = {name: (_item(pictures, one, name) for one in parts[name][:n]) for name, n in sizes.items()}
    counts = survey.facts() | {"table_1": table_1(survey.folders)}
    return Splits(items["train"], items["validation"], items["test"], counts)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _split_by_picture(rounds: list[dict], sizes: dict[str, int]) -> dict[str, list[dict]]:
    """Return {split: rounds}, whole pictures in the order of `sizes`; what is left over goes to "train"."""
    parts = {name: [] for name in sizes}
    for _, of_one_picture in itertools.groupby(rounds, key=lambda one: one["image"]):
        name = next((name for name, n in sizes.items() if len(parts[name]) < n), "train")
        parts[name] += of_one_picture
    return parts


def _report_missing(folder: Path, survey: Survey, allowed: bool) -> None:
    if survey.missing and not allowed:
        by_folder = ", ".join(f"{name} {n:,}" for name, n in survey.missing.most_common(8))
        raise UserError(
            f"{shown(folder)} lacks {survey.missing.total():,} of its {survey.facts()['pictures']:,} pictures"
            f" ({by_folder}; the first is {survey.first_missing}): download all parts of image.zip, or set "
            "allow_missing to leave their questions out."
        )


def _rounds(folder: Path, pictures: Pictures, survey: Survey) -> Iterator[dict]:
    """Yield {where, qid, image, question, stages} for each usable round, and count the others in `survey`."""
    for where, record in progress_bar(
        records(folder / "train.jsonl"), desc=f"reading {folder.name}", unit=" records", delay=2
    ):
        pairs, qid = record.pairs(), survey.add(record)
        for number, (question, text) in enumerate(pairs if record.image else (), 1):
            stages, problem = survey.answer(text)
            if not problem and survey.has(pictures, record.image, where):
                yield {
                    "where": where,
                    "qid": f"{qid}#{number}" if len(pairs) > 1 else qid,
                    "image": record.image,
                    "question": question.replace("<image>", "").strip(),
                    "stages": stages,
                }


def _item(pictures: Pictures, one: dict, split: str) -> Item:
    answer, (first, *_) = one["stages"]["conclusion"], Path(one["image"]).parts
    return Item(
        one["qid"],
        TABLE_1_FOLDERS.get(first, first),
        one["question"],
        answer,
        one["stages"],
        picture(pictures, one["image"], one["where"]),
        options=_options(one["question"], answer),
        test_set="LLaVA-CoT held out" if split == "test" else "",
    )


def _options(question: str, answer: str) -> tuple[str, ...]:
    """Return the options listed in a question, () unless the answer is one of their letters."""
    options = listed(question).options
    return options if by_letter(answer, options) else ()

"""The card of a Mini-VQA dataset on the Hugging Face Hub, from the record of the run that built it.

card_text(need("work/mini", "data", 0), {"train": 36000, "validation": 600, "test": 336})       # README.md
"""

from collections.abc import Mapping

from o1lib.data.card import summarize_card
from o1lib.data.parquet import TEXTS
from o1lib.formats.stages import STAGES
from o1lib.records import Record

ABOUT = {
    "image": "the picture, PNG",
    "id": "the question's id; rotations of a question share `group`",
    "question": "the question as it is asked, with its options",
    "options": "the options of a multiple-choice question, else empty",
    "answer": "the right answer: a letter for a choice",
    "family": "the family of drawings, named after a source of LLaVA-CoT-100k",
    "skill": "one of MMStar's six skills",
    "template": "the template of the question",
    "depth": "the number of dependent steps from the picture's facts to the answer; 0 if unknown",
    "test_set": "the test set of a test question",
    "group": "what counts together: the rotations of a question, or a picture and its twin",
} | {stage: f"the {stage} of the staged answer" for stage in STAGES}


def card_text(record: Record, counts: Mapping[str, int]) -> str:
    """Return the dataset card as Markdown with its metadata.

    `record` is that of the run of notebook 01 which built the dataset; `counts` are the questions of each split.
    """
    return "\n\n".join([_metadata(counts), *_about(record, counts), *_fields(), *_limits(record)]) + "\n"


def _metadata(counts: Mapping[str, int]) -> str:
    from huggingface_hub import DatasetCardData

    files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in counts]
    data = DatasetCardData(
        language="en",
        license="apache-2.0",
        annotations_creators=["machine-generated"],
        task_categories=["visual-question-answering"],
        pretty_name="Mini-VQA",
        tags=["synthetic", "chain-of-thought", "replication"],
        size_categories=[_size(sum(counts.values()))],
        configs=[{"config_name": "default", "data_files": files}],
    )
    return f"---\n{data.to_yaml().strip()}\n---"


def _size(n: int) -> str:
    bounds = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M"}
    return next((name for most, name in bounds.items() if n < most), "1M<n<10M")


def _about(record: Record, counts: Mapping[str, int]) -> list[str]:
    card = record.extra.get("card", {})
    rows = [
        f"| {one['family']} | {one['Table 1 (%)'] or '–'} | {one['train (%)']} | {one['train']:,} |"
        for one in card.get("families", [])
    ]
    sizes = ", ".join(f"{n:,} {split}" for split, n in counts.items())
    return [
        "# Mini-VQA",
        "A synthetic twin of LLaVA-CoT-100k ([arXiv:2411.10440](https://arxiv.org/abs/2411.10440)). A program draws "
        "every picture, so it knows each fact of the caption and each step of the reasoning. Every question has a "
        "staged answer: summary, caption, reasoning, conclusion.",
        summarize_card(card) if card else f"The dataset holds {sizes} items.",
        f"The test questions are drawings of the split `{record.parameters.get('test_split', 'unknown')}`. Dataset "
        f"hash: `{card.get('dataset_hash', 'unknown')}`. Commit: `{record.commit[:10]}`.",
        "\n".join(["| family | LLaVA-CoT-100k (%) | train (%) | train |", "|---|---|---|---|", *rows]),
        '```python\nfrom datasets import load_dataset\ndata = load_dataset("OWNER/NAME", split="train")\n```',
    ]


def _fields() -> list[str]:
    lines = [f"| `{name}` | {ABOUT[name]} |" for name in ("image", "options", "depth", *TEXTS)]
    return ["## Fields", "\n".join(["| field | content |", "|---|---|", *lines])]


def _limits(record: Record) -> list[str]:
    made = " ".join(f"-p {name} {value}" for name, value in record.parameters.items() if name.startswith("n_"))
    return [
        "## How it was made",
        f"`papermill notebooks/01_build_dataset.ipynb out.ipynb {made}`. Drawing is a pure function of family "
        "and seed.",
        "## Limits",
        "The pictures are simple drawings with a small vocabulary. Scores on them compare the arms of one study. They "
        "say nothing of photographs, and no number on a set whose name begins with `mini-` is one of the benchmark of "
        "that name.",
        "## Croissant",
        "The Hub makes the Croissant metadata from the Parquet files: "
        "`https://huggingface.co/api/datasets/OWNER/NAME/croissant`.",
        "## License",
        "Apache-2.0. Handwritten digits come from scikit-learn's digits dataset.",
    ]

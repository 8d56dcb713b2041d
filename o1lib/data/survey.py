"""Count what a folder in the released form holds, before anything is trained on it.

Table 1 of LLaVA-o1 (arXiv:2411.10440) is recomputed from the picture folders. ShareGPT4V and A-OKVQA share COCO's
pictures, CLEVR and CLEVR-Math share CLEVR's. The folders cannot separate these sources, so their counts are combined.

    python -m o1lib survey-check FOLDER                 # prints one JSON line
    survey(Path(folder))["missing_pictures"]            # {"coco": 12}
"""

from collections import Counter
from pathlib import Path, PurePosixPath

from o1lib.data.images import Pictures
from o1lib.data.llava_cot import Released, records
from o1lib.formats.stages import flaw, parse
from o1lib.records.progress import progress_bar

# Thousands of question-answer pairs per source, Table 1 (the same in versions 1 and 6 and on the dataset's page).
TABLE_1 = {
    "ShareGPT4V": 31.3,
    "ChartQA": 17.2,
    "A-OKVQA": 16.1,
    "AI2D": 11.4,
    "GeoQA+": 11.4,
    "ScienceQA": 5.6,
    "DocVQA": 4.0,
    "PISC": 1.0,
    "CLEVR": 0.5,
    "CLEVR-Math": 0.5,
}
# Picture folders of LLaVA-CoT-100k that belong to one source. Several sources share the others (coco, gqa, vg).
TABLE_1_FOLDERS = {
    "ai2d": "AI2D",
    "chartqa": "ChartQA",
    "docvqa": "DocVQA",
    "geoqa+": "GeoQA+",
    "pisc": "PISC",
    "sqa": "ScienceQA",
    "CLEVR_v1.0": "CLEVR",
    "sam": "ShareGPT4V",
    "llava": "ShareGPT4V",
    "web-celebrity": "ShareGPT4V",
}
_COMBINED = {
    "ShareGPT4V": "ShareGPT4V + A-OKVQA",
    "A-OKVQA": "ShareGPT4V + A-OKVQA",
    "CLEVR": "CLEVR + CLEVR-Math",
    "CLEVR-Math": "CLEVR + CLEVR-Math",
}
_PHOTOGRAPHS = ("coco", "gqa", "ocr_vqa", "share_textvqa", "textvqa", "vg", "wikiart", "web-landmark")
# AI2D exists with its printed labels (VLMEvalKit: NO_MASK) and with letters over them. These are different tasks.
_AI2D = {("ai2d", "images"): "unmasked", ("ai2d", "abc_images"): "masked"}


class Survey:
    """Counts over records: `add` each record, `answer` each answer, `has` each picture, then `facts`."""

    def __init__(self):
        self.counts, self.folders = Counter(records=0, without_picture=0, several_rounds=0, repeated_ids=0), Counter()
        self.malformed, self.ai2d, self.missing = Counter(), Counter(), Counter()
        self._seen, self._pictures = Counter(), {}
        self.first_missing = ""

    def add(self, record: Released) -> str:
        """Count a record and return its id, with a number appended if an earlier record has the same id."""
        self.counts["records"] += 1
        self.counts["several_rounds"] += len(record.pairs()) > 1
        self.counts["without_picture"] += not record.image
        self._seen[record.id] += 1
        self.counts["repeated_ids"] += self._seen[record.id] > 1
        if record.image:
            parts = PurePosixPath(record.image).parts
            self.folders[parts[0]] += len(record.pairs())
            if parts[0] == "ai2d":
                self.ai2d[_AI2D.get(parts[:2], "unknown")] += len(record.pairs())
        return record.id if self._seen[record.id] == 1 else f"{record.id}~{self._seen[record.id]}"

    def answer(self, text: str) -> tuple[dict[str, str], str]:
        """Return the stages of an answer and the flaw in its form, "" if there is none; flaws are counted."""
        parsed = parse(text)
        problem = flaw(parsed)
        if problem:
            self.malformed[problem] += 1
        return parsed.stages, problem

    def has(self, pictures: Pictures, image: str, where: str) -> bool:
        """Return whether a picture exists; missing ones are counted by folder.

        Raises UserError for a path that leaves the dataset's folder.
        """
        if image not in self._pictures:
            self._pictures[image] = pictures.find(image, where) is not None
            if not self._pictures[image]:
                self.missing[PurePosixPath(image).parts[0]] += 1
                self.first_missing = self.first_missing or image
        return self._pictures[image]

    def facts(self) -> dict:
        """Return all counts as values that can be written as JSON."""
        return {
            **self.counts,
            "pictures": len(self._pictures),
            "missing_pictures": dict(self.missing),
            "rounds_without_stages": dict(self.malformed),
            "rounds_by_folder": dict(self.folders.most_common()),
            "ai2d_variant": dict(self.ai2d),
        }


def table_1(folders: Counter) -> list[dict]:
    """Return Table 1 next to the counts of the picture folders: rows {sources, Table 1 (thousands), rounds, folders}.

    `folders` counts rounds by picture folder.
    """
    rows = {
        _COMBINED.get(name, name): {
            "sources": _COMBINED.get(name, name),
            "Table 1 (thousands)": 0.0,
            "rounds": 0,
            "folders": [],
        }
        for name in TABLE_1
    }
    for name, thousands in TABLE_1.items():
        rows[_COMBINED.get(name, name)]["Table 1 (thousands)"] += thousands
    for folder, n in folders.items():
        source = "ShareGPT4V" if folder in _PHOTOGRAPHS else TABLE_1_FOLDERS.get(folder, "none of Table 1's")
        name = _COMBINED.get(source, source)
        row = rows.setdefault(name, {"sources": name, "Table 1 (thousands)": 0.0, "rounds": 0, "folders": []})
        row["rounds"] += n
        row["folders"].append(folder)
    return [row | {"Table 1 (thousands)": round(row["Table 1 (thousands)"], 1)} for row in rows.values()]


def survey(folder: Path) -> dict:
    """Return the counts of a folder in the released form, and its Table 1. Raises UserError for a broken line."""
    found, pictures = Survey(), Pictures(folder)
    for where, record in progress_bar(
        records(folder / "train.jsonl"), desc=f"reading {folder.name}", unit=" records", delay=2
    ):
        found.add(record)
        for _, text in record.pairs():
            found.answer(text)
        if record.image:
            found.has(pictures, record.image, where)
    return found.facts() | {"table_1": table_1(found.folders)}

"""The two pictures of the method page: one staged answer, and one search with all its candidates.

staged_example(site)                # a drawn question with its picture and its four stages
search_example(study, site)         # of a published run, chosen by rule: the search that had the most to choose from
"""

from pathlib import Path

from o1lib.minivqa.draw import draw
from o1lib.records import Record
from o1lib.site.catalog import described
from o1lib.site.questions import Questions, save_picture
from o1lib.site.studies import Study
from o1lib.site.trees import rounds_of

FAMILY, SEED = "mini-ChartQA", 100_000_000  # the item that README shows
METHOD = "stage_beam"


def staged_example(site: Path) -> dict:
    """Return one drawn question with its picture and the stages of its answer."""
    item = draw(FAMILY, SEED)
    return {"picture": f"pictures/{save_picture(item, site / 'pictures')}", "question": item.question} | {
        "stages": dict(item.stages)
    }


def search_example(study: Study, site: Path) -> dict | None:
    """Return the question of a stage-level search with the most different candidates, None if no search is published.

    Only questions count whose picture can be drawn again. Of the runs, one with four candidates is preferred.
    """
    runs = [record for record in study.records if _searched(record)]
    runs.sort(key=lambda record: (record.parameters["n"] != 4, record.parameters.get("judge") != "self", record.seed))
    return next(filter(None, (_richest(record, study, site) for record in runs[:3])), None)


def _searched(record: Record) -> bool:
    many = record.parameters.get("method") == METHOD and record.parameters.get("n", 1) > 1
    return many and record.has_predictions


def _richest(record: Record, study: Study, site: Path) -> dict | None:
    lines, asked = record.predictions(), Questions()
    asked.add(lines, record, study.folder)
    fit = [line for line in lines if asked.shown(line["qid"]) is not None]
    if not fit:
        return None
    line = max(fit, key=lambda one: (_different(one), one["correct"]))
    item = asked.shown(line["qid"])
    return {
        "run": record.row,
        "seed": record.seed,
        "qid": line["qid"],
        "what": described(line),
        "picture": f"pictures/{save_picture(item, site / 'pictures')}",
        "question": item.question,
        "gold": line["gold"],
        "pred": line["pred"],
        "rounds": rounds_of(line, record.seed),
    }


def _different(line: dict) -> int:
    return len({(one["round"], one["text"]) for one in line["candidates"]})

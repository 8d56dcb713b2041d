"""The questions behind predictions, with their pictures: drawn again if they were drawn, else read from disk.

found = questions(record, "results/mini", record.predictions()[:5])
found["mini-MMStar/devtest/0"].image
show(tree_of(record.predictions()[0], found["mini-MMStar/devtest/0"]))     # o1lib.analysis.views.search_tree
"""

from o1lib.records import UserError, need


def questions(record, root, lines):
    """Return {qid: Example or Item} for prediction lines of a record.

    Mini-VQA is drawn again, a pure function of the dataset row's parameters; other data is read from the dataset row's
    folder, and what is not there (published records carry no pictures) is left out.
    """
    wanted = {line["qid"]: line["test_set"] for line in lines}
    dataset = need(root, record.parameters["data"], record.seed)
    if dataset.parameters.get("source") in ("minivqa", "teacher") and not dataset.parameters.get("items"):
        found = _drawn(set(wanted.values()), dataset.parameters["n_test"], dataset.parameters["test_split"])
    else:
        found = _read(dataset.folder / "data" / "test")
    return {item.qid: item for item in found if item.qid in wanted}


def _drawn(names, n, split):
    from o1lib.minivqa.testsets import test_set

    return [example for name in sorted(names) for example in test_set(name, n, split)]


def _read(folder):
    from o1lib.data.dataset import read_items

    try:
        return read_items(folder)
    except UserError:
        return []


def tree_of(line, example):
    """Return the finished search of a prediction for `o1lib.analysis.views.search_tree.show`: candidates, texts, what was kept, cost.

    Predictions keep every candidate but no verdict, so the tree has no matches.
    """
    from o1lib.search.segments import Segment
    from o1lib.search.types import Candidate, SearchResult, SearchRound, Task, Usage

    rounds = {}
    for segment in line["candidates"]:
        rounds.setdefault(segment["round"], {}).setdefault(segment["candidate"], []).append(segment)

    def played(candidates):
        kept = next((index for index, segments in candidates.items() if segments[0]["kept"]), min(candidates))
        stages = {segment["stage"] for segments in candidates.values() for segment in segments}
        found = tuple(
            Candidate(
                index,
                tuple(
                    Segment(segment["stage"], segment["text"], segment["logprob"], segment["tokens"])
                    for segment in segments
                ),
            )
            for index, segments in candidates.items()
        )
        return SearchRound(stages.pop() if len(stages) == 1 else "the whole answer", found, (), kept)

    task = Task(line["qid"], example.question, example.image, ())
    ledger = Usage(**line["ledger"])
    return SearchResult(task, line["method"], line["n"], tuple(map(played, rounds.values())), (), ledger)

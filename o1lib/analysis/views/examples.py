"""Recover the questions behind predictions, with their pictures: drawn again for Mini-VQA, else read from disk.

lines = record.predictions()[:5]
found = questions(record, "results/mini", lines)                        # {qid: Example or Item}
show_tree(tree_of(lines[0], found[lines[0]["qid"]]), lines[0]["gold"])  # o1lib.analysis.views.search_tree
"""

from o1lib.data.sources import SOURCES
from o1lib.records import UserError, need


def questions(record, root, lines):
    """Return {qid: Example or Item} for the predictions `lines` of a record under the study's folder `root`.

    Mini-VQA is drawn again from the parameters of the dataset's row. Other data are read from the folder of that row;
    questions that it does not hold are left out, because published records come without pictures. Raises UserError if
    the dataset's row has no record.
    """
    wanted = {line["qid"]: line["test_set"] for line in lines}
    dataset = need(root, record.parameters["data"], record.seed)
    source = SOURCES.get(dataset.parameters.get("source"))
    if source and source.drawn_again and not dataset.parameters.get("items"):
        found = _drawn(set(wanted.values()), dataset.parameters)
    else:
        found = _read(dataset.folder / "data" / "test")
    return {item.qid: item for item in found if item.qid in wanted}


def _drawn(names, drawn):
    """Draw the test sets `names` again from the parameters of the dataset's row."""
    from o1lib.data.splits import set_sizes
    from o1lib.minivqa.testsets import TEST_SETS, test_set

    sizes = set_sizes(drawn["n_test"], drawn.get("n_test_by_set", ""), TEST_SETS)
    return [example for name in sorted(names) for example in test_set(name, sizes[name], drawn["test_split"])]


def _read(folder):
    from o1lib.data.dataset import read_items

    try:
        return read_items(folder)
    except UserError:
        return []


def tree_of(line, example):
    """Return the finished search of a prediction, for `o1lib.analysis.views.search_tree.show_tree`.

    Predictions hold every candidate but no verdicts, so the rounds have no matches.
    """
    from o1lib.search.segments import Segment
    from o1lib.search.types import Candidate, SearchResult, SearchRound, Task, Usage

    rounds = {}
    for segment in line["candidates"]:
        rounds.setdefault(segment["round"], {}).setdefault(segment["candidate"], []).append(segment)

    def search_round(candidates):
        """Return one round of a search, from its candidates' segments."""
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
    usage = Usage(**{name: number for name, number in line["ledger"].items() if name != "money"})
    return SearchResult(task, line["method"], line["n"], tuple(map(search_round, rounds.values())), (), usage)

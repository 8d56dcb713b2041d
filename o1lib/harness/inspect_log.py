"""Write the predictions of a finished run as a log of Inspect, whose viewer shows, filters and searches the questions.

    write_log("results/mini/runs/structured.sample/seed0", "work/structured.eval")
    # inspect view --log-dir work

A sample is one question: its picture where the dataset gives it again, the surviving answer, the judge's matches, every
candidate, and whether the answer is right. The log's numbers are those of the record.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from o1lib.data.image_part import picture_part
from o1lib.data.images import picture_of
from o1lib.harness.searcher import SEARCH
from o1lib.records import Record, UserError, load
from o1lib.records.files import disk_errors
from o1lib.site.questions import Questions

ENDINGS = (".eval", ".json")
SHOWN = ("test_set", "family", "skill", "template", "depth", "options", "extracted_by", "problem", "stage_scores")
KEPT = ("candidates", "verdicts")  # what a search left of a question, in the sample's store


def write_log(run: Path | str, out: Path | str) -> int:
    """Write the log of the run in folder `run` to the file `out`, and return its number of samples.

    Raises UserError for a folder without a record or predictions, another file ending, or a missing package.
    """
    out = Path(out)
    if out.suffix not in ENDINGS:
        raise UserError(f"{out.name} is no name for a log of Inspect: end it with {' or '.join(ENDINGS)}")
    record = load(Path(run))
    lines = record.predictions()
    asked = Questions()
    if not lines:
        raise UserError(f"{record.row} has no predictions: name the run of a search, as structured.sample")
    asked.add(lines, record, Path(run).resolve().parents[2])
    try:
        from inspect_ai.log import write_eval_log
    except ModuleNotFoundError:
        raise UserError("logs of Inspect need the package inspect_ai: pip install 'o1lib[inspect]' brings it") from None
    with disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        write_eval_log(_log(record, lines, asked), str(out))
    return len(lines)


def _log(record: Record, lines: Sequence[dict], asked: Questions):
    """Return the EvalLog of a record and its predictions."""
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalMetric, EvalResults, EvalScore, EvalSpec, EvalStats

    started, seconds = record.provenance.get("started_at"), record.provenance.get("seconds")
    start = datetime.fromisoformat(started) if started else datetime.now(UTC)
    end = start + timedelta(seconds=seconds or 0)
    model = f"o1lib/{record.parameters.get('model') or record.row}"
    samples = [_sample(line, asked.shown(line["qid"]), model) for line in lines]
    about = EvalSpec(
        created=start.isoformat(),
        task=f"{record.row}.seed{record.seed}",
        dataset=EvalDataset(name=record.parameters.get("data") or "mini-VQA", samples=len(lines)),
        model=model,
        config=EvalConfig(),
        solver=record.parameters.get("method"),
        solver_args={name: record.parameters[name] for name in SEARCH if name in record.parameters},
        metadata={"parameters": record.parameters, "provenance": record.provenance},
    )
    metrics = {name: EvalMetric(name=name, value=one.value) for name, one in record.metrics.items()}
    scores = [EvalScore(name="correct", scorer="o1lib", metrics=metrics)]
    results = EvalResults(total_samples=len(lines), completed_samples=len(lines), scores=scores)
    stats = EvalStats(started_at=start.isoformat(), completed_at=end.isoformat())
    return EvalLog(status="success", eval=about, results=results, stats=stats, samples=samples)


def _sample(line: dict, item, model: str):
    """Return one prediction as a sample; `item` is its question, or None if the dataset cannot give it again."""
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelOutput, ModelUsage
    from inspect_ai.scorer import CORRECT, INCORRECT, Score

    user = ChatMessageUser(content=_content(line, item))
    reply = ChatMessageAssistant(content=line["output"], source="generate", model=model)
    spent, pred = line["ledger"], "" if line["pred"] is None else str(line["pred"])
    read = spent["prefilled"] + spent["judge"]
    usage = ModelUsage(input_tokens=read, output_tokens=spent["generated"], total_tokens=read + spent["generated"])
    output = ModelOutput.from_content(model, line["output"])
    output.usage = usage
    return EvalSample(
        id=line["qid"],
        epoch=1,
        input=[user],
        choices=[str(option) for option in line.get("options") or []] or None,
        target=str(line["gold"]),
        messages=[user, reply],
        output=output,
        scores={"correct": Score(value=CORRECT if line["correct"] else INCORRECT, answer=pred)},
        metadata={name: line[name] for name in SHOWN if line.get(name) not in (None, "", [])},
        store={name: line[name] for name in KEPT if line.get(name)},
        model_usage={model: usage},
        total_time=spent.get("seconds"),  # unknown where a server answered
    )


def _content(line: dict, item):
    """Return the parts of the question: picture and text, or a sentence that they are not known."""
    from inspect_ai.model import ContentImage, ContentText

    if item is None:
        return [ContentText(text=f"Question {line['qid']}: its data set does not give its text and picture again.")]
    picture = picture_part(picture_of(item))["image_url"]["url"]
    return [ContentImage(image=picture), ContentText(text=item.question)]

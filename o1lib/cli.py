"""The few commands, each a thin call into the library: `python -m o1lib --help`.

    python -m o1lib plan --scale mini --rows all       # what would run, why, and about how long
    python -m o1lib study --scale smoke                # run it (what `make study` does)

A mistake the user can repair is one sentence on stderr and exit code 2; a row that failed is exit code 1.
"""

import json
import shlex
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from o1lib import experiments, plan, planpage, publish, rowjob, runner, ship, stages, survey
from o1lib.answers.check import check as answers_check
from o1lib.command import as_command
from o1lib.records import UserError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Which ingredient of LLaVA-o1 and LlamaV-o1 does the work? Run the study, look at its parts.",
)
app.command("stages-check")(stages.check)
app.command("answers-check")(answers_check)
app.command("survey-check")(survey.check)

Scale = Annotated[str, typer.Option(help="smoke, mini, confirmatory, gpu or paper")]
Rows = Annotated[str, typer.Option(help='core, all, or groups and rows between commas; "" is the scale\'s own group')]
Seeds = Annotated[str, typer.Option(help="whole numbers between commas")]
Jobs = Annotated[str, typer.Option(help='rows that run side by side; "" is what the scale says')]
Fresh = Annotated[str, typer.Option(help="1 redoes rows that older library code made")]


def numbers(name: str, text: str, least: int = 0) -> tuple[int, ...]:
    """Return the whole numbers, each at least `least`, in "0,1,2". Raises UserError naming the variable."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) >= least for part in parts):
        example = "2" if least else "0,1,2"
        raise UserError(f"{name}={text!r} must be whole numbers from {least} up, as in {name}={example}")
    return tuple(dict.fromkeys(map(int, parts)))


def number(name: str, text: str, least: int = 0) -> int:
    """Return the one whole number in `text`. Raises UserError naming the variable."""
    found = numbers(name, text, least)
    if len(found) > 1:
        raise UserError(f"{name}={text!r} must be one whole number, as in {name}=2")
    return found[0]


def switch(name: str, text: str) -> bool:
    """Return whether "1" or "0" (or nothing) was given. Raises UserError naming the variable."""
    if text not in ("", "0", "1"):
        raise UserError(f"{name}={text!r} must be 1 or 0")
    return text == "1"


def _plan(scale: str, rows: str, seeds: str, jobs: str, fresh: str) -> tuple[plan.Plan, int, experiments.Scale]:
    """Return what `study` and `plan` were asked for: the plan, how many rows side by side, the scale."""
    study = experiments.read()
    made = plan.make(study, scale, rows, numbers("SEEDS", seeds), switch("FRESH", fresh))
    return made, number("JOBS", jobs or str(study.scales[scale].jobs), 1), study.scales[scale]


@contextmanager
def _stoppable(kept: str = ""):
    """End with one sentence and exit code 130 on Ctrl-C; a polite kill stops what was started too, like Ctrl-C."""
    for word in (signal.SIGINT, signal.SIGTERM):  # the former is ignored by what a script starts in the background
        signal.signal(word, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        print(f"\no1lib: stopped; {kept}the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from None


@app.command("plan")
def show_plan(scale: Scale = "mini", rows: Rows = "", seeds: Seeds = "0", jobs: Jobs = "", fresh: Fresh = "") -> None:
    """Print what would run, why, and about how long it would take."""
    made, side_by_side, _ = _plan(scale, rows, seeds, jobs, fresh)
    print(planpage.describe(made, side_by_side))


@app.command()
def study(
    scale: Scale = "mini",
    rows: Rows = "",
    seeds: Seeds = "0",
    jobs: Jobs = "",
    fresh: Fresh = "",
    snakemake: Annotated[str, typer.Option(help="further words for Snakemake: --executor slurm")] = "",
) -> None:
    """Run every row that is out of date, and sum up in work/<scale>/summary.json."""
    made, side_by_side, needed = _plan(scale, rows, seeds, jobs, fresh)
    runner.check_hardware(needed, scale)
    with _stoppable("finished rows are recorded, and "):
        raise typer.Exit(runner.run(made, side_by_side, tuple(shlex.split(snakemake))))


@app.command("run-row", hidden=True)
def run_row(row: str, seed: int = 0, scale: Scale = "smoke", plan: Path | None = None) -> None:
    """Run one row of the plan that `study` wrote (Snakemake calls this)."""
    rowjob.run_row(rowjob.find(row, seed, scale, plan))


@app.command()
def summary(scale: Scale = "mini") -> None:
    """Print work/<scale>/summary.json: rows, recorded, failed, seconds, peak_memory_mb."""
    print(runner.summary(scale))


@app.command()
def teach(
    items: Path,
    out: Path,
    model: Annotated[str, typer.Option(help="the teacher's name at the server")],
    base_url: Annotated[str, typer.Option(help='an OpenAI-compatible address; "" is OpenAI')] = "",
    judge_model: Annotated[str, typer.Option(help="asked where no rule can tell; same server")] = "",
    attempts: int = 2,
    concurrency: int = 8,
    requests_per_minute: float = 0,
    max_tokens_total: int = 0,
) -> None:
    """Let a served model write staged answers to the questions in ITEMS, filter them, and make the dataset OUT.

    Killed, the same command goes on: what the server once answered is in OUT.replies.jsonl. The key comes from the
    environment (OPENAI_API_KEY). Prints one JSON line: kept and dropped by reason, calls and tokens.
    """
    from o1lib.endpoint import Endpoint
    from o1lib.taught import build
    from o1lib.teacher import Served

    def endpoint(name):
        return Endpoint(
            base_url,
            name,
            out.resolve().with_name(f"{out.name}.replies.jsonl"),
            concurrency,
            requests_per_minute=requests_per_minute,
            max_tokens_total=max_tokens_total,
        )

    teacher, judge = Served(endpoint(model)), endpoint(judge_model) if judge_model else None
    signal.signal(signal.SIGINT, signal.default_int_handler)  # heeded in the background of a script too
    try:
        ends = build(items, out.resolve(), teacher, judge, attempts)
    except KeyboardInterrupt:
        print("\no1lib: stopped; every answer received is kept, and the same command goes on", file=sys.stderr)
        raise typer.Exit(130) from None
    print(
        json.dumps(
            {"ends": ends, "teacher": teacher.endpoint.ledger.facts(), "judge": judge.ledger.facts() if judge else None}
        )
    )


@app.command()
def compare(scale: Scale = "mini") -> None:
    """Show how your executed reports differ from the published ones, and both sides' contrasts."""
    publish.compare(scale)


@app.command("why")
def show_why(
    claim: Annotated[str, typer.Argument(help="its id in claims.yaml, as A5")] = "", scale: Scale = "mini"
) -> None:
    """Go from a claim to its contrast, its records and the questions that decide it, and compute it again."""
    from o1lib.why import why

    print(why(claim, scale))


@app.command()
def power(
    scale: Scale = "mini",
    root: Annotated[str, typer.Option(help='a study\'s folder; "" is results/<scale>')] = "",
    into: Annotated[str, typer.Option(help="put the tables into this draft of a protocol too")] = "",
) -> None:
    """Print how many questions, seeds and hours the confirmatory family needs, by the records there are."""
    from o1lib import protocol, protocolpage

    found = protocol.plan(scale, root)
    if into:
        protocolpage.fill(into, found)
    print(protocolpage.text(found))


@app.command("publish")
def publish_results(scale: Scale = "mini", force: Annotated[bool, typer.Option(help="publish smoke rows too")] = False):
    """Copy the complete rows of work/<scale> into results/<scale>."""
    publish.publish(scale, force)


@app.command()
def answer(
    model: Annotated[str, typer.Option(help="a checkpoint's folder, or a model's name on the hub")],
    image: Annotated[Path, typer.Option(help="the picture's file")],
    question: Annotated[str, typer.Option(help="what to ask about it")],
    method: Annotated[str, typer.Option(help="a search of o1lib.search, as stage_beam")] = "stage_beam",
    n: Annotated[int, typer.Option(help="candidates a stage")] = 4,
    judge: Annotated[str, typer.Option(help="who chooses; retracing takes likelihood or verifier")] = "self",
    format: Annotated[str, typer.Option(help='the format it speaks; "" is the one in its record')] = "",
    tree: Annotated[Path | None, typer.Option(help="write the search as an HTML page here")] = None,
    engine: Annotated[str, typer.Option(help="batched, or one_at_a_time")] = "batched",
    seed: int = 0,
    temperature: float = 0.6,
    max_new_tokens: int = 512,
    max_tokens: Annotated[int, typer.Option(help="stop with the best so far after so many tokens")] = 0,
) -> None:
    """Search for the answer to one question about one picture, and print it with what it cost."""
    from o1lib import ask

    how = {"seed": seed, "temperature": temperature, "max_new_tokens": max_new_tokens}
    decoder, spoken = ask.speaker(model, format, engine, **how)
    found = ask.answer(decoder, image, question, spoken, method=method, n=n, judge=judge, budget=max_tokens)
    ask.tell(found, tree)


@app.command("bench-search")
def bench_search(
    model: Annotated[str, typer.Option(help="a trained checkpoint")] = "results/checkpoints/mini-structured",
    questions: int = 256,
    reference: Annotated[int, typer.Option(help="of them one at a time")] = 12,
) -> None:
    """Measure the search against the released procedure and plain sampling; write work/bench/search.json and a plot."""
    from o1lib import bench

    bench.run(model, questions, reference)


@app.command()
def base(
    scale: Scale = "mini",
    source: Annotated[str, typer.Option(help="ship this run of notebook 00 instead")] = "",
    fresh: Fresh = "",
) -> None:
    """Train a scale's base as it is published and put it, with its record, into results/checkpoints."""
    with _stoppable():
        ship.base(scale, source, switch("FRESH", fresh))


@app.command("ship")
def ship_row(
    scale: Scale = "mini",
    rows: Annotated[str, typer.Option(help="the row whose model it is")] = "structured",
    seeds: Annotated[str, typer.Option(help="its seed")] = "0",
) -> None:
    """Put the model of a finished row, with its record, into results/checkpoints."""
    ship.row(scale, rows, number("SEEDS", seeds))


def main() -> None:
    """Run a command; a UserError is one sentence on stderr and exit code 2."""
    as_command(app)

"""Commands that run a model: answer a question, train an arm, annotate questions with a served teacher.

python -m o1lib answer --model results/checkpoints/mini-structured --image picture.png --question "How many?"
python -m o1lib train --scale paper --dry-run
"""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from o1lib.cli.app import app
from o1lib.training.command import train

app.command("train")(train)


@app.command()
def teach(
    items: Path,
    out: Path,
    model: Annotated[str, typer.Option(help="the teacher's name on the server")],
    base_url: Annotated[str, typer.Option(help='an OpenAI-compatible address; "" is OpenAI')] = "",
    judge_model: Annotated[
        str, typer.Option(help="a model on the same server that judges answers where no rule applies")
    ] = "",
    attempts: int = 2,
    concurrency: int = 8,
    requests_per_minute: float = 0,
    max_tokens_total: int = 0,
) -> None:
    """Let a served model write staged answers to the questions in ITEMS, filter them, and write the dataset OUT.

    If the command is stopped, run it again: it continues from the replies in OUT.replies.jsonl. The key comes from the
    environment variable OPENAI_API_KEY. Prints one JSON line: answers kept and dropped by reason, calls and tokens.
    """
    from o1lib.data.annotation.build import build_dataset
    from o1lib.data.annotation.teacher import Served
    from o1lib.models.endpoint import Endpoint

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
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process ignores SIGINT otherwise
    try:
        ends = build_dataset(items, out.resolve(), teacher, judge, attempts)
    except KeyboardInterrupt:
        print(
            "\no1lib: stopped; all received answers are kept; run the same command again to continue", file=sys.stderr
        )
        raise typer.Exit(130) from None
    print(
        json.dumps(
            {"ends": ends, "teacher": teacher.endpoint.usage.facts(), "judge": judge.usage.facts() if judge else None}
        )
    )


@app.command()
def answer(
    model: Annotated[str, typer.Option(help="the folder of a checkpoint, or a model on the hub as owner/name")],
    image: Annotated[Path, typer.Option(help="the file of the picture")],
    question: Annotated[str, typer.Option(help="the question about the picture")],
    method: Annotated[
        str,
        typer.Option(help="search method (METHODS in o1lib.search.methods)"),
    ] = "stage_beam",
    n: Annotated[int, typer.Option(help="number of candidates per stage")] = 4,
    judge: Annotated[
        str,
        typer.Option(help="judge (JUDGES in o1lib.search.judges); retracing takes likelihood or verifier"),
    ] = "self",
    format: Annotated[str, typer.Option(help='answer format of the model; "" takes it from its record')] = "",
    tree: Annotated[Path | None, typer.Option(help="write the search to this file as an HTML page")] = None,
    engine: Annotated[str, typer.Option(help="batched or one_at_a_time")] = "batched",
    seed: int = 0,
    temperature: float = 0.6,
    max_new_tokens: int = 512,
    max_tokens: Annotated[
        int, typer.Option(help="number of tokens after which the search stops with its best answer; 0 is no bound")
    ] = 0,
) -> None:
    """Search for the answer to one question about one picture, and print the answer and its cost."""
    from o1lib.evaluation.answer import answer as search
    from o1lib.evaluation.answer import load_decoder

    settings = {"seed": seed, "temperature": temperature, "max_new_tokens": max_new_tokens}
    decoder, own_format = load_decoder(model, format, engine, **settings)
    result = search(decoder, image, question, own_format, method=method, n=n, judge=judge, budget=max_tokens)
    print_result(result, tree)


def print_result(result, page: Path | None = None) -> None:
    """Print a finished search: its text, its answer and its cost; write it to `page` as HTML if that is given."""
    from o1lib.analysis.views.search_tree import show_tree
    from o1lib.evaluation.answer import final_answer
    from o1lib.records import atomic_file

    usage = result.usage
    print(result.text.strip(), "", f"answer: {final_answer(result)}", sep="\n")
    print(
        f"cost: {usage.generated} tokens generated, {usage.judge} for judging, {usage.prefilled} of prompt, "
        f"{usage.calls} calls, {usage.images} image encodings, {usage.seconds:.1f} s"
    )
    if result.problem:
        print(f"note: {result.problem}")
    if page:
        with atomic_file(page) as part:
            part.write_text(show_tree(result), encoding="utf8")
        print(f"tree: {page}")

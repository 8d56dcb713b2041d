"""Commands around a model: ask it, train an arm, let a teacher annotate questions.

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
    signal.signal(signal.SIGINT, signal.default_int_handler)  # heeded in the background of a script too
    try:
        ends = build_dataset(items, out.resolve(), teacher, judge, attempts)
    except KeyboardInterrupt:
        print("\no1lib: stopped; every answer received is kept, and the same command goes on", file=sys.stderr)
        raise typer.Exit(130) from None
    print(
        json.dumps(
            {"ends": ends, "teacher": teacher.endpoint.usage.facts(), "judge": judge.usage.facts() if judge else None}
        )
    )


@app.command()
def answer(
    model: Annotated[str, typer.Option(help="a checkpoint's folder, or a model's name on the hub")],
    image: Annotated[Path, typer.Option(help="the picture's file")],
    question: Annotated[str, typer.Option(help="what to ask about it")],
    method: Annotated[str, typer.Option(help="a search of o1lib.search.methods, as stage_beam")] = "stage_beam",
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
    from o1lib.evaluation import answer as ask

    how = {"seed": seed, "temperature": temperature, "max_new_tokens": max_new_tokens}
    decoder, spoken = ask.load_decoder(model, format, engine, **how)
    found = ask.answer(decoder, image, question, spoken, method=method, n=n, judge=judge, budget=max_tokens)
    tell(found, tree)


def tell(tree, page: Path | None = None) -> None:
    """Print a finished search: the text, its answer, the bill; and write it as a page where one is named."""
    from o1lib.analysis.views.search_tree import show_tree
    from o1lib.evaluation.answer import final_answer
    from o1lib.records import atomic_file

    bill = tree.usage
    print(tree.text.strip(), "", f"answer: {final_answer(tree)}", sep="\n")
    print(
        f"cost: {bill.generated} tokens generated, {bill.judge} for judging, {bill.prefilled} of prompt, "
        f"{bill.calls} calls, {bill.images} image encodings, {bill.seconds:.1f} s"
    )
    if tree.problem:
        print(f"note: {tree.problem}")
    if page:
        with atomic_file(page) as part:
            part.write_text(show_tree(tree), encoding="utf8")
        print(f"tree: {page}")

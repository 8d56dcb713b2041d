"""Commands that run a model: answer a question, check a model, train an arm, annotate questions with a served teacher.

python -m o1lib answer --model results/checkpoints/mini-structured --image picture.png --question "How many?"
python -m o1lib check-model results/checkpoints/mini-structured      # which engine is right for this model?
python -m o1lib train --scale paper --dry-run
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from o1lib.cli.app import app, refuse_given, stoppable
from o1lib.evaluation.answer import DTYPES, ENGINE, ONE_AT_A_TIME, usable_names
from o1lib.inference.served.abilities import NAMES
from o1lib.models.endpoint import CONCURRENCY, TIMEOUT
from o1lib.search.judges import JUDGES
from o1lib.search.methods import METHODS
from o1lib.search.rewards import REWARDS
from o1lib.training.command import train

_JUDGE_HELP = (
    f"{', '.join(usable_names(JUDGES))}; by default self. retracing takes a reward: "
    f"{', '.join(usable_names(REWARDS))}; by default likelihood"
)

PRICE_HELP = "prompt/completion price of a million tokens, as in 0.15/0.6"
JUDGE_PRICE_HELP = "the same of a served judge_model; 0/0 if it costs nothing"
INSTRUCTED_HELP = "ask a served model for its stages in words; --no-instructed: it was trained on them"
ABILITIES_HELP = f"what the server can do: {', '.join(NAMES)}, or none; by default it is asked"
DTYPE_HELP = f"{' or '.join(DTYPES)} of a local model; the second is faster and an approximation"

_Model = Annotated[
    str, typer.Option(help="a checkpoint's folder, a model on the hub as owner/name, or its name on the endpoint")
]
_Candidates = Annotated[
    int | None, typer.Option(help="number of candidates per stage; by default 4, or the most that the method takes")
]
_Format = Annotated[
    str, typer.Option(help='answer format; "" takes it from the record of a local model, and is tags with an endpoint')
]
_Budget = Annotated[
    int, typer.Option(help="number of tokens after which the search stops with its best answer; 0 is no bound")
]
Concurrency = Annotated[int, typer.Option(min=1, help="most requests to the server at the same time")]
Timeout = Annotated[float, typer.Option(help="seconds after which a request counts as lost and is sent again")]

app.command("train")(train)


@app.command()
def teach(
    items: Annotated[Path, typer.Argument(help="a file of questions")],
    out: Annotated[Path, typer.Argument(help="the folder of the new dataset")],
    model: Annotated[str, typer.Option(help="the teacher's name on the server")],
    base_url: Annotated[str, typer.Option(help='an OpenAI-compatible address; "" is OpenAI')] = "",
    judge_model: Annotated[
        str, typer.Option(help="a model on the same server that judges answers where no rule applies")
    ] = "",
    attempts: Annotated[int, typer.Option(help="most answers asked for per question")] = 2,
    concurrency: Concurrency = CONCURRENCY,
    timeout: Timeout = TIMEOUT,
    requests_per_minute: Annotated[float, typer.Option(help="most requests per minute; 0 is no bound")] = 0,
    max_tokens_total: Annotated[int, typer.Option(help="most tokens of all requests; 0 is no bound")] = 0,
    max_tokens: Annotated[int, typer.Option(min=1, help="most tokens of a reply of the teacher")] = 2048,
    judge_tokens: Annotated[
        int, typer.Option(min=1, help="most tokens of a reply of the judge, with its thoughts if it has any")
    ] = 1024,
) -> None:
    """Let a served model write staged answers to the questions in ITEMS, filter them, and write the dataset OUT.

    If the command is stopped, run it again: it continues from the replies in OUT.replies.jsonl. The key comes from the
    environment variable OPENAI_API_KEY. Prints one JSON line: answers kept and dropped by reason, calls and tokens.
    """
    from o1lib.data.annotation.build import build_dataset
    from o1lib.data.annotation.teacher import Judge, Served
    from o1lib.models.endpoint import Endpoint

    def endpoint(name):
        """Return the endpoint of one model of the server."""
        return Endpoint(
            base_url,
            name,
            out.resolve().with_name(f"{out.name}.replies.jsonl"),
            concurrency,
            timeout,
            requests_per_minute=requests_per_minute,
            max_tokens_total=max_tokens_total,
        )

    teacher = Served(endpoint(model), max_tokens=max_tokens)
    judge = Judge(endpoint(judge_model), judge_tokens) if judge_model else None
    with stoppable("all received answers are kept, and "):
        ends = build_dataset(items, out.resolve(), teacher, judge, attempts)
    spent = {"teacher": teacher.endpoint.usage.facts(), "judge": judge.endpoint.usage.facts() if judge else None}
    print(json.dumps({"ends": ends} | spent))


@app.command()
def answer(
    ctx: typer.Context,
    model: _Model,
    image: Annotated[Path, typer.Option(help="the file of the picture")],
    question: Annotated[str, typer.Option(help="the question about the picture")],
    method: Annotated[str, typer.Option(help=", ".join(METHODS))] = "stage_beam",
    n: _Candidates = None,
    judge: Annotated[str, typer.Option(help=_JUDGE_HELP)] = "",
    format: _Format = "",
    tree: Annotated[Path | None, typer.Option(help="write the search to this file as an HTML page")] = None,
    engine: Annotated[str, typer.Option(help=f"{ENGINE} or {ONE_AT_A_TIME}")] = ENGINE,
    dtype: Annotated[str, typer.Option(help=DTYPE_HELP)] = DTYPES[0],
    seed: Annotated[int, typer.Option(help="seed of all random draws")] = 0,
    temperature: Annotated[float, typer.Option(help="temperature of sampling; 0 is greedy decoding")] = 0.6,
    max_new_tokens: Annotated[int, typer.Option(help="most tokens generated per stage")] = 512,
    max_tokens: _Budget = 0,
    endpoint: Annotated[str, typer.Option(help="OpenAI-compatible address where the model is served")] = "",
    judge_model: Annotated[str, typer.Option(help="served model that judges instead of the model itself")] = "",
    judge_endpoint: Annotated[str, typer.Option(help='address of the judge; "" is the same endpoint')] = "",
    price: Annotated[str, typer.Option(help=PRICE_HELP)] = "",
    judge_price: Annotated[str, typer.Option(help=JUDGE_PRICE_HELP)] = "",
    abilities: Annotated[str, typer.Option(help=ABILITIES_HELP)] = "",
    instructed: Annotated[bool, typer.Option(help=INSTRUCTED_HELP)] = True,
    concurrency: Concurrency = CONCURRENCY,
    timeout: Timeout = TIMEOUT,
) -> None:
    """Search for the answer to one question about one picture, and print the answer and its cost."""
    from o1lib.evaluation.answer import answer as search
    from o1lib.evaluation.answer import load_decoder
    from o1lib.evaluation.served_answer import open_served

    settings = {"seed": seed, "temperature": temperature, "max_new_tokens": max_new_tokens}
    asked = {"method": method, "n": n, "judge": judge, "budget": max_tokens}
    refuse_given(ctx, endpoint, ("judge_model",))
    if endpoint:
        named = {"price": price, "abilities": abilities, "instructed": instructed}
        named |= {"concurrency": concurrency, "timeout": timeout}
        judged = {"judge_model": judge_model, "judge_endpoint": judge_endpoint, "judge_price": judge_price}
        opened = open_served(endpoint, model, format, **named, **judged, **asked, **settings)
        result = opened.search(image, question)
        more = opened.told(result)
    else:
        decoder, own_format = load_decoder(model, format, engine, dtype=dtype, **settings)
        result, more = search(decoder, image, question, own_format, **asked), ""
    print_result(result, tree)
    if more:
        print(more)


@app.command("check-model")
def check(
    model: Annotated[str, typer.Argument(help="the folder of a checkpoint, or a model on the hub as owner/name")],
) -> None:
    """Check which engine is right for MODEL, by comparing both with the model's own forward pass and `generate`.

    Prints a line for each check and the engine to use. The exit code is 1 if neither engine is right.
    """
    from o1lib.evaluation.answer import load_model
    from o1lib.inference.model_check import check_model

    found = check_model(*load_model(model))
    print(found.text())
    raise typer.Exit(0 if found.engine else 1)


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

"""The command that audits a model: is its chain used, and would a search over its answers pay?

python -m o1lib audit results/checkpoints/mini-structured
python -m o1lib audit Qwen/Qwen2.5-VL-3B-Instruct --endpoint http://127.0.0.1:8000/v1 --judge self
"""

from typing import Annotated

import typer

from o1lib.cli.app import app, refuse_given, stoppable
from o1lib.cli.model import (
    ABILITIES_HELP,
    DTYPE_HELP,
    INSTRUCTED_HELP,
    JUDGE_PRICE_HELP,
    PRICE_HELP,
    Concurrency,
    Timeout,
)
from o1lib.evaluation.answer import DTYPES, usable_names
from o1lib.models.endpoint import CONCURRENCY, TIMEOUT
from o1lib.search.judges import JUDGES

_JUDGES = f"the judge whose value is measured: {', '.join([*usable_names(JUDGES), 'base'])}"


@app.command("audit")
def audit_model(
    ctx: typer.Context,
    model: Annotated[
        str, typer.Argument(help="a checkpoint's folder, a model on the hub as owner/name, or its name on the endpoint")
    ],
    data: Annotated[
        str, typer.Option(help='NAME@FILE of a benchmark, the folder of a dataset, or a JSONL file; "" draws questions')
    ] = "",
    n: Annotated[int, typer.Option(help="number of questions")] = 40,
    format: Annotated[str, typer.Option(help='answer format of the model; "" takes it from its record')] = "",
    judge: Annotated[str, typer.Option(help=_JUDGES)] = "preference",
    judge_model: Annotated[
        str, typer.Option(help='another checkpoint or served model that judges; "" is the model itself')
    ] = "",
    study: Annotated[str, typer.Option(help="folder of records with the gain of a judge")] = "results/mini",
    least: Annotated[float, typer.Option(help="smallest gain, as a share of the questions, that is worth it")] = 0.02,
    temperature: Annotated[float, typer.Option(help="temperature of the sampled answers")] = 0.6,
    max_new_tokens: Annotated[int, typer.Option(help="most tokens generated per stage")] = 256,
    out: Annotated[
        str, typer.Option(help='folder of the results; "" is work/audits/<model>, or <model>--on--<data>')
    ] = "",
    seed: Annotated[int, typer.Option(help="seed of all random draws")] = 0,
    dtype: Annotated[str, typer.Option(help=DTYPE_HELP)] = DTYPES[0],
    endpoint: Annotated[str, typer.Option(help="OpenAI-compatible address where the model is served")] = "",
    judge_endpoint: Annotated[str, typer.Option(help='address of a served judge_model; "" is the endpoint')] = "",
    price: Annotated[str, typer.Option(help=PRICE_HELP)] = "",
    judge_price: Annotated[str, typer.Option(help=JUDGE_PRICE_HELP)] = "",
    abilities: Annotated[str, typer.Option(help=ABILITIES_HELP)] = "",
    instructed: Annotated[bool, typer.Option(help=INSTRUCTED_HELP)] = True,
    concurrency: Concurrency = CONCURRENCY,
    timeout: Timeout = TIMEOUT,
) -> None:
    """Audit MODEL: is the chain it writes used, and would a search with this judge pay? Print two sentences.

    The folder of the results gets a page (audit.html), a record with every metric, and one line for each forced reply
    and each judged pair. Of served models it also prints what they can do, the requests and the money. If the command
    is stopped, run it again: the replies to changed chains, the sampled answers and the verdicts are kept.
    """
    from o1lib.study.audit_command import audit

    given = (model, data, n, format, judge, judge_model, study, least, temperature, max_new_tokens, out, seed)
    served = {"judge_endpoint": judge_endpoint, "price": price, "judge_price": judge_price}
    served |= {"abilities": abilities, "instructed": instructed, "concurrency": concurrency, "timeout": timeout}
    refuse_given(ctx, endpoint)
    with stoppable("replies are kept, and "):
        print(audit(*given, endpoint=endpoint, dtype=dtype, **served))

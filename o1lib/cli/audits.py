"""The command that audits a model: is its chain used, and would a search over its answers pay?

python -m o1lib audit results/checkpoints/mini-structured
"""

from typing import Annotated

import typer

from o1lib.cli.app import app, stoppable
from o1lib.evaluation.answer import usable_names
from o1lib.search.judges import JUDGES

_JUDGES = f"the judge whose value is measured: {', '.join([*usable_names(JUDGES), 'base'])}"


@app.command("audit")
def audit_model(
    model: Annotated[str, typer.Argument(help="the folder of a checkpoint, or a model on the hub as owner/name")],
    data: Annotated[
        str, typer.Option(help='NAME@FILE of a benchmark, the folder of a dataset, or a JSONL file; "" draws questions')
    ] = "",
    n: Annotated[int, typer.Option(help="number of questions")] = 40,
    format: Annotated[str, typer.Option(help='answer format of the model; "" takes it from its record')] = "",
    judge: Annotated[str, typer.Option(help=_JUDGES)] = "preference",
    judge_model: Annotated[str, typer.Option(help='folder of another model that judges; "" is the model itself')] = "",
    study: Annotated[str, typer.Option(help="folder of records with the gain of a judge")] = "results/mini",
    least: Annotated[float, typer.Option(help="smallest gain, as a share of the questions, that is worth it")] = 0.02,
    temperature: Annotated[float, typer.Option(help="temperature of the sampled answers")] = 0.6,
    max_new_tokens: Annotated[int, typer.Option(help="most tokens generated per stage")] = 256,
    out: Annotated[str, typer.Option(help='folder of the results; "" is work/audits/<name of the model>')] = "",
    seed: Annotated[int, typer.Option(help="seed of all random draws")] = 0,
) -> None:
    """Audit MODEL: is the chain it writes used, and would a search with this judge pay? Print two sentences.

    The folder of the results gets a page (audit.html), a record with every metric, and one line for each forced reply
    and each judged pair. If the command is stopped, run it again: the replies to changed chains are kept, and the part
    about the judge starts anew.
    """
    from o1lib.study.audit_command import audit

    given = (model, data, n, format, judge, judge_model, study, least, temperature, max_new_tokens, out, seed)
    with stoppable("replies are kept, and "):
        print(audit(*given))

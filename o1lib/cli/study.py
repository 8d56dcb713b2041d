"""Commands of the study: plan it, run it, explain a claim, publish results, ship checkpoints.

python -m o1lib study --scale smoke                # what `make study SCALE=smoke` does
python -m o1lib why A5 --scale mini
"""

import math
import shlex
from pathlib import Path
from typing import Annotated

import typer

from o1lib.cli.app import Fresh, Jobs, Rows, Scale, Seeds, app, number, numbers, stoppable, switch
from o1lib.records import UserError

Bases = Annotated[str, typer.Option(help="rows of the bases of the run, between commas")]
Hours = Annotated[float, typer.Option(help="most hours: members enter by priority; 0 is no limit")]


def _plan(scale: str, rows: str, seeds: str, jobs: str, fresh: str):
    """Return what `study` and `plan` share: the plan, the number of parallel rows, the scale, what lacks, and notes."""
    from o1lib.study import entering, experiments, missing_bases, plan, unready

    study = experiments.read_experiments()
    chosen = numbers("SEEDS", seeds) if seeds else ()
    made = plan.make_plan(study, scale, rows, chosen, switch("FRESH", fresh))
    plan.check_reports(made)
    block = study.scales[scale]
    checks = missing_bases.missing_bases, unready.unchosen_rates, entering.scored_too_early
    missing = [told for check in checks for told in check(study, made)]
    return made, number("JOBS", jobs or str(block.jobs), 1), block, missing, unready.unproven_bases(made)


@app.command("plan")
def show_plan(scale: Scale = "mini", rows: Rows = "", seeds: Seeds = "", jobs: Jobs = "", fresh: Fresh = "") -> None:
    """Print what would run, why, and about how long it would take."""
    from o1lib.study import plan_text

    made, parallel, _, missing, notes = _plan(scale, rows, seeds, jobs, fresh)
    print("\n".join([plan_text.describe(made, parallel), *missing, *notes]))


@app.command()
def study(
    scale: Scale = "mini",
    rows: Rows = "",
    seeds: Seeds = "",
    jobs: Jobs = "",
    fresh: Fresh = "",
    snakemake: Annotated[str, typer.Option(help="options for Snakemake, such as --profile profiles/slurm")] = "",
    minutes: Annotated[str, typer.Option(help='minutes after which no further row starts; "" is no limit')] = "",
) -> None:
    """Run every row that is out of date and write the summary, work/<scale>/summary.json."""
    from o1lib.study import resources, runner

    made, parallel, needs, missing, notes = _plan(scale, rows, seeds, jobs, fresh)
    if missing:
        raise UserError("; ".join(missing))
    print("\n".join(notes), end="\n" * bool(notes))
    options = tuple(shlex.split(snakemake))
    if not resources.on_cluster(options):
        runner.check_hardware(needs, scale)
    with stoppable("finished rows are recorded, and "):
        raise typer.Exit(runner.run(made, parallel, options, number("MINUTES", minutes, 1) if minutes else 0))


@app.command()
def restore(
    scale: Scale = "mini",
    rows: Annotated[str, typer.Option(help='groups and rows between commas; "" is every row')] = "",
) -> None:
    """Bring back rows that were kept, and records that a study set aside, where they are complete and fit the plan."""
    from o1lib.study.restore import restore as bring_back

    print(bring_back(scale, rows))


@app.command("run-row", hidden=True)
def run_row(row: str, seed: int = 0, scale: Scale = "smoke", plan: Path | None = None) -> None:
    """Run one row of the plan that `study` wrote (Snakemake calls this)."""
    from o1lib.study import row_job

    row_job.run_row(row_job.find_job(row, seed, scale, plan))


@app.command()
def summary(scale: Scale = "mini") -> None:
    """Print work/<scale>/summary.json: rows, recorded, failed, seconds, peak_memory_mb."""
    from o1lib.study import progress

    print(progress.read_summary(scale))


@app.command()
def compare(scale: Scale = "mini") -> None:
    """Show how your executed reports and claims differ from the published ones."""
    from o1lib.study import publish

    publish.compare(scale)


@app.command("why")
def show_why(
    claim: Annotated[str, typer.Argument(help="its id in claims.yaml, such as A5")] = "", scale: Scale = "mini"
) -> None:
    """Show a claim's contrast, its records and the questions that decide it, and compute it again."""
    from o1lib.study.explain import explain

    print(explain(claim, scale))


@app.command()
def power(
    scale: Scale = "mini",
    root: Annotated[str, typer.Option(help='folder of a study; "" is results/<scale>')] = "",
    into: Annotated[str, typer.Option(help="also write the tables into this draft of a protocol")] = "",
    bases: Bases = "base",
    hours: Hours = 0.0,
    runs: Annotated[
        int, typer.Option(help="simulate the whole rule so many times, under no effect and the one to detect")
    ] = 0,
) -> None:
    """Print how many questions, seeds and hours the confirmatory family needs, estimated from records."""
    from o1lib.study import protocol, protocol_text, rule_check

    found = protocol.plan_confirmatory(scale, root, tuple(bases.split(",")), hours or math.inf)
    if into:
        protocol_text.fill(into, found)
    print(protocol_text.text(found))
    if runs:
        print(rule_check.describe(found, runs))


@app.command("rates")
def show_rates(
    scale: Scale = "mini",
    root: Annotated[str, typer.Option(help='folder of a study; "" is work/<scale>')] = "",
) -> None:
    """Print which optimizer all arms take, which learning rate each, what is missing, and what to run next."""
    from o1lib.study import experiments, optimizers, rates

    study = experiments.read_experiments()
    found, first = rates.read_rates(study, scale, root)
    best = optimizers.best_accuracies(study, scale, rates.records_of(scale, root))
    given = optimizers.set_by_scale(study, scale)
    print(optimizers.describe_optimizers(best, scale, given))
    if optimizers.settled(best, given):
        print(f"\n{rates.describe_rates(found, first)}")
        print(rates.describe_others(study, scale, found, first))


@app.command()
def margins(
    scale: Scale = "mini",
    root: Annotated[str, typer.Option(help='folder of a study; "" is results/<scale>')] = "",
    bases: Bases = "base",
    hours: Hours = 0.0,
    freeze: Annotated[bool, typer.Option(help="write them into results/margins.json, once")] = False,
) -> None:
    """Print within which difference each contrast counts as negligible, estimated from records."""
    from o1lib.study import margins as study_margins

    found = study_margins.plan_margins(scale, root, tuple(bases.split(",")), hours or math.inf)
    if freeze:
        study_margins.freeze(found)
    print(study_margins.margins_text(found))


@app.command("publish")
def publish_results(scale: Scale = "mini", force: Annotated[bool, typer.Option(help="publish smoke rows too")] = False):
    """Copy the complete rows of work/<scale> into results/<scale>."""
    from o1lib.study import publish

    publish.publish(scale, force)


@app.command("keep")
def keep_rows(scale: Scale = "mini"):
    """Copy the complete rows of a study under way into results/unfinished, so that another checkout goes on with it."""
    from o1lib.study import kept

    print(kept.keep(scale))


@app.command("texts")
def pack_texts(
    scale: Scale = "mini",
    source: Annotated[str, typer.Option(help="put the texts of this asset beside the published records")] = "",
    complete: Annotated[bool, typer.Option("--complete", help="exit with 1 if texts of a published run lack")] = False,
) -> None:
    """Pack the texts and candidates of the published rows into one file outside the history, or unpack them."""
    from o1lib.study import texts

    if source:
        print(f"{texts.unpack(scale, Path(source))} runs have their texts again")
        return
    texts.pack(scale)
    print(texts.asset(scale))
    if told := texts.lacking(scale):
        typer.echo(told, err=True)
        raise typer.Exit(1 if complete else 0)


@app.command("archive")
def archive_study(
    name: Annotated[str, typer.Argument(help="the new folder in results/")],
    scale: Scale = "mini",
    check: Annotated[bool, typer.Option(help="compute the claims of results/NAME again instead")] = False,
) -> None:
    """Keep a published study under a name of its own, with predictions in short form."""
    from o1lib.study import archive

    if not check:
        print(archive.archive(scale, name))
        return
    found = archive.differences(name)
    print("\n".join(found) or f"every claim of results/{name} follows from the predictions that are kept")
    raise typer.Exit(1 if found else 0)


@app.command("readme")
def write_readme(scale: Scale = "mini") -> None:
    """Rewrite the generated parts of README.md and docs/claims.md: published results, list of packages."""
    from o1lib.study import readme

    readme.write_blocks(scale)


@app.command()
def base(
    scale: Scale = "mini",
    source: Annotated[str, typer.Option(help="folder of a run of notebook 00 to ship instead")] = "",
    fresh: Fresh = "",
    seeds: Annotated[str, typer.Option(help="seed of the base")] = "0",
) -> None:
    """Train a scale's base with the published parameters and ship it with its record in results/checkpoints."""
    from o1lib.study import ship

    with stoppable():
        ship.ship_base(scale, source, switch("FRESH", fresh), number("SEEDS", seeds))


@app.command("ship")
def ship_row(
    scale: Scale = "mini",
    rows: Annotated[str, typer.Option(help="row whose model is shipped")] = "structured",
    seeds: Annotated[str, typer.Option(help="seed of that row")] = "0",
) -> None:
    """Ship the model of a finished row with its record in results/checkpoints."""
    from o1lib.study import ship

    ship.ship_row(scale, rows, number("SEEDS", seeds))

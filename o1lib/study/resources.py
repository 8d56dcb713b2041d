"""What a row asks of a cluster's scheduler (cores, GPUs, memory, time), and whether Snakemake hands rows to one.

    resources_of(study.scales["gpu"].resources, "02_train_sft", "structured").gpus      # 1
    on_cluster(["--profile", "profiles/slurm"])                                         # True

The numbers come from experiments.yaml. On one machine they mean nothing: rows that run in parallel share its cores.
"""

import argparse
from collections.abc import Mapping, Sequence

import yaml
from pydantic import Field

from o1lib.records import UserError, project_root
from o1lib.records.strict import StrictModel

HERE = ("local", "dryrun", "touch")  # executors of Snakemake that start no job elsewhere


class Resources(StrictModel):
    """A request for one row on one machine: cores, GPUs, megabytes of memory, and minutes until it is stopped."""

    cpus: int = Field(default=2, ge=1)
    gpus: int = Field(default=0, ge=0)
    mem_mb: int = Field(default=8000, ge=1)
    runtime: int = Field(default=240, ge=1)


def resources_of(given: Mapping[str, Resources], notebook: str, row: str) -> Resources:
    """Return what a row asks for. Values of the row override those of its notebook, which override the defaults."""
    asked = [given[name].model_dump(exclude_unset=True) for name in (notebook, row) if name in given]
    return Resources(**{name: value for one in asked for name, value in one.items()})


def on_cluster(options: Sequence[str]) -> bool:
    """Return whether these options of Snakemake hand the rows to the scheduler of a cluster.

    Raises UserError for a profile that does not exist, and for a dry run, before which records would be set aside.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--executor", "-e", default="")
    parser.add_argument("--profile", default="")
    parser.add_argument("--dry-run", "--dryrun", "-n", action="store_true")
    given, _ = parser.parse_known_args(options)
    if given.dry_run:
        raise UserError("SNAKEMAKE holds --dry-run, which runs nothing: `make plan` prints what would run, and why")
    return (given.executor or _executor(given.profile)) not in HERE


def _executor(profile: str) -> str:
    """Return the executor that a profile names."""
    if not profile:
        return HERE[0]
    from snakemake.cli import get_profile_dir  # takes a second, so only where a profile is named

    folder = project_root() / profile  # Snakemake starts in the project's folder
    found = get_profile_dir(str(folder if folder.exists() else profile))
    if not found:
        raise UserError(f"there is no Snakemake profile {profile!r}: name a folder with a config.yaml")
    settings = yaml.safe_load(found[1].read_text(encoding="utf8")) or {}
    return str(settings.get("executor", HERE[0]))

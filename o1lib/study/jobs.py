"""Expand rows and seeds into jobs with parameters, needs and fingerprints.

    study = read_experiments()
    jobs = expand(study, "mini", select(study, "mini", "core"), seeds=[0, 1])
    jobs["structured", 1].parameters                     # what papermill hands to the notebook
    jobs["structured", 1].needs                          # (("base", 0), ("data", 0))

A job's fingerprint covers its notebook's name, its parameters, the content of the published files that they name, and
the fingerprints of the jobs that it needs. So a changed parameter changes the fingerprints of exactly that job and the
jobs that depend on it.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace

from o1lib.records import UserError, choose, nearest, project_root, sha256
from o1lib.study.experiments import EVERYTHING, SERVED, links_of, parameters_of, planned_seeds, seeds_of
from o1lib.study.resources import Resources, resources_of
from o1lib.study.specs import ScaleSpec, Study

Key = tuple[str, int]  # (row, seed)


@dataclass(frozen=True)
class Job:
    """One row at one seed: notebook, parameters, keys of the needed jobs, estimated seconds, and what it asks for.

    `twin_of` is the row that this one runs on another base ("" for others).
    """

    row: str
    seed: int
    notebook: str
    parameters: dict
    needs: tuple[Key, ...]
    seconds: float
    report: bool = False
    fingerprint: str = ""
    twin_of: str = ""
    resources: Resources = Resources()

    @property
    def key(self) -> Key:
        """The job's key: (row, seed)."""
        return self.row, self.seed

    @property
    def name(self) -> str:
        """The job's name in messages."""
        return f"{self.row} seed {self.seed}"


def scale_of(study: Study, name: str) -> ScaleSpec:
    """Return a scale of experiments.yaml. Raises UserError, which lists the scales, for an unknown one."""
    return choose(name, study.scales, "SCALE")


def select(study: Study, scale: str, rows: str = "") -> list[str]:
    """Return the row ids that `rows` names: "" (the scale's group), "all", or groups and rows between commas.

    "all" does not include rows that need a server. These run only if their group or name is given.
    Raises UserError for an unknown scale, group or row.
    """
    own = scale_of(study, scale).group
    groups = dict.fromkeys(group for row in study.rows.values() for group in row.groups)
    chosen = []
    for name in (rows or own).split(","):
        if name not in {"all", *groups, *study.rows}:
            raise UserError(
                f"unknown ROWS {name!r}: {nearest(name, ['all', *groups, *study.rows])}"
                if name
                else "ROWS has an empty name: write groups or rows between single commas"
            )
        chosen += [
            row
            for row, entry in study.rows.items()
            if name in (row, *entry.groups) or name == "all" and SERVED not in entry.groups
        ]
    return list(dict.fromkeys(chosen))


def seeds_to_run(study: Study, scale: str, named: Collection[str] = ()) -> dict[str, range]:
    """Return {row: seeds} with which rows run where SEEDS names none. `named` are the groups and rows of ROWS."""
    block = scale_of(study, scale)
    found = dict.fromkeys(study.rows, range(block.first_seed, block.first_seed + 1)) | planned_seeds(study, scale)
    for name in block.repeats.keys() & set(named):
        found |= seeds_of(study, block.repeats[name], block.first_seed)
    return found


def expand(study: Study, scale: str, rows: list[str], seeds: list[int], named: Collection[str] = ()) -> dict[Key, Job]:
    """Return the jobs of `rows` and of all rows that they need, each after its needs, with fingerprints.

    Without `seeds` each row has those of `seeds_to_run` for what ROWS named. Reports need every other job returned.
    Raises UserError for a link that is neither a row nor a folder.
    """
    jobs: dict[Key, Job] = {}

    def add(row: str, seed: int) -> Key:
        entry = study.rows[row]
        key = (row, 0 if entry.once else seed)
        if key not in jobs:
            values = parameters_of(study, scale, row)
            needs = dict.fromkeys(add(need, key[1]) for need in links_of(study, row, values) + entry.needs)
            jobs[key] = fingerprinted(_job(study, scale, key, values, tuple(needs)), jobs)
        return key

    reports = [row for row in rows if EVERYTHING in study.rows[row].needs]
    own = {} if seeds else seeds_to_run(study, scale, named)
    for seed in seeds or sorted({seed for row in rows for seed in own[row]}):
        for row in rows:
            if row not in reports and (seeds or seed in own[row]):
                add(row, seed)
    everything = tuple(jobs)
    for row in reports:
        job = _job(study, scale, (row, 0), parameters_of(study, scale, row), everything)
        jobs[row, 0] = fingerprinted(replace(job, report=True), jobs)
    return jobs


def _job(study: Study, scale: str, key: Key, values: dict, needs: tuple[Key, ...]) -> Job:
    row, seed = key
    block = study.scales[scale]
    notebook, seconds = study.rows[row].notebook, block.seconds
    common = {"row": row, "seed": seed, "scale": block.like or scale, "root": f"work/{scale}"}
    estimated = seconds.get(row, seconds.get(notebook, 0.0))
    asked, twin_of = resources_of(block.resources, notebook, row), study.rows[row].twin_of
    return Job(row, seed, notebook, values | common, needs, estimated, twin_of=twin_of, resources=asked)


def fingerprinted(job: Job, jobs: dict[Key, Job]) -> Job:
    """Return `job` with its fingerprint. `jobs` holds the jobs that it needs."""
    files = {
        name: sha256(project_root() / value)
        for name, value in sorted(job.parameters.items())
        if isinstance(value, str) and value.startswith("results/") and (project_root() / value).exists()
    }
    parts = [job.notebook, job.parameters, files, sorted(jobs[key].fingerprint for key in job.needs)]
    text = json.dumps(parts, sort_keys=True)
    return replace(job, fingerprint=hashlib.sha256(text.encode()).hexdigest()[:16])

"""What would have to be there when the study is done: rows and seeds expanded into jobs.

    study = experiments.read()
    jobs = expand(study, "mini", select(study, "mini", "core"), seeds=[0, 1])
    jobs["structured", 1].parameters                     # what papermill hands to the notebook
    jobs["structured", 1].needs                          # (("base", 0), ("data", 0))

A job's fingerprint covers its notebook's name, its parameters, the content of published files they name and the
fingerprints of what it needs; so a changed parameter changes the fingerprint of the job and of all its descendants,
and of nothing else.
"""

import hashlib
import json
from dataclasses import dataclass, replace

from o1lib.records import UserError, project_root, sha256
from o1lib.study.experiments import EVERYTHING, SERVED, ScaleSpec, Study, links_of, near, parameters_of

Key = tuple[str, int]  # (row, seed)


@dataclass(frozen=True)
class Job:
    """One row at one seed: a notebook, its parameters, the jobs it needs, an estimate of its seconds."""

    row: str
    seed: int
    notebook: str
    parameters: dict
    needs: tuple[Key, ...]
    seconds: float
    report: bool = False
    fingerprint: str = ""

    @property
    def key(self) -> Key:
        """(row, seed)"""
        return self.row, self.seed

    @property
    def name(self) -> str:
        """How the job is called in messages."""
        return f"{self.row} seed {self.seed}"


def scale_of(study: Study, name: str) -> ScaleSpec:
    """Return a scale of experiments.yaml. Raises UserError for an unknown one, naming those there are."""
    if name not in study.scales:
        raise UserError(f"unknown SCALE {name!r}: {near(name, study.scales)}")
    return study.scales[name]


def select(study: Study, scale: str, rows: str = "") -> list[str]:
    """Return the row ids meant by `rows`: "" (the scale's own group), "all", or groups and rows between commas.

    "all" leaves out rows that need a server, which run by group or by name only.
    Raises UserError for an unknown scale, group or row.
    """
    own = scale_of(study, scale).group
    groups = dict.fromkeys(group for row in study.rows.values() for group in row.groups)
    chosen = []
    for name in (rows or own).split(","):
        if name not in {"all", *groups, *study.rows}:
            raise UserError(
                f"unknown ROWS {name!r}: {near(name, ['all', *groups, *study.rows])}"
                if name
                else "ROWS has an empty name: write groups or rows between single commas"
            )
        chosen += [
            row
            for row, entry in study.rows.items()
            if name in (row, *entry.groups) or name == "all" and SERVED not in entry.groups
        ]
    return list(dict.fromkeys(chosen))


def expand(study: Study, scale: str, rows: list[str], seeds: list[int]) -> dict[Key, Job]:
    """Return the jobs of `rows` and of everything they need, each after its needs, with fingerprints.

    Reports need every other job returned here. Raises UserError as `read` does.
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
    for seed in seeds:
        for row in rows:
            if row not in reports:
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
    return Job(row, seed, notebook, values | common, needs, seconds.get(row, seconds.get(notebook, 0.0)))


def fingerprinted(job: Job, jobs: dict[Key, Job]) -> Job:
    """Return `job` with the fingerprint that its parameters and its needs among `jobs` give it."""
    files = {
        name: sha256(project_root() / value)
        for name, value in sorted(job.parameters.items())
        if isinstance(value, str) and value.startswith("results/") and (project_root() / value).exists()
    }
    parts = [job.notebook, job.parameters, files, sorted(jobs[key].fingerprint for key in job.needs)]
    text = json.dumps(parts, sort_keys=True)
    return replace(job, fingerprint=hashlib.sha256(text.encode()).hexdigest()[:16])

"""Estimate the seconds of jobs, from their records or else from the published records of their scale.

    about = Estimates(study, "mini")
    about.seconds(job, project_root() / "work" / "mini")
    about.basis                                              # "the records of results/mini"

Training time grows with the examples, scoring time with the questions (`o1lib.study.run_times`). The records may have
been made by a smaller model or for shorter answers, so a first run in earnest corrects the estimate.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from o1lib.data.splits import set_sizes
from o1lib.minivqa.testsets import TEST_SETS
from o1lib.records import load_all, project_root, shown
from o1lib.records.journals import read_json
from o1lib.study.experiments import parameters_of
from o1lib.study.jobs import Job
from o1lib.study.run_times import RunTimes
from o1lib.study.specs import Study
from o1lib.study.states import earlier, recorded, seeds_there

STARTING = 3.0  # seconds to start papermill and a kernel, which a record does not count
DRAWN = ("minivqa", "teacher")  # sources that draw Mini-VQA's test sets, with n_test lines each


@dataclass(frozen=True)
class Estimates:
    """Estimates for the jobs of a scale, from the study that results/ has of it or of the scale that it is like."""

    study: Study
    scale: str

    @cached_property
    def folder(self) -> Path | None:
        """The folder of the published study of the scale, or of the scale that it is like; None without one.

        An earlier study of that scale, which has a name of its own, comes last.
        """
        own = self.study.scales[self.scale].like or self.scale
        results = project_root() / "results"
        named = [results / name for name in (self.scale, own) if (results / name / "runs").is_dir()]
        return named[0] if named else next(filter(_of_scale(own), sorted(results.glob("*"), reverse=True)), None)

    @property
    def basis(self) -> str:
        """The records behind the estimates in words, "" without any."""
        return f"the records of {shown(self.folder)}" if self.folder else ""

    def seconds(self, job: Job, root: Path) -> float:
        """Return a job's seconds by its earlier record, its record, another seed's, published ones or experiments.yaml.

        `root` is the folder of the scale's runs.
        """
        others = [replace(job, seed=seed) for seed in sorted(seeds_there(root, job.row))]
        known = [record.provenance for record in (earlier(job), *map(recorded, [job, *others])) if record]
        measured = [entry["seconds"] for entry in known if "seconds" in entry] or [self._published(job)]
        return job.seconds if measured[0] is None else measured[0] + STARTING

    def _published(self, job: Job) -> float | None:
        """Return the seconds of a job by the published records, None where none is like it."""
        if self._times is None or job.report:
            return None
        if job.notebook not in {record.notebook for record in self._times.records}:
            return None
        return self._times.seconds(job, self._sizes(job.parameters))

    @cached_property
    def _times(self) -> RunTimes | None:
        return RunTimes(self.study, self.scale, load_all(self.folder)) if self.folder else None

    def _sizes(self, parameters: Mapping) -> dict[str, int]:
        """Return {test set: lines} of the dataset that a row with these parameters is asked, {} if it is no row's."""
        data = str(parameters.get("data") or "")
        made = parameters_of(self.study, self.scale, data) if data in self.study.rows else {}
        if not isinstance(lines := made.get("n_test"), int):
            return {}
        if made.get("source", DRAWN[0]) not in DRAWN:
            return {data: lines}
        return set_sizes(lines, made.get("n_test_by_set", ""), TEST_SETS)


def _of_scale(scale: str) -> Callable[[Path], bool]:
    """Return the function that tells whether a folder holds a study of the scale, by the record of its dataset."""

    def is_of(folder: Path) -> bool:
        made = read_json(folder / "runs" / "data" / "seed0" / "record.json")
        return bool(made) and made.get("scale") == scale

    return is_of

"""Name the shipped bases that a plan needs and that are not there, with the command that trains each of them.

    missing_bases(study, plan)[0]      # "results/checkpoints/mini-base-1 is not there: run `make base SCALE=mini ..."

Rows of notebook 00 copy a shipped base. Without it, every row that starts from it would fail, hours into a study.
"""

from o1lib.records import project_root
from o1lib.study.experiments import BASE
from o1lib.study.plan import StudyPlan
from o1lib.study.specs import Study


def missing_bases(study: Study, plan: StudyPlan) -> list[str]:
    """Return a sentence for each missing base of the rows that have to run, [] if none is missing."""
    needed = [entry.job.parameters.get("checkpoint") for entry in plan.due if entry.job.notebook == BASE]
    missing = [str(name) for name in needed if name and not (project_root() / str(name) / "config.json").is_file()]
    return [f"{name} is not there: {_remedy(study, plan.scale, name)}" for name in missing]


def _remedy(study: Study, scale: str, name: str) -> str:
    """Return what makes the base `name`; other seeds than 0 have the seed at the end of their name."""
    block = study.scales[scale]
    first = str(block.notebooks.get(BASE, {}).get("checkpoint", ""))
    seed = name.removeprefix(f"{first}-")
    if not block.base and not block.like or name != first and not seed.isdigit():
        return "put a base there, or name another `checkpoint` in experiments.yaml"
    return f"run `make base SCALE={block.like or scale}{'' if name == first else f' SEEDS={seed}'}` first"

"""Say what a plan would train on silently: rates chosen with another base, no rate at all, or a base that cannot read.

    unchosen_rates(study, plan)[0]     # "filler has no learning rate of its own at scale mini: ..."
    unproven_bases(plan)               # ["results/checkpoints/mini-base has no record of a passed reading gate, ..."]

A scale whose `rates_of` names a base has its learning rates from tries with that base. `study` refuses arms without a
chosen rate. A base that misses the gate is published as it is, so that is told and not refused.
"""

from o1lib.records import load, project_root, sha256
from o1lib.records.store import RECORD
from o1lib.study.experiments import BASE
from o1lib.study.plan import StudyPlan
from o1lib.study.rates import ARMS, GROUP, TRIES
from o1lib.study.specs import ScaleSpec, Study

WEIGHTS = "model.safetensors"
REMEDY = f"run `make study ROWS={GROUP}`, enter what `.venv/bin/python -m o1lib rates` prints in experiments.yaml"


def unchosen_rates(study: Study, plan: StudyPlan) -> list[str]:
    """Return a sentence for each reason why arms that have to run have no chosen learning rate, [] if there is none.

    Tries of a rate name it themselves and count as chosen.
    """
    block = study.scales[plan.scale]
    arms = [entry.job.row for entry in plan.due if entry.job.notebook == ARMS]
    arms = [row for row in dict.fromkeys(arms) if not TRIES & set(study.rows[row].groups)]
    if not block.rates_of or not arms:
        return []
    without = [row for row in arms if "learning_rate" not in study.rows[row].parameters | block.rows.get(row, {})]
    told = (
        [f"{', '.join(without)}: no learning rate was chosen for scale {plan.scale}: {REMEDY} first"] if without else []
    )
    return told + _of_another_base(block, plan.scale)


def _of_another_base(block: ScaleSpec, scale: str) -> list[str]:
    folder = str(block.notebooks.get(BASE, {}).get("checkpoint", ""))
    path = project_root() / folder / WEIGHTS
    if not folder or not path.is_file() or (digest := sha256(path)).startswith(block.rates_of):
        return []
    return [
        f"the learning rates of scale {scale} were chosen with another base than {folder}: {REMEDY}, "
        f"and set `rates_of: {digest[:16]}` there"
    ]


def unproven_bases(plan: StudyPlan) -> list[str]:
    """Return a sentence for each shipped base of a plan whose record has no passed reading gate, [] if none is such."""
    if not plan.due:
        return []
    from o1lib.analysis.claims.gates import reads  # imports pandas

    named = dict.fromkeys(entry.job.parameters.get("checkpoint") for entry in plan.jobs if entry.job.notebook == BASE)
    folders = {str(name): project_root() / str(name) for name in named if name}
    return [
        f"{name} has no record of a passed reading gate, so this study cannot tell which ingredient works: "
        "`.venv/bin/python -m o1lib gate` measures it"
        for name, folder in folders.items()
        if (folder / WEIGHTS).is_file() and not ((folder / RECORD).is_file() and reads(load(folder)))
    ]

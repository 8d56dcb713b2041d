"""Several processes: start them, and refuse to train when there are not as many as were asked for.

Some launchers say nothing and run one process (accelerate with `--cpu --num_processes 2`), or copy the model to every
process where sharding was asked for (accelerate's FSDP without GPUs). So `fit` checks what it really got.

    launch(8, ["--scale", "paper", "--base", ""])       # torchrun with eight workers on this machine
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence

from o1lib.records import UserError, project_root


def world() -> int:
    """Return how many processes train together, as the launcher's environment says."""
    return int(os.environ.get("WORLD_SIZE", 1))


def launch(processes: int, arguments: Sequence[str], module: str = "o1lib.train") -> None:
    """Run `python -m module arguments` in `processes` processes on this machine by torchrun.

    Raises UserError when one of them fails; its words have been printed by then.
    """
    paths = os.pathsep.join(filter(None, (str(project_root()), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    done = subprocess.run([*command, "-m", module, *arguments], env=os.environ | {"PYTHONPATH": paths})
    if done.returncode:
        raise UserError(
            f"training in {processes} processes failed (exit code {done.returncode}): see what is printed above"
        )


def check(accelerator, asked: int, sharded: bool) -> None:
    """Raise UserError unless `asked` processes take part (0: any number) and share the weights if `sharded`."""
    got, kind = accelerator.num_processes, accelerator.distributed_type.value
    if asked and got != asked:
        raise UserError(
            f"{asked} processes were asked for but {got} came: start it by `python -m o1lib.train "
            f"--processes {asked}` or `torchrun --nproc_per_node {asked}` (others may silently run one)"
        )
    if sharded and kind != "FSDP":
        raise UserError(
            f"the weights were to be sharded over {got} process(es) but would be copied to each ({kind}): "
            "FSDP needs GPUs; take them, or a scale whose model fits one process"
        )


def first_decides(decide: Callable):
    """Return what `decide()` gives in the first process, in every process; the others do not call it."""
    if world() == 1:
        return decide()
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list([decide() if PartialState().is_main_process else None])[0]

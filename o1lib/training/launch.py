"""Training in several processes: start them, and check that the launcher gave what was asked for.

Some launchers silently run one process (accelerate with `--cpu --num_processes 2`). Others copy the model to every
process instead of sharding it (accelerate's FSDP without GPUs). So `fit` checks what it got.

    launch(8, ["--scale", "paper", "--base", ""])       # torchrun with eight workers on this machine
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence

from o1lib.records import UserError, project_root


def world() -> int:
    """Return the number of training processes, from the environment that the launcher set."""
    return int(os.environ.get("WORLD_SIZE", 1))


def launch(processes: int, arguments: Sequence[str], module: str = "o1lib.train") -> None:
    """Run `python -m module arguments` with torchrun in `processes` processes on this machine.

    Raises UserError when one of them fails. Its own message has been printed by then.
    """
    paths = os.pathsep.join(filter(None, (str(project_root()), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    done = subprocess.run([*command, "-m", module, *arguments], env=os.environ | {"PYTHONPATH": paths})
    if done.returncode:
        raise UserError(
            f"training in {processes} process(es) failed with exit code {done.returncode}: see the message above"
        )


def check(accelerator, asked: int, sharded: bool) -> None:
    """Raise UserError unless `asked` processes run (0: any number), and unless they shard the weights if `sharded`."""
    got, kind = accelerator.num_processes, accelerator.distributed_type.value
    if asked and got != asked:
        raise UserError(
            f"{asked} processes were requested but {got} started: use `.venv/bin/python -m o1lib.train --processes "
            f"{asked}` or `torchrun --nproc_per_node {asked}`; other launchers may silently run one process"
        )
    if sharded and kind != "FSDP":
        raise UserError(
            f"the recipe shards the weights over {got} process(es), but the launcher would copy them to each ({kind}): "
            "FSDP needs GPUs; run on GPUs, or choose a scale whose model fits one process"
        )


def first_decides(decide: Callable):
    """Call `decide()` in the first process only, and return its result in every process."""
    if world() == 1:
        return decide()
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list([decide() if PartialState().is_main_process else None])[0]

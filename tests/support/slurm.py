"""Commands of Slurm that run a job at once on this machine: sbatch, srun, sacct, squeue, sinfo, scancel and so on.

bin = make_slurm(tmp_path / "slurm")         # put it at the front of PATH
submitted(bin)                               # the arguments of each call of sbatch
"""

import json
import sys
from pathlib import Path

COMMANDS = ("sbatch", "srun", "sacct", "squeue", "sinfo", "scancel", "scontrol", "sacctmgr", "sshare")
SCRIPT = """#!{python}
import json, os, subprocess, sys
from pathlib import Path

here, name, words = Path(__file__).parent, Path(sys.argv[0]).name, sys.argv[1:]
log = here / f"{{name}}.jsonl"
with open(log, "a") as file:
    file.write(json.dumps(words) + "\\n")
if name == "sbatch":
    number = str(len(log.read_text().splitlines()))
    wrapped = next(word for word in words if word.startswith("--wrap=")).removeprefix("--wrap=")
    state = here / f"{{number}}.state"
    state.write_text("RUNNING")
    work = f"({{wrapped}}) && echo COMPLETED > '{{state}}.new' || echo FAILED > '{{state}}.new'"
    out = open(here / f"{{number}}.log", "w")
    subprocess.Popen(
        ["bash", "-c", f"{{work}}; mv '{{state}}.new' '{{state}}'"],
        env=os.environ | {{"SLURM_JOB_ID": number}}, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    print(number)
elif name == "srun":
    first = next(k for k, word in enumerate(words) if not word.startswith("-"))
    os.execvp(words[first], words[first:])
elif name in ("sacct", "squeue"):
    for path in sorted(here.glob("*.state")):
        print(f"{{path.stem}}|{{path.read_text().strip()}}")
elif name == "sinfo":
    print("PARTITION\\nany*")
"""


def make_slurm(folder: Path) -> Path:
    """Write the commands into `folder` and return it. Each call is logged in a file of its name."""
    folder.mkdir(parents=True)
    for name in COMMANDS:
        path = folder / name
        path.write_text(SCRIPT.format(python=sys.executable), encoding="utf8")
        path.chmod(0o755)
    return folder


def calls(folder: Path, name: str) -> list[list[str]]:
    """Return the arguments of each call of a command."""
    path = folder / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()] if path.exists() else []

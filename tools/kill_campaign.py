"""Kill runs at random and compare what they end with: `make bench-kills KILLS=100` writes work/bench/kills.{json,md}.

Training, search, teacher and study (tools/kill_parts.py) are run once without a kill. Then each is started again and
again, ended with SIGKILL one to three times at random moments, and finished. Its final weights, records and datasets
are compared with those of the first run. An interrupted campaign goes on with the same command.

    PYTHONPATH=tests python tools/kill_campaign.py --kills 100 --seed 0 --publish
"""

import os
import random
import shutil
import statistics
import time
from contextlib import closing
from pathlib import Path

import typer
from kill_parts import PARTS, Part
from tqdm import tqdm

from o1lib.records import UserError, atomic_file, code_hash, commit, project_root, sha256, write_json
from o1lib.records.journals import Journal

SHARES = {"training": 0.45, "search": 0.2, "teacher": 0.2, "study": 0.15}  # of the kills
MOST = 3  # kills of one run
PATIENCE = 600.0  # seconds after which a run counts as stuck


def bench(
    kills: int = typer.Option(100, min=1, max=10_000, help="number of kills in all"),
    seed: int = typer.Option(0, help="seed of the moments of the kills"),
    parts: str = typer.Option("training,search,teacher,study", help="parts, between commas"),
    publish: bool = typer.Option(False, help="also write the table to results/kills.md, from 100 kills on"),
) -> None:
    """Run the campaign, print its table, and write it. The exit code is 1 if a result differs."""
    # neither threads nor a GPU survive a fork
    os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": ""}
    chosen = parts.split(",")
    if unknown := [name for name in chosen if name not in PARTS]:
        raise UserError(f"unknown part {unknown[0]!r}: use {', '.join(PARTS)}")
    home = project_root() / "work" / "bench" / "kills"
    home.mkdir(parents=True, exist_ok=True)
    runs = campaign(quotas(kills, chosen), seed, home)
    found = {"seed": seed, "commit": commit()[0], "cores": os.cpu_count(), "runs": runs}
    write_json(home.with_suffix(".json"), found)
    text = table(found)
    published = [project_root() / "results" / "kills.md"] if publish and kills >= 100 else []
    for path in [home.with_suffix(".md"), *published]:
        with atomic_file(path) as part:
            part.write_text(text, encoding="utf8")
    print(text)
    raise typer.Exit(0 if all(run["same"] for run in runs) else 1)


def quotas(kills: int, chosen: list[str]) -> dict[str, int]:
    """Return the number of kills of each chosen part: its share of all, at least one."""
    whole = sum(SHARES[name] for name in chosen)
    found = {name: max(1, round(kills * SHARES[name] / whole)) for name in chosen}
    found[chosen[0]] = max(1, found[chosen[0]] + kills - sum(found.values()))
    return found


def campaign(wanted: dict[str, int], seed: int, home: Path) -> list[dict]:
    """Kill each part as often as wanted, and return one dict for each run: part, number, kills, same, seconds.

    A kill is a dict with `after`, the seconds since the last start, and `done`, the units that were kept then. What the
    journal in `home` holds of the same code and seed is not run again.
    """
    tools = [sha256(path) for path in sorted(Path(__file__).parent.glob("kill_*.py"))]
    settings = {"seed": seed, "code": code_hash(), "tools": tools}
    journal = Journal(home / "runs.jsonl", settings, _kept, "those runs are made again")
    runs = list(journal.entries)
    for name, kills in wanted.items():
        before = [run for run in runs if run["part"] == name]
        left = kills - sum(len(run["kills"]) for run in before)
        if left <= 0:
            continue
        with (
            closing(PARTS[name](home)) as part,
            tqdm(total=kills, initial=kills - left, desc=name, unit="kill") as bar,
        ):
            reference, seconds = _reference(part, home / name)
            while left > 0:
                number = len(before)
                rng = random.Random(f"{seed}/{name}/{number}")
                made = one_run(part, home / name / f"run{number}", reference, seconds, rng, min(left, MOST))
                made = {"part": name, "number": number, "total": part.total, "unit": part.unit} | made
                journal.add(made)
                before.append(made)
                runs.append(made)
                left -= len(made["kills"])
                bar.update(len(made["kills"]))
    return runs


def _kept(line: dict) -> dict:
    """Return a run of the journal. Raises KeyError for a line of another form."""
    return {name: line[name] for name in ("part", "number", "total", "unit", "kills", "same", "seconds", "problem")}


def _reference(part: Part, home: Path) -> tuple[dict, float]:
    """Return the result of a run without a kill, and its seconds. Raises UserError if it fails."""
    folder = _empty(home / "reference")
    began = time.monotonic()
    code = _finish(part.start(folder))
    result = part.result(folder)
    if code != 0 or result is None:
        raise UserError(f"{part.name} failed without any kill: read {folder / 'log.txt'}")
    return result, time.monotonic() - began


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _finish(process) -> int:
    """Wait for a process and return its exit code; one that is stuck is killed."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None:
        if time.monotonic() > end:
            process.kill(random.Random(0))
        time.sleep(0.01)
    return process.poll()


def one_run(part: Part, folder: Path, reference: dict, seconds: float, rng: random.Random, most: int) -> dict:
    """Start a part, kill it one to `most` times, let it finish, and compare its result with the reference."""
    began, kills, problem = time.monotonic(), [], ""
    _empty(folder)
    for _ in range(rng.randint(1, most)):
        process, start = part.start(folder), time.monotonic()
        moment = start + rng.uniform(0.02, 0.85) * seconds
        while process.poll() is None and time.monotonic() < moment:
            time.sleep(0.005)
        if process.poll() is not None:
            break  # it was faster than the moment drawn
        process.kill(rng)
        _finish(process)
        kills.append({"after": round(time.monotonic() - start, 3), "done": part.done(folder)})
    code = _finish(part.start(folder))
    result = part.result(folder)
    if code or result is None:
        problem = f"it ended with exit code {code}"
    elif not part.same(reference, result):
        problem = "its result differs"
    if not problem:
        shutil.rmtree(folder)
    return {"kills": kills, "same": not problem, "problem": problem, "seconds": round(time.monotonic() - began, 1)}


def table(found: dict) -> str:
    """Return the campaign as a Markdown page with one line for each part."""
    lines = [_line(name, [run for run in found["runs"] if run["part"] == name]) for name in SHARES]
    shown = [line for line in lines if line]
    kills = sum(len(run["kills"]) for run in found["runs"])
    equal = sum(run["same"] for run in found["runs"])
    head = [
        "# Random kills",
        "",
        f"`make bench-kills KILLS={kills}` ended runs with SIGKILL at {kills} random moments (seed {found['seed']}, "
        f"commit `{found['commit'][:10]}`) and started them again. {equal} of {len(found['runs'])} runs ended with the "
        "result of a run without a kill. Weights, datasets, texts, choices and counts are compared exactly; "
        "log-probabilities of a search to 1e-4, because a resumed search decodes other questions in the same batch.",
        "",
        f"The table is of the code of that commit. `git diff --stat {found['commit'][:10]} -- o1lib` names what has "
        "changed since; the table says nothing about it.",
        "",
        "A kill in the middle is one after which the next start found finished work, but not all of it.",
        "",
        "| part | runs | kills | in the middle | kept at a kill: least, median, most | same result | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *shown, ""])


def _line(name: str, runs: list[dict]) -> str:
    done = [kill["done"] for run in runs for kill in run["kills"]]
    if not done:
        return ""
    total, unit = runs[0]["total"], runs[0]["unit"]
    middle = sum(0 < one < total for one in done)
    spread = f"{min(done)}, {statistics.median(done):g}, {max(done)} of {total} {unit}"
    seconds = sum(run["seconds"] for run in runs)
    right = sum(run["same"] for run in runs)
    return f"| {name} | {len(runs)} | {len(done)} | {middle} | {spread} | {right} of {len(runs)} | {seconds:.0f} |"


if __name__ == "__main__":
    from o1lib.cli.app import as_command

    as_command(bench)

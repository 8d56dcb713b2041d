"""How fast questions are taught, and in how much memory: `make bench-teacher` prints it, nothing asserts it.

A real server in a process of its own, with every fault of tests/support/faulty.py; the library's own loop, log and dataset.

    PYTHONPATH=tests python tools/bench_teacher.py 10000 --concurrency 32
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from support import faulty

from o1lib.data.annotation import build
from o1lib.data.annotation.teacher import Served
from o1lib.models.endpoint import Endpoint


def watched(outcomes, every, began):
    """Yield the outcomes and print memory and speed now and then."""
    for number, outcome in enumerate(outcomes, 1):
        if number % every == 0:
            memory = psutil.Process().memory_info().rss / 2**20
            speed = number / (time.perf_counter() - began)
            print(f"{number:>8,} items  {speed:6.0f} items/s  {memory:6.1f} MiB", flush=True)
        yield outcome


def main():
    """Teach n items against a server process and print what it took."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("n", type=int, nargs="?", default=10_000)
    parser.add_argument("--concurrency", type=int, default=32)
    options = parser.parse_args()
    server = subprocess.Popen([sys.executable, faulty.__file__], stdout=subprocess.PIPE, text=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            teach(Path(folder), server.stdout.readline().strip(), options, psutil.Process(server.pid))
    finally:
        server.kill()
        server.wait()


def teach(folder, url, options, server):
    """Make the dataset once over the wire and once more from the log."""
    items = faulty.items(folder / "raw", options.n)
    annotate = build.annotate
    for name in ("asked", "from the log"):
        teacher = Served(Endpoint(url, "m", folder / "log.jsonl", options.concurrency))
        began, cpu, theirs = time.perf_counter(), time.process_time(), sum(server.cpu_times()[:2])
        build.annotate = lambda *words, began=began: watched(annotate(*words), max(1, options.n // 4), began)
        ends = build.build_dataset(items, folder / name, teacher)
        wall, cpu, theirs = time.perf_counter() - began, time.process_time() - cpu, sum(server.cpu_times()[:2]) - theirs
        print(
            f"{name}: {options.n / wall:.0f} items/s; CPU an item {1000 * cpu / options.n:.2f} ms, the server's "
            f"{1000 * theirs / options.n:.2f} ms; {ends}; {teacher.endpoint.usage.facts()}"
        )


if __name__ == "__main__":
    main()

"""Measure speed and memory of annotation by a served teacher. `make bench-teacher` prints them; no test asserts them.

The server runs in a process of its own and has every fault of tests/support/faulty.py. The loop, the log and the
dataset are the library's.

    PYTHONPATH=tests python tools/bench_teacher.py 10000 --concurrency 32
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from bench_load import mark, quiet, said_plainly
from support import faulty

from o1lib.data.annotation import build
from o1lib.data.annotation.teacher import Served
from o1lib.models.endpoint import Endpoint


def monitored(results, every, began):
    """Yield the results, and print speed and memory after every `every` of them."""
    for number, result in enumerate(results, 1):
        if number % every == 0:
            memory = psutil.Process().memory_info().rss / 2**20
            speed = number / (time.perf_counter() - began)
            print(f"{number:>8,} items  {speed:6.0f} items/s  {memory:6.1f} MiB", flush=True)
        yield result


def main():
    """Annotate n items with a server process, and print speed, memory and CPU time."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("n", type=int, nargs="?", default=10_000)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--loaded", action="store_true", help="measure on a loaded machine too, and mark the figures")
    options = parser.parse_args()
    with said_plainly("bench_teacher"), quiet(options.loaded) as load:
        lines = measured(options)
    print(mark(load.facts()), *lines, sep="\n")


def measured(options) -> list[str]:
    """Return the lines of the table, measured with a server process of its own."""
    server = subprocess.Popen([sys.executable, faulty.__file__], stdout=subprocess.PIPE, text=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return list(measure(Path(folder), server.stdout.readline().strip(), options, psutil.Process(server.pid)))
    finally:
        server.kill()
        server.wait()


def measure(folder, url, options, server):
    """Build the dataset twice, from the server's replies and from the log of replies; yield a line for each."""
    items = faulty.items(folder / "raw", options.n)
    annotate = build.annotate
    for name in ("from the server", "from the log"):
        teacher = Served(Endpoint(url, "m", folder / "log.jsonl", options.concurrency))
        began, own, remote = time.perf_counter(), time.process_time(), sum(server.cpu_times()[:2])
        build.annotate = lambda *given, began=began: monitored(annotate(*given), max(1, options.n // 4), began)
        ends = build.build_dataset(items, folder / name, teacher)
        wall, own = time.perf_counter() - began, time.process_time() - own
        remote = sum(server.cpu_times()[:2]) - remote
        yield (
            f"{name}: {options.n / wall:.0f} items/s; CPU time per item {1000 * own / options.n:.2f} ms, of the server "
            f"{1000 * remote / options.n:.2f} ms; {ends}; {teacher.endpoint.usage.facts()}"
        )


if __name__ == "__main__":
    main()

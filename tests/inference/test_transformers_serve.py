"""A search over `transformers serve`, which ignores `n` and refuses an open assistant turn: the fallbacks, for real.

Skipped where the packages of that command (fastapi, uvicorn) are not installed.
"""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from support import tiny

from o1lib.inference.served.decoder import ServedDecoder
from o1lib.models.checkpoint import save
from o1lib.models.endpoint import Endpoint
from o1lib.search.judges import make_judge
from o1lib.search.methods import make_search
from o1lib.search.scheduler import run_searches

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """(URL, model name) of a server of the small trained model."""
    folder = save(*tiny.trained(), tmp_path_factory.mktemp("arm") / "model")
    settings = folder / "generation_config.json"  # this server samples only if the checkpoint says so
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"do_sample": True}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("transformers"), "serve", folder, "--device", "cpu", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until_up(server, port)
        yield f"http://127.0.0.1:{port}/v1", str(folder)
    finally:
        server.kill()
        server.wait()


def _until_up(server, port):
    for _ in range(900):
        assert server.poll() is None, "the server ended"
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
        except OSError:
            time.sleep(1)
    raise AssertionError("the server is not up")


def test_as_many_candidates_a_round_as_in_the_local_search(address, tmp_path):
    tasks = tiny.coloured_tasks(2)
    with Endpoint(*address, log=tmp_path / "replies.jsonl", concurrency=4, attempts=2) as endpoint:
        decoder = ServedDecoder(endpoint, temperature=1.0, max_new_tokens=30, short=True)
        judge = make_judge("self", decoder=decoder)
        found = run_searches([make_search("stage_beam", 4)(task, 4) for task in tasks], decoder, judge)
        print(decoder.abilities.text(), decoder.abilities.consequences())
    assert not decoder.abilities.n and not decoder.abilities.continuation and not decoder.abilities.logprobs
    for one in found:
        assert [len(played.candidates) for played in one.rounds] == [4] * len(one.rounds)
        assert one.usage.calls == sum(4 + 2 * 3 for _ in one.rounds), "a request for each candidate and each verdict"
        assert one.rounds[0].candidates[0].text.startswith("<SUMMARY>")
    assert not decoder.failures

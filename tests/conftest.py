"""What the tests share: no network, one core a process, patience on a busy machine, and the smallest real model."""

import os
from contextlib import contextmanager

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin while they wait slow a busy machine down

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


# What takes longest starts first, so that at the end no process waits for another. Files stay whole (--dist loadfile).
LONGEST = ("test_whole_study.py", "test_published_claims.py", "test_runner.py", "test_fit.py", "test_parallel.py")


def pytest_collection_modifyitems(items):
    """Put the tests of the longest files first; the order is otherwise as collected."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_terminal_summary(terminalreporter):
    """Say at the end of a run what tests measured, which tests in a browser were skipped, and what those need."""
    from support.browsers import lacking

    for one in terminalreporter.stats.get("passed", []):
        for told in (value for name, value in one.user_properties if name == "measured"):
            terminalreporter.write_line(told)
    reports = terminalreporter.stats.get("skipped", [])
    told = lacking([one.longrepr[2] for one in reports if isinstance(one.longrepr, tuple)])
    for line in told:
        terminalreporter.write_line(f"WARNING: {line}", yellow=True, bold=True)


@pytest.fixture(scope="session")
def tiny():
    """(model, processor) of scale smoke with random weights; whoever changes the model works on a copy."""
    from o1lib.models.presets import build

    return build("smoke")


@pytest.fixture(scope="session")
def tiny_folder(tiny, tmp_path_factory):
    """The same, saved."""
    from o1lib.models.presets import save

    return save(*tiny, tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture
def small_files():
    """A context manager: inside, no file can grow beyond so many bytes, as on a disk that fills up."""

    @contextmanager
    def limited(size):
        resource = pytest.importorskip("resource")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited

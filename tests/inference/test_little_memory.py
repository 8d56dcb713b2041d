"""Memory that runs out once, wherever it does, costs time and changes nothing: candidates, their cost, their number."""

import pytest
import torch
from support import tiny

from o1lib.inference import continuous_batch
from o1lib.inference.decoder import Decoder
from o1lib.inference.kv_cache import BatchedCache
from o1lib.inference.model_runner import ModelRunner
from o1lib.records import UserError
from o1lib.search.segments import StageSpec
from o1lib.search.types import GenerationRequest

TURNS = (StageSpec("summary"), StageSpec("caption", turn="Now the caption?"), StageSpec("conclusion", turn="So?"))
PLACES = {
    "finished rows leave": (BatchedCache, "take"),
    "rows change places": (BatchedCache, "change"),
    "tokens are read": (BatchedCache, "read"),
    "a turn is read": (ModelRunner, "extend"),
    "tokens are drawn": (continuous_batch, "nucleus_sample"),
}


def proposed():
    """Return what eight candidates of two questions, over three turns, came to."""
    speaker = Decoder(*tiny.model_and_processor(), temperature=1.5, max_new_tokens=3, rows=8, replayed=False)
    requests = [GenerationRequest(task, None, TURNS, n=4) for task in tiny.tasks(2, TURNS)]
    found = [one for own in speaker.propose(requests) for one in own]
    return [(one.index, one.state.ids, one.cost.generated, one.cost.prefilled, one.cost.calls) for one in found]


def running_out(monkeypatch, place, at):
    """Let memory run out at one call of a function; return the number of its calls so far, in a list."""
    owner, name = PLACES[place]
    whole, calls = getattr(owner, name), [0]

    def once(*args, **how):
        calls[0] += 1
        if calls[0] == at:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(*args, **how)

    monkeypatch.setattr(owner, name, once)
    return calls


@pytest.mark.filterwarnings("ignore:a batch of:UserWarning")
@pytest.mark.parametrize("place", PLACES)
def test_memory_that_runs_out_once_changes_no_candidate(monkeypatch, place):
    with monkeypatch.context() as patch:
        calls = running_out(patch, place, at=0)
        expected = proposed()
    first = 1 if place in ("a turn is read", "tokens are drawn") else 3  # before that, prompts are read
    tried = range(first, calls[0] + 1, max(1, calls[0] // 4))
    assert len(tried) > 1
    for at in tried:
        with monkeypatch.context() as patch:
            running_out(patch, place, at)
            assert proposed() == expected, f"call {at}"


def test_candidates_that_share_a_row_too_large_for_memory_are_refused(monkeypatch):
    [task], speaker = tiny.tasks(1), Decoder(*tiny.model_and_processor(), max_new_tokens=4, replayed=False)
    speaker.propose([GenerationRequest(task, None, task.stages)])

    def full(*_, **how):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(BatchedCache, "read", full)
    with pytest.raises(UserError, match="q0 does not fit .* even alone"):
        speaker.propose([GenerationRequest(task, None, task.stages, n=4, greedy=True)])

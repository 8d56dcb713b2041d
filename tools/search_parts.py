"""The measurements of bench_search.py. Each returns a plain dict.

    parts = Trained(folder, questions=256, reference=12)
    parts.searches()["engine_seconds"]                  # {"likelihood": ..., "self": ...} per question

Seconds are pairs: wall-clock time, and CPU time of this process. CPU time does not depend on other jobs of the machine.
"""

import time
from contextlib import contextmanager

import numpy as np
import torch
from random_smolvlm import random_smolvlm

from o1lib.evaluation.answer import load_model
from o1lib.evaluation.judge_pairs import known_pairs
from o1lib.evaluation.run import AT_ONCE
from o1lib.inference.decoder import Decoder
from o1lib.inference.kv_cache import BatchedCache
from o1lib.inference.sequential import SequentialDecoder
from o1lib.minivqa import mixture
from o1lib.minivqa.testsets import TEST_SETS, test_set
from o1lib.models.presets import device_and_dtype
from o1lib.records import project_root
from o1lib.search.judges import accuracy_on_pairs, make_judge
from o1lib.search.methods import make_search, task_for
from o1lib.search.scheduler import run_searches
from o1lib.search.segments import StageSpec
from o1lib.search.types import Task, Usage

N = 4
CANDIDATES = (1, 2, 4, 8, 16)  # of the curve of cost against N
BATCHES = (32, 64, 128, 256)  # of plain sampling
TOKENS = 192  # maximum of one stage
JUDGES = ("likelihood", "self")
PAIRS = 100
BASE = "results/checkpoints/mini-base"
CURVE_QUESTIONS = 32


class Trained:
    """Measurements on a trained checkpoint; `reference` of the questions are also searched one at a time."""

    def __init__(self, folder, questions: int, reference: int):
        self.model, self.processor = load_model(folder)  # on the GPU, if there is one
        items = [item for name in TEST_SETS for item in test_set(name, 4 * (questions // (4 * len(TEST_SETS)) + 1))]
        tasks = [task_for(item.qid, item.question, item.image, "tags") for item in items]
        self.tasks = [tasks[k * len(tasks) // questions] for k in range(questions)]
        self.few = [self.tasks[k * questions // reference] for k in range(reference)]
        self.length = self.tokens = 0  # tokens of a whole answer and of all candidates, set by `searches`

    def searches(self) -> dict:
        """Return seconds and tokens per question of both engines with both judges, and image encodings per question."""
        found = {"engine_seconds": {}, "engine_seconds_beside": {}, "reference_seconds": {}, "engine_ledger": {}}
        most = 0.0
        for judge in JUDGES:
            fast = self._fast()
            with rows_seen(self.model) as rows:
                seconds, usage = searched(fast, self.tasks, judge)
            most = max(most, sum(rows) / len(self.tasks))
            half = len(self.few) // 2 or 1
            slow = SequentialDecoder(self.model, self.processor, max_new_tokens=TOKENS)
            first, _ = searched(slow, self.few[:half], judge)
            beside, _ = searched(self._fast(), self.tasks, judge)
            second, _ = searched(slow, self.few[half:], judge) if self.few[half:] else (np.zeros(2), Usage())
            found["engine_seconds"][judge] = seconds / len(self.tasks)
            found["engine_seconds_beside"][judge] = beside / len(self.tasks)
            found["reference_seconds"][judge] = (first + second) / len(self.few)
            found["engine_ledger"][judge] = [value / len(self.tasks) for value in usage.astuple()[:5]]
            if judge == "likelihood":
                self.length = round(usage.generated / len(self.tasks) / N)
                self.tokens = usage.generated
                found |= {"engine_tokens_seconds": np.minimum(seconds, beside), "tokens": usage.generated}
        return found | {"image_encodings_per_question": most}

    def plain(self) -> dict:
        """Return the seconds of plain sampling of as many tokens at its fastest batch size, and all rates."""
        rates, decoder = {}, Decoder(self.model, self.processor)
        for batch in BATCHES:
            inputs = self._inputs(decoder, self.tasks[: batch // N])
            start = now()
            self._sampled(inputs, num_return_sequences=N, min_new_tokens=self.length)
            rates[batch] = batch * self.length / (now() - start)
        best = np.max(list(rates.values()), axis=0)
        return {
            "plain_tokens_a_second": {batch: list(rate) for batch, rate in rates.items()},
            "plain_seconds": self.tokens / best,
        }

    def generate(self) -> dict:
        """Return tokens per second of the released procedure and of plain sampling at batch 1, measured alternately."""
        slow, plain = (
            SequentialDecoder(self.model, self.processor, max_new_tokens=TOKENS),
            Decoder(self.model, self.processor),
        )
        tokens, seconds = np.zeros(2), np.zeros((2, 2))
        for task in self.few:
            spent, usage = searched(slow, [task], "likelihood")
            start = now()
            for _ in range(N):
                inputs = self._inputs(plain, [task])
                tokens[1] += self._sampled(inputs).shape[1] - inputs["input_ids"].shape[1]
            tokens[0], seconds = tokens[0] + usage.generated, seconds + [spent, now() - start]
        reference, generate = tokens[:, None] / seconds
        return {"reference_tokens_a_second": reference, "generate_tokens_a_second": generate}

    def memory(self) -> dict:
        """Return the bytes of the pictures' keys and values in a batch of eight questions, with N = 1 and N = 8."""
        decoder = Decoder(self.model, self.processor)
        with decoder.reading():
            decoder.prefiller.encode(self.tasks[:8])
            states = [cached.prompt for cached in decoder.prefiller.cached.values()]
            batches = [BatchedCache(decoder.runner, [state for state in states for _ in range(n)]) for n in (1, 8)]
            one, eight = (batch.picture_bytes for batch in batches)
        return {"picture_memory": {"n1": one, "n8": eight, "ratio": eight / one}}

    def curve(self) -> dict:
        """Return calls, processed tokens and seconds per question, by the number of candidates."""
        rows, tasks = [], self.tasks[:: max(1, len(self.tasks) // CURVE_QUESTIONS)]
        for n in CANDIDATES:
            seconds, usage = searched(self._fast(), tasks, "likelihood", n)
            rows.append(
                {
                    "n": n,
                    "calls": usage.calls / len(tasks),
                    "tokens": usage.processed / len(tasks),
                    "seconds": seconds[0] / len(tasks),
                    "core_seconds": seconds[1] / len(tasks),
                }
            )
        return {"rows": rows}

    def judges(self) -> dict:
        """Return accuracy, position bias, ties and unreadable verdicts of the judges on pairs with a known answer."""
        decoder = Decoder(self.model, self.processor, max_new_tokens=48)
        items = list(mixture("validation", PAIRS))
        pairs, truth = known_pairs(items, decoder), {item.qid: item for item in items}
        speakers = {"self": decoder, "self_as_released": decoder, "likelihood": None, "oracle": None, "random": None}
        if (project_root() / BASE / "config.json").is_file():
            speakers["base"] = Decoder(*load_model(project_root() / BASE), max_new_tokens=48)
        return {
            "judges": {
                name: accuracy_on_pairs(make_judge(name, decoder=speaker, truth=truth), pairs)
                for name, speaker in speakers.items()
            }
        }

    def _inputs(self, decoder, tasks):
        """Return the tensors of the tasks' prompts, where the model is."""
        return decoder.chat.inputs(tasks).to(self.model.device)

    def _fast(self):
        return Decoder(self.model, self.processor, max_new_tokens=TOKENS)

    @torch.inference_mode()
    def _sampled(self, inputs, **more):
        how = {"do_sample": True, "temperature": 0.6, "top_p": 0.9, "top_k": 0, "max_new_tokens": self.length}
        return self.model.generate(**inputs, **how, pad_token_id=self.processor.tokenizer.pad_token_id, **more)


def now() -> np.ndarray:
    """Return the time in seconds twice, once a GPU has done its work: wall-clock time, and CPU time of this process."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return np.array([time.perf_counter(), time.process_time()])


def searched(decoder, tasks, judge: str, n: int = N) -> tuple[np.ndarray, Usage]:
    """Return the seconds (wall clock, CPU) of a stage beam over the tasks, and its usage."""
    search, start = make_search("stage_beam", n), now()
    searches = (search(task, n, 0) for task in tasks)
    trees = run_searches(searches, decoder, make_judge(judge, decoder=decoder), at_once=AT_ONCE // n)
    decoder.forget()
    return now() - start, sum((tree.usage for tree in trees), Usage())


@contextmanager
def rows_seen(model):
    """Yield a list that gets the number of pictures in every pass through the model's vision tower."""
    rows = []
    tower = next(module for name, module in model.named_modules() if name.endswith(("vision_model", "visual")))
    handle = tower.register_forward_hook(
        lambda module, args, kwargs, out: rows.append(kwargs["pixel_values"].shape[0]), with_kwargs=True
    )
    try:
        yield rows
    finally:
        handle.remove()


def smolvlm(questions: int = 8, tokens: int = 12) -> dict:
    """Return both engines' seconds per question on a random SmolVLM-256M: two turns, N candidates, few questions."""
    model, processor = random_smolvlm()
    model.to(device_and_dtype()[0])
    items = list(mixture("validation", questions))
    steps = (StageSpec("caption"), StageSpec("conclusion", turn="The answer?"))
    tasks = [Task(item.qid, item.question, item.image, steps) for item in items]
    how, found = {"max_new_tokens": tokens, "temperature": 1.0}, {}
    for judge in JUDGES:
        fast, _ = searched(Decoder(model, processor, **how), tasks, judge)
        slow, _ = searched(SequentialDecoder(model, processor, **how), tasks[:1], judge)
        found |= {
            f"engine_seconds_{judge}": fast / questions,
            f"reference_seconds_{judge}": slow,
            f"speedup_{judge}": slow[0] * questions / fast[0],
            f"speedup_{judge}_cores": slow[1] * questions / fast[1],
        }
    parameters = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    about = {"parameters": parameters, "questions": questions, "reference_questions": 1, "tokens": tokens}
    return {"smolvlm": found | about}

"""Send many requests to one endpoint: cached, retried, a few concurrently, within a rate limit and two budgets.

for reply in Endpoint("http://127.0.0.1:8000/v1", "qwen2.5-vl", log="work/teacher.jsonl").ask(requests):
    ...
"""

import hashlib
import json
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from o1lib.models.endpoint.cache import ReplyLog
from o1lib.models.endpoint.completion import reply_of
from o1lib.models.endpoint.errors import PermanentError, RetryableError, enough
from o1lib.models.endpoint.messages import Reply, Request, ServedUsage
from o1lib.models.endpoint.transport import Transport
from o1lib.records import UserError, project_root, shown
from o1lib.records.limits import check_size

CONCURRENCY, TIMEOUT = 8, 120.0  # calls at the same time, seconds of a whole call
_PATIENCE = 24  # consecutive requests without a reply after which a run stops
_LONGEST_WAIT = 60.0  # seconds, even if the server's Retry-After is longer
_THREADS, _WINDOW = 3, 16  # threads, and items in progress (in order), per concurrent call


@dataclass
class Endpoint:
    """A model served at an address ("": OpenAI's own).

    - concurrency: number of concurrent calls; timeout: seconds of a whole call; attempts: number of attempts on 429,
      5xx, time-outs, lost connections and replies cut short (fewer on replies without text, which are paid for)
    - requests_per_minute, max_tokens_total, max_cost: limits (0: none). `prices` maps a model to (prompt, completion)
      prices per million tokens, and `max_cost` is in their unit. Both budgets include earlier runs in the same log.
      Calls that are open when a budget is spent may still complete.
    - backoff: about the first wait in seconds, doubled at each attempt; log: relative to the project's folder
    """

    base_url: str
    model: str
    log: Path | str
    concurrency: int = CONCURRENCY
    timeout: float = TIMEOUT
    attempts: int = 5
    requests_per_minute: float = 0
    max_tokens_total: int = 0
    max_cost: float = 0.0
    prices: Mapping[str, Sequence[float]] | None = None
    api_key_env: str = "OPENAI_API_KEY"
    backoff: float = 0.5
    usage: ServedUsage = field(init=False)

    def __post_init__(self):
        if min(self.concurrency, self.attempts) < 1 or not self.timeout > 0:
            given = f"concurrency {self.concurrency} and attempts {self.attempts}"
            raise UserError(f"{given} must be at least 1, and timeout {self.timeout} a positive number of seconds.")
        for name in ("concurrency", "attempts", "timeout", "requests_per_minute", "max_tokens_total"):
            check_size(name, getattr(self, name))
        if self.max_cost and self.model not in (self.prices or {}):
            raise UserError(
                f"max_cost needs the price of '{self.model}': set prices={{'{self.model}': (prompt, completion)}}, "
                "per million tokens."
            )
        self._transport = Transport(self.base_url, self.model, self.timeout, self.api_key_env)
        self.usage = ServedUsage(money=0.0 if self.model in (self.prices or {}) else None)
        self._log = ReplyLog(project_root() / Path(self.log).expanduser())
        self._guard, self._stopping = threading.Lock(), threading.Event()
        self._calls = threading.Semaphore(self.concurrency)
        self._locks, self._next_slot, self._in_a_row = weakref.WeakValueDictionary(), 0.0, 0
        self._cause = None

    def __enter__(self) -> "Endpoint":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Close the log and the connections."""
        self._log.close()
        self._transport.close()

    def ask(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """Yield the replies in the order of the requests, `concurrency` calls at a time; requests are taken as needed.

        Raises UserError if the run cannot continue: a wrong key or address, a redirect, a web page instead of a reply,
        a spent budget, a full disk, or many requests in a row without a reply. All received replies are in the log.
        """
        return self.each(self.answer, requests)

    def each(self, function: Callable, items: Iterable) -> Iterator:
        """Yield function(item) in order, `concurrency` at a time; `function` may call `answer` any number of times."""
        self._in_a_row = 0  # more threads than calls: some wait for their next attempt
        pool, window, whole = ThreadPoolExecutor(_THREADS * self.concurrency), deque(), False
        try:
            for item in items:
                window.append(pool.submit(self._guarded, function, item))
                if len(window) >= _WINDOW * self.concurrency:
                    yield window.popleft().result()
            while window:
                yield window.popleft().result()
            whole = True
        finally:
            if not whole:
                self._stopping.set()  # threads that wait for another attempt give up
            pool.shutdown(wait=True, cancel_futures=True)
            self._stopping.clear()
            self._cause = None

    def _guarded(self, function, item):
        """Return function(item); if it fails, stop all further calls, which then raise the same error."""
        try:
            return function(item)
        except BaseException as error:
            self._cause = self._cause or error
            self._stopping.set()
            raise

    def answer(self, request: Request) -> Reply:
        """Return the reply to one request, from the log if it is there. Raises UserError as `ask` does."""
        key = self._key(request)
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:  # the same request in two threads is one call
            entry = self._log.get(key)
            if entry:
                with self._guard:
                    self.usage.cached += 1
                return reply_of(entry, cached=True)
            return self._asked(request, key)

    def _key(self, request):
        asked = [
            f"{self.model}@{self._transport.server}",  # another server's model may have the same name
            list(request.messages),
            request.schema,
            request.temperature,
            request.max_tokens,
            request.key,
        ]
        if more := request.more():
            asked.append(more)
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def _asked(self, request, key):
        try:
            entry = self._attempts()(self._once, request, key)
        except (RetryableError, PermanentError) as error:
            self._go_on()
            return self._without_answer(str(error))
        self._pay(entry)
        return reply_of(entry)

    def _attempts(self):
        import tenacity

        grow = tenacity.wait_random_exponential(multiplier=self.backoff, max=_LONGEST_WAIT)

        def wait(state):
            asked = state.outcome.exception().wait
            return grow(state) if asked is None else min(asked, _LONGEST_WAIT)

        return tenacity.Retrying(
            stop=tenacity.stop_when_event_set(self._stopping) | enough(self.attempts),
            wait=wait,
            sleep=tenacity.sleep_using_event(self._stopping),
            before_sleep=self._count_retry,
            reraise=True,
            retry=tenacity.retry_if_exception_type(RetryableError),
        )

    def _once(self, request, key):
        if self.requests_per_minute:
            with self._guard:
                slot = max(time.monotonic(), self._next_slot)
                self._next_slot = slot + 60 / self.requests_per_minute
            self._stopping.wait(max(0.0, slot - time.monotonic()))
        with self._calls:  # until its cost is in the log, so that the next call can check the budget
            self._afford()
            self._go_on()
            entry = self._called(request)
            self._log.put(key, entry)
        if (self.max_tokens_total or self.max_cost) and not entry["prompt_tokens"] + entry["completion_tokens"]:
            raise UserError(
                f"{self._transport} does not report tokens, so no budget can be kept: set max_tokens_total and "
                "max_cost to 0."
            )
        return entry

    def _called(self, request):
        try:
            return self._transport.call(request)
        except RetryableError as error:
            if any(error.spent):
                self._log.spend(self.model, *error.spent)
                with self._guard:
                    self._add(*error.spent)
            raise

    def _go_on(self):
        if self._stopping.is_set():
            raise self._cause or UserError("stopped; all received replies are kept: run it again to continue.")

    def _count_retry(self, _):
        with self._guard:
            self.usage.retries += 1

    def _without_answer(self, why):
        with self._guard:
            self.usage.failed += 1
            self._in_a_row += 1
            stop = self._in_a_row >= _PATIENCE
        if stop:
            raise UserError(
                f"{self._transport} left {_PATIENCE} requests in a row without an answer (the last: {why}): "
                "mend that or check that the server runs, then run again; all received replies are kept."
            )
        return Reply("", error=why)

    def _pay(self, entry):
        with self._guard:
            self._in_a_row = 0
            self.usage.calls += 1
            self.usage.estimated += "estimated" in entry
            self._add(entry["prompt_tokens"], entry["completion_tokens"])

    def _add(self, prompt, completion):
        self.usage.prompt_tokens += prompt
        self.usage.completion_tokens += completion
        if self.usage.money is not None:
            self.usage.money += self._price(prompt, completion)

    def _price(self, prompt, completion):
        per_million = self.prices[self.model]
        return (prompt * per_million[0] + completion * per_million[1]) / 1e6

    def _afford(self):
        """Raise UserError if the cost of the whole log has reached a budget."""
        spent = self._log.tokens.get(self.model, (0, 0))
        kept = f"all received replies are in {shown(self._log.path)}: raise the budget and run again to continue."
        if 0 < self.max_tokens_total <= sum(spent):
            raise UserError(f"the budget max_tokens_total={self.max_tokens_total:,} is spent ({sum(spent):,}); {kept}")
        if self.max_cost and self._price(*spent) >= self.max_cost:
            raise UserError(f"the budget max_cost={self.max_cost:g} is spent ({self._price(*spent):.4f}); {kept}")

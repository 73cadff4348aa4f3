"""Threads for work that waits for AWS: functions in, results back one by one in the coordinating thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Generic, Self, TypeVar

T = TypeVar("T")

_FIRST_THREADS = 8
_LOOK_EVERY_SECONDS = 0.05
_BUSY = 0.6


class Pool(Generic[T]):
    """At most `workers` threads, and no more than the processor has room for.

    A call to AWS waits a hundred times longer than it computes, so 64 threads pay; against an endpoint that answers at
    once they would only fight over the interpreter's lock. So it starts with a few and doubles them while the process
    uses less than 60 % of one processor. `cpu` and `clock` are in seconds.
    """

    def __init__(
        self,
        workers: int,
        cpu: Callable[[], float] = time.process_time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._executor = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="sweep")
        self._waiting: deque[Callable[[], T]] = deque()
        self._handed_out: list[Future[T]] = []
        self._done: SimpleQueue[Future[T]] = SimpleQueue()
        self._running = 0
        self._workers = workers
        self._width = min(workers, _FIRST_THREADS)
        self._cpu = cpu
        self._clock = clock
        self._looked = (cpu(), clock())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def submit(self, function: Callable[..., T], *arguments: object) -> None:
        """From the coordinating thread only, also between two results."""
        self._waiting.append(lambda: function(*arguments))
        self._hand_out()

    def results(self) -> Iterator[T]:
        """Ends when nothing is waiting or running any more."""
        while self._running:
            try:
                future = self._done.get(timeout=_LOOK_EVERY_SECONDS)
            except Empty:
                self._widen()
                continue
            self._running -= 1
            self._widen()
            self._hand_out()
            yield future.result()

    def finished(self) -> Iterator[T]:
        """Every result there is, whether it was asked for or not; for after the pool was left."""
        for future in self._handed_out:
            if future.done() and not future.cancelled() and future.exception() is None:
                yield future.result()

    def _hand_out(self) -> None:
        while self._waiting and self._running < self._width:
            future = self._executor.submit(self._waiting.popleft())
            self._running += 1
            self._handed_out.append(future)
            future.add_done_callback(self._done.put)

    def _widen(self) -> None:
        cpu, at = self._looked
        seconds = self._clock() - at
        if seconds < _LOOK_EVERY_SECONDS:
            return
        if self._waiting and (self._cpu() - cpu) / seconds < _BUSY:
            self._width = min(self._workers, self._width * 2)
            self._hand_out()
        self._looked = (self._cpu(), self._clock())

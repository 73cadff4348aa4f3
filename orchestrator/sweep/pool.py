"""Threads for work that waits for AWS: functions in, results back one by one in the coordinating thread."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, Self, TypeVar

T = TypeVar("T")

_FIRST_THREADS = 8
_LOOK_EVERY_SECONDS = 0.05
_BUSY = 0.6
_GRACE_SECONDS = 0.5
"""For the calls that run when a person ends the process: most of them answer within it."""


class _Task(Generic[T]):
    """One call and what came of it. A `Future` of the standard library has a lock and a condition of its own, which
    cost as much as all else that is done for a target in the coordinating thread.
    """

    __slots__ = ("_failure", "_function", "_value", "is_done")

    def __init__(self, function: Callable[[], T]) -> None:
        self._function: Callable[[], T] | None = function
        self._failure: BaseException | None = None
        self.is_done = False

    def run(self) -> None:
        function, self._function = self._function, None
        assert function is not None, "a task is run once"
        try:
            self._value = function()
        except BaseException as failure:  # noqa: BLE001 - a thread's boundary; the coordinating thread raises it
            self._failure = failure
        self.is_done = True

    @property
    def has_result(self) -> bool:
        return self.is_done and self._failure is None

    def result(self) -> T:
        """Of one that is done. Raises what it raised."""
        if self._failure is not None:
            raise self._failure
        return self._value


class Pool(Generic[T]):
    """At most `workers` threads, and no more than the processor has room for.

    A call to AWS waits a hundred times longer than it computes, so 128 threads pay; against an endpoint that answers at
    once they would only fight over the interpreter's lock. So it starts with a few and doubles them while the process
    uses less than 60 % of one processor. `cpu` and `clock` are in seconds. While results are awaited, `meanwhile` is
    called 20 times a second.

    Results are forgotten once they were given, unless it `keeps` them for `finished`. Its threads are daemons, so that
    a process which is told to end at once does not wait for an answer of AWS.
    """

    def __init__(
        self,
        workers: int,
        cpu: Callable[[], float] = time.process_time,
        clock: Callable[[], float] = time.monotonic,
        meanwhile: Callable[[], None] = lambda: None,
        *,
        keeps: bool = False,
    ) -> None:
        self._work: SimpleQueue[_Task[T] | None] = SimpleQueue()
        self._threads = 0
        self._waiting: deque[Callable[[], T]] = deque()
        self._handed_out: set[_Task[T]] = set()
        """Those whose results were not given yet."""
        self._kept: list[_Task[T]] = []
        """Every one, where it keeps them."""
        self._done: SimpleQueue[_Task[T]] = SimpleQueue()
        self._workers = workers
        self._width = min(workers, _FIRST_THREADS)
        self._cpu = cpu
        self._clock = clock
        self._meanwhile = meanwhile
        self._keeps = keeps
        self._looked = (cpu(), clock())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Waits for what is running, but not for long where a person or the system ends the process."""
        self._waiting.clear()
        at_once = kind is not None and not issubclass(kind, Exception)
        self._wait(_GRACE_SECONDS if at_once else None)
        for _thread in range(self._threads):
            self._work.put(None)

    def submit(self, function: Callable[..., T], *arguments: object, first: bool = False) -> None:
        """From the coordinating thread only, also between two results. `first`: before whatever waits."""
        if first:
            self._waiting.appendleft(lambda: function(*arguments))
        else:
            self._waiting.append(lambda: function(*arguments))
        self._hand_out()

    def tell(self, result: T) -> None:
        """From a function that this pool runs: one more result of it, before the one that it returns."""
        told = _Task[T](lambda: result)
        told.run()
        self._done.put(told)

    def results(self) -> Iterator[T]:
        """Ends when nothing is waiting or running any more."""
        while self._handed_out:
            self._meanwhile()
            try:
                task = self._done.get(timeout=_LOOK_EVERY_SECONDS)
            except Empty:
                self._widen()
                continue
            self._handed_out.discard(task)
            self._widen()
            yield task.result()
            del task  # it is not held while another one is awaited
            self._hand_out()

    def finished(self) -> Iterator[T]:
        """Every result there is of a pool that keeps them, whether it was asked for or not; for after it was left."""
        for task in self._kept:
            if task.has_result:
                yield task.result()

    def _hand_out(self) -> None:
        while self._waiting and len(self._handed_out) < self._width:
            task = _Task(self._waiting.popleft())
            self._handed_out.add(task)
            if self._keeps:
                self._kept.append(task)
            self._work.put(task)
            if len(self._handed_out) > self._threads:
                self._threads += 1
                threading.Thread(
                    target=_work_off, args=(self._work, self._done), name=f"sweep-{self._threads}", daemon=True
                ).start()

    def _wait(self, longest: float | None) -> None:
        """Until all that was handed out is done, or for so many seconds."""
        until = None if longest is None else time.monotonic() + longest
        while self._handed_out:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return
            with suppress(Empty):
                self._handed_out.discard(self._done.get(timeout=left))

    def _widen(self) -> None:
        cpu, at = self._looked
        seconds = self._clock() - at
        if seconds < _LOOK_EVERY_SECONDS:
            return
        if self._waiting and (self._cpu() - cpu) / seconds < _BUSY:
            self._width = min(self._workers, self._width * 2)
            self._hand_out()
        self._looked = (self._cpu(), self._clock())


def _work_off(work: SimpleQueue[_Task[T] | None], done: SimpleQueue[_Task[T]]) -> None:
    """One thread. It holds no result while it waits for more work."""
    while (task := work.get()) is not None:
        task.run()
        done.put(task)
        del task

"""All messages of a sweep side by side, under one deadline: what has not arrived by then is not waited for."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from queue import Empty, SimpleQueue

from orchestrator.core.report.messages.parcel import Parcel
from orchestrator.notify.channel import NotDeliveredError

DEADLINE_SECONDS = 5.0
"""Of all of them together."""
_MOST_THREADS = 64
_LANES_A_CHANNEL = 4
"""A channel that hangs holds up no other one, and a healthy one is not asked for everything at once."""

Send = Callable[[Parcel], None]
"""Raises NotDeliveredError."""
Lane = Sequence[Parcel]


def deliver(
    parcels: Sequence[Parcel],
    send: Send,
    clock: Callable[[], float],
    told: Callable[[Parcel], None],
    seconds: float = DEADLINE_SECONDS,
) -> Mapping[str, str]:
    """Why a parcel was not delivered, by its key; returns after so many seconds at the latest. `clock`: monotonic.

    `told` hears in this thread of each that was. The threads are daemons: one that hangs keeps no process alive, and
    in a Lambda it sleeps until the next invocation, where it finds that it is too late.
    """
    until, over = clock() + seconds, threading.Event()
    lanes: SimpleQueue[Lane] = SimpleQueue()
    results: SimpleQueue[tuple[Parcel, str]] = SimpleQueue()
    made = [*_lanes(parcels)]
    for lane in made:
        lanes.put(lane)
    for _ in range(min(_MOST_THREADS, len(made))):
        threading.Thread(target=_work, args=(lanes, results, send, over, clock, until), daemon=True).start()
    left = {parcel.key: f"no answer within the {seconds:g} s that all messages have" for parcel in parcels}
    failed: dict[str, str] = {}
    while left:
        try:
            parcel, why = results.get(timeout=max(0.0, until - clock()))
        except Empty:
            break
        left.pop(parcel.key, None)
        if why:
            failed[parcel.key] = why
        else:
            told(parcel)
    over.set()
    return {**failed, **left}


def _lanes(parcels: Sequence[Parcel]) -> Iterator[Lane]:
    """Those of one channel one after the other, in a few lanes; every channel's first lane comes before its others."""
    by_channel: dict[str, list[Parcel]] = defaultdict(list)
    for parcel in parcels:
        by_channel[str(parcel.channel)].append(parcel)
    for number in range(_LANES_A_CHANNEL):
        for mine in by_channel.values():
            if lane := mine[number::_LANES_A_CHANNEL]:
                yield lane


def _work(
    lanes: SimpleQueue[Lane],
    results: SimpleQueue[tuple[Parcel, str]],
    send: Send,
    over: threading.Event,
    clock: Callable[[], float],
    until: float,
) -> None:
    while not over.is_set():
        try:
            lane = lanes.get_nowait()
        except Empty:
            return
        for parcel in lane:
            if over.is_set():
                return
            results.put((parcel, _sent(parcel, send, over, clock, until)))


def _sent(parcel: Parcel, send: Send, over: threading.Event, clock: Callable[[], float], until: float) -> str:
    """Why it was not; empty where it was. What may pass is tried again as long as there is time."""
    while True:
        try:
            send(parcel)
        except NotDeliveredError as failure:
            wait = failure.again_after
            if wait is None or clock() + wait >= until or over.wait(wait):
                return str(failure)
        except Exception as failure:  # noqa: BLE001 - a thread has nobody to raise to, and its text may have a URL
            return f"an error of this program: {type(failure).__name__}"
        else:
            return ""

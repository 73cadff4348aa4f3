"""All messages go out side by side under one deadline; one that hangs delays no other, and nothing beyond it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from time import monotonic

from orchestrator.core.model.notification import Channel, ChannelKind
from orchestrator.core.report.messages.message import Message
from orchestrator.core.report.messages.parcel import Parcel
from orchestrator.notify.channel import NotDeliveredError
from orchestrator.notify.delivery import deliver


def parcels(count: int, channels: int = 1) -> list[Parcel]:
    made = [Channel(ChannelKind.SLACK, f"ssm:/{number % channels}") for number in range(count)]
    return [Parcel(channel, Message("s"), f"owner {number}") for number, channel in enumerate(made)]


def sent(them: list[Parcel], send: Callable[[Parcel], None], seconds: float = 5.0) -> tuple[list[str], dict[str, str]]:
    told: list[str] = []
    failed = deliver(them, send, monotonic, lambda parcel: told.append(parcel.key), seconds)
    return told, dict(failed)


def test_every_message_is_sent_once() -> None:
    seen: Counter[str] = Counter()
    them = parcels(100, 7)
    told, failed = sent(them, lambda parcel: seen.update([parcel.key]))
    assert sorted(told) == sorted(one.key for one in them)
    assert (set(seen.values()), failed) == ({1}, {})


def test_one_that_hangs_delays_no_other_and_is_not_waited_for() -> None:
    hangs, never = threading.Event(), parcels(30, 3)[0].channel

    def send(parcel: Parcel) -> None:
        if parcel.channel == never:
            hangs.wait(60)

    before = monotonic()
    told, failed = sent(parcels(30, 3), send, seconds=0.1)
    assert monotonic() - before < 30  # a hang of 60 s, not waited for
    hangs.set()
    assert len(told) == 20
    assert set(failed.values()) == {"no answer within the 0.1 s that all messages have"}


def test_nothing_is_sent_once_the_deadline_has_passed() -> None:
    go, seen = threading.Event(), Counter[str]()

    def send(parcel: Parcel) -> None:
        seen.update([parcel.key])
        go.wait(60)

    _, failed = sent(parcels(8), send, seconds=0.05)
    assert len(failed) == 8
    started = len(seen)
    threads = [one for one in threading.enumerate() if one.daemon and "_work" in one.name]
    go.set()
    for one in threads:
        one.join(30)
    assert len(seen) == started <= 4


def test_why_one_failed_is_said_and_the_others_arrive() -> None:
    def send(parcel: Parcel) -> None:
        if parcel.key.endswith("owner 3"):
            raise NotDeliveredError("it answered with HTTP status 404")

    told, failed = sent(parcels(6, 2), send)
    assert len(told) == 5
    assert failed == {"slack ssm:/1 owner 3": "it answered with HTTP status 404"}


def test_what_may_pass_is_tried_again_while_there_is_time() -> None:
    tries: Counter[str] = Counter()

    def send(parcel: Parcel) -> None:
        tries.update([parcel.key])
        if tries[parcel.key] < 3:
            raise NotDeliveredError("it answered with HTTP status 429", 0.01)

    told, failed = sent(parcels(2), send)
    assert (len(told), failed, set(tries.values())) == (2, {}, {3})


def test_what_would_pass_too_late_is_not_waited_for() -> None:
    def send(_parcel: Parcel) -> None:
        raise NotDeliveredError("it answered with HTTP status 429", 60)

    assert sent(parcels(1), send)[1] == {"slack ssm:/0 owner 0": "it answered with HTTP status 429"}


def test_an_error_of_the_program_is_told_without_its_text() -> None:
    def send(_parcel: Parcel) -> None:
        raise RuntimeError("https://hooks.slack.com/the-secret")

    assert sent(parcels(1), send)[1] == {"slack ssm:/0 owner 0": "an error of this program: RuntimeError"}


def test_no_thread_keeps_the_process_alive() -> None:
    daemons: list[bool] = []
    sent(parcels(3), lambda _parcel: daemons.append(threading.current_thread().daemon))
    assert daemons == [True] * 3

"""Retries of one call: how often, how long, for what; and never past the end of the sweep's time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.retries import Retries
from orchestrator.errors import UnboundAccountError


def refused(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeInstances")


class Call:
    """Raises what it is given, one for each try, and then answers."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


def retries(waits: list[float] | None = None, **fields: Any) -> Retries:
    kept = [] if waits is None else waits
    return Retries(sleep=kept.append, **fields)


def test_a_call_that_works_is_made_once_and_never_waits() -> None:
    waits: list[float] = []
    call = Call()
    assert retries(waits).call(call) == "answer"
    assert (call.tries, waits) == (1, [])


@pytest.mark.parametrize(
    "failure",
    [
        refused("RequestLimitExceeded", 503),
        refused("ThrottlingException"),
        refused("InternalError", 500),
        refused("SomethingNobodyKnows", 502),
        refused("ExpiredToken"),
        ReadTimeoutError(endpoint_url="http://127.0.0.1"),
    ],
)
def test_throttling_and_passing_faults_are_tried_again(failure: Exception) -> None:
    call = Call(failure, failure)
    assert retries().call(call) == "answer"
    assert call.tries == 3


@pytest.mark.parametrize(
    "failure",
    [
        refused("UnauthorizedOperation", 403),
        refused("InvalidInstanceID.NotFound"),
        refused("SomethingNobodyKnows"),
        UnboundAccountError("nothing was sent"),
        ValueError("our own bug"),
    ],
)
def test_a_refusal_and_a_bug_are_raised_at_once(failure: Exception) -> None:
    waits: list[float] = []
    call = Call(failure)
    with pytest.raises(type(failure)) as raised:
        retries(waits).call(call)
    assert raised.value is failure
    assert (call.tries, waits) == (1, [])


def test_after_the_last_try_the_last_failure_is_raised() -> None:
    failures = [refused("RequestLimitExceeded", 503) for _ in range(6)]
    call = Call(*failures)
    with pytest.raises(ClientError) as raised:
        retries(attempts=6).call(call)
    assert raised.value is failures[-1]
    assert call.tries == 6


def test_the_waits_are_random_up_to_a_bound_that_doubles_to_the_longest() -> None:
    bounds = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 4.0, 4.0]
    rounds: list[list[float]] = []
    for _ in range(60):
        waits: list[float] = []
        call = Call(*[refused("Throttling")] * len(bounds))
        retries(waits).call(call)
        rounds.append(waits)
    for bound, waits_of_one_try in zip(bounds, zip(*rounds, strict=True), strict=True):
        assert 0 <= min(waits_of_one_try) < bound * 0.3
        assert bound * 0.7 < max(waits_of_one_try) <= bound
        assert len(set(waits_of_one_try)) > 50


@given(attempt=st.integers(1, 12))
def test_waiting_by_hand_is_bounded_as_a_call_waits_after_that_many_failures(attempt: int) -> None:
    waits: list[float] = []
    for _ in range(40):
        retries(waits).wait(attempt)
    bound = min(4.0, 0.05 * 2 ** (attempt - 1))
    assert min(waits) >= 0
    assert bound * 0.5 < max(waits) <= bound


@pytest.mark.parametrize("tries", [1, 3])
def test_out_of_time_there_is_no_other_try(tries: int) -> None:
    waits: list[float] = []
    call = Call(*[refused("RequestLimitExceeded", 503)] * 10)
    with pytest.raises(ClientError):
        retries(waits, attempts=9, out_of_time=lambda: call.tries >= tries).call(call)
    assert call.tries == tries
    assert len(waits) == tries - 1


def test_a_call_is_given_up_after_the_longest_total_whatever_tries_are_left() -> None:
    call = Call(*[refused("Throttling")] * 10)
    with pytest.raises(ClientError):
        retries(attempts=9, longest_total=0).call(call)
    assert call.tries == 1


@pytest.mark.parametrize(
    ("code", "renewals"),
    [("ExpiredToken", 2), ("RequestExpired", 2), ("AuthFailure", 2), ("InvalidClientTokenId", 2), ("Throttling", 0)],
)
def test_credentials_are_renewed_before_a_try_that_follows_a_refusal_of_them(code: str, renewals: int) -> None:
    order: list[str] = []
    call = Call(refused(code), refused(code))

    def traced() -> str:
        order.append("try")
        return call()

    retries(on_expired=lambda: order.append("renew")).call(traced)
    assert order.count("renew") == renewals
    assert order == (["try", "renew", "try", "renew", "try"] if renewals else ["try"] * 3)


def test_credentials_that_are_never_accepted_are_given_up_after_the_fifth_try() -> None:
    refusals = [refused("AuthFailure", 401), refused("Throttling"), *[refused("OptInRequired", 401)] * 8]
    call = Call(*refusals)
    with pytest.raises(ClientError) as raised:
        retries(attempts=9).call(call)
    assert (raised.value, call.tries) == (refusals[5], 6)


@pytest.mark.parametrize("code", ["ExpiredToken", "RequestExpired"])
def test_credentials_that_are_expired_however_new_are_given_up_too(code: str) -> None:
    """As with a clock that is wrong; each try is an AssumeRole more."""
    call = Call(*[refused(code)] * 9)
    with pytest.raises(ClientError):
        retries(attempts=9).call(call)
    assert call.tries == 5


def test_a_call_inside_a_call_has_tries_of_its_own() -> None:
    inner = Call(*[refused("Throttling")] * 2)
    outer_tries: list[int] = []

    def outer(one: Retries) -> Callable[[], str]:
        def run() -> str:
            outer_tries.append(1)
            return one.call(inner)

        return run

    one = retries(attempts=3)
    assert one.call(outer(one)) == "answer"
    assert (len(outer_tries), inner.tries) == (1, 3)


def test_nothing_that_counts_or_waits_is_made_before_a_call_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.Retrying", lambda **_: pytest.fail("it was made"))
    assert retries().call(Call()) == "answer"
    with pytest.raises(ClientError):
        retries().call(Call(refused("UnauthorizedOperation", 403)))


def test_the_first_call_is_an_attempt_and_its_time_is_of_the_longest_total(monkeypatch: pytest.MonkeyPatch) -> None:
    """tenacity has the same clock."""
    times = iter([0.0, 50.0, *[60.0] * 20])
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    call = Call(*[refused("Throttling")] * 10)
    with pytest.raises(ClientError):
        retries(attempts=9, longest_total=50).call(call)
    assert call.tries == 1

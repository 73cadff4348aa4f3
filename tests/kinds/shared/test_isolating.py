"""A refusal of several at once is charged to those that it names, or to those that halving finds; to no other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.retries import Retries
from orchestrator.kinds.shared.isolating import NotHandedOutError, isolate
from orchestrator.kinds.shared.paced import Paced
from tests.support.builders import a_resource
from tests.support.fake_ec2 import RecordingPacing, ids, refused

INTERNAL = refused("InternalError", "An internal error has occurred", 500)
NO_ANSWER = ReadTimeoutError(endpoint_url="http://127.0.0.1")


def paced(attempts: int = 3, out_of_time: Callable[[], bool] = lambda: False) -> Paced:
    retries = Retries(attempts=attempts, sleep=lambda _: None, out_of_time=out_of_time)
    return Paced("ec2", a_resource().target, RecordingPacing(), retries)  # type: ignore[arg-type]  # a fake


class Calls:
    """Refuses every call that has a guilty one in it; what it took, and the sizes of the calls."""

    def __init__(self, guilty: Collection[str], failure: Exception) -> None:
        self.guilty = guilty
        self.failure = failure
        self.taken: list[str] = []
        self.sizes: list[int] = []

    def __call__(self, some: Sequence[str], paced: Paced) -> None:
        paced.retries.call(lambda: self._called(some))

    def _called(self, some: Sequence[str]) -> None:
        self.sizes.append(len(some))
        if any(one in self.guilty for one in some):
            raise self.failure
        self.taken += some


@given(st.sets(st.integers(0, 49)))
def test_a_refusal_that_names_nobody_is_charged_to_the_guilty_alone(guilty: set[int]) -> None:
    everyone = ids(50)
    calls = Calls({everyone[one] for one in guilty}, refused("TagLimitExceeded", "The maximum number of Tags ..."))
    failed = isolate(everyone, 50, calls, paced())
    assert set(failed) == calls.guilty
    assert sorted(calls.taken) == [one for one in everyone if one not in calls.guilty]


def test_one_guilty_among_fifty_is_found_with_a_dozen_calls() -> None:
    calls = Calls(ids(50)[37:38], refused("TagLimitExceeded", "The maximum number of Tags ..."))
    isolate(ids(50), 50, calls, paced())
    assert len(calls.sizes) <= 13


def test_those_that_a_refusal_names_are_set_aside_at_once() -> None:
    bad = ids(50)[37]
    calls = Calls({bad}, refused("OperationNotPermitted", f"The instance '{bad}' may not be touched."))
    assert set(isolate(ids(50), 50, calls, paced())) == {bad}
    assert calls.sizes == [50, 49]


@pytest.mark.parametrize(
    "failure",
    [
        refused("RequestLimitExceeded", "no", 503),
        refused("AuthFailure", "no", 401),
        refused("ExpiredToken", "no", 400),
        EndpointConnectionError(endpoint_url="http://127.0.0.1"),
        NotHandedOutError(),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_what_says_nothing_of_one_resource_is_not_halved(failure: Exception) -> None:
    calls = Calls(ids(1), failure)
    assert isolate(ids(50), 25, calls, paced(attempts=1)) == dict.fromkeys(ids(25), failure)
    assert calls.sizes == [25, 25]


@pytest.mark.parametrize(("concerns_all", "calls"), [(True, 1), (False, 19)])
def test_a_denial_is_halved_where_permissions_differ_between_resources(concerns_all: bool, calls: int) -> None:
    denied = Calls(ids(10), refused("UnauthorizedOperation", "You are not authorized.", 403))
    assert set(isolate(ids(10), 10, denied, paced(), denials_concern_all=concerns_all)) == set(ids(10))
    assert len(denied.sizes) == calls


# --- a server's fault that outlasts the retries -----------------------------------------------------------------------


@given(st.sets(st.integers(0, 49), min_size=1, max_size=3))
def test_a_lasting_fault_is_charged_to_the_guilty_alone(guilty: set[int]) -> None:
    everyone = ids(50)
    calls = Calls({everyone[one] for one in guilty}, INTERNAL)
    assert set(isolate(everyone, 50, calls, paced())) == calls.guilty
    assert sorted(calls.taken) == [one for one in everyone if one not in calls.guilty]
    assert len(calls.sizes) <= 3 + 64


def test_one_behind_a_fault_is_found_with_some_calls_more_than_the_retries() -> None:
    calls = Calls(ids(50)[37:38], INTERNAL)
    isolate(ids(50), 50, calls, paced(attempts=10))
    assert len(calls.sizes) <= 10 + 14


def test_a_fault_of_everything_costs_six_calls_more_and_not_one_for_each() -> None:
    calls = Calls(ids(50), INTERNAL)
    assert isolate(ids(50), 50, calls, paced(attempts=10)) == dict.fromkeys(ids(50), INTERNAL)
    assert calls.sizes == [50] * 10 + [25, 25, 12, 13, 12, 13]


@given(st.sets(st.integers(0, 49)))
def test_whatever_number_is_behind_a_fault_the_calls_are_bounded_and_none_of_them_counts_as_taken(
    guilty: set[int],
) -> None:
    everyone = ids(50)
    calls = Calls({everyone[one] for one in guilty}, INTERNAL)
    failed = isolate(everyone, 50, calls, paced())
    assert sorted([*failed, *calls.taken]) == everyone
    assert calls.guilty <= set(failed)
    assert len(calls.sizes) <= 3 + 64 + 50


def test_where_no_call_is_answered_in_time_only_both_halves_are_waited_for() -> None:
    calls = Calls(ids(50), NO_ANSWER)
    assert set(isolate(ids(50), 50, calls, paced(attempts=3))) == set(ids(50))
    assert calls.sizes == [50, 50, 50, 25, 25]


def test_one_whose_call_is_never_answered_costs_no_other_its_call() -> None:
    calls = Calls(ids(50)[3:4], NO_ANSWER)
    assert set(isolate(ids(50), 50, calls, paced())) == set(ids(50)[3:4])


def test_a_fault_is_not_taken_apart_once_time_is_up() -> None:
    calls = Calls(ids(50)[3:4], INTERNAL)
    assert set(isolate(ids(50), 50, calls, paced(out_of_time=lambda: True))) == set(ids(50))
    assert calls.sizes == [50]


def test_what_a_fault_names_is_tried_alone_at_once() -> None:
    bad = ids(50)[37]
    calls = Calls({bad}, refused("InternalError", f"An internal error has occurred with {bad}", 500))
    assert set(isolate(ids(50), 50, calls, paced())) == {bad}
    assert calls.sizes == [50, 50, 50, 1, 49, 1, 1]


def test_a_part_that_is_throttled_is_waited_for_and_not_halved() -> None:
    calls = Calls(ids(8)[:1], INTERNAL)
    throttled = [refused("RequestLimitExceeded", "no", 503)] * 2
    once = calls._called

    def called(some: Sequence[str]) -> None:
        if len(some) == 4 and throttled:
            calls.sizes.append(len(some))
            raise throttled.pop()
        once(some)

    calls._called = called  # type: ignore[method-assign]  # for two calls
    assert set(isolate(ids(8), 8, calls, paced())) == set(ids(8)[:1])
    assert calls.sizes[:6] == [8, 8, 8, 4, 4, 4]

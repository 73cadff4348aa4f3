"""A refusal of several at once is charged to those that it names, or to those that halving finds; to no other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.kinds.shared.isolating import NotHandedOutError, isolate
from tests.support.fake_ec2 import ids, refused


class Calls:
    """Refuses every call that has a guilty one in it; what it took, and the sizes of the calls."""

    def __init__(self, guilty: Collection[str], failure: Exception) -> None:
        self.guilty = guilty
        self.failure = failure
        self.taken: list[str] = []
        self.sizes: list[int] = []

    def __call__(self, some: Sequence[str]) -> None:
        self.sizes.append(len(some))
        if any(one in self.guilty for one in some):
            raise self.failure
        self.taken += some


@given(st.sets(st.integers(0, 49)))
def test_a_refusal_that_names_nobody_is_charged_to_the_guilty_alone(guilty: set[int]) -> None:
    everyone = ids(50)
    calls = Calls({everyone[one] for one in guilty}, refused("TagLimitExceeded", "The maximum number of Tags ..."))
    failed = isolate(everyone, 50, calls)
    assert set(failed) == calls.guilty
    assert sorted(calls.taken) == [one for one in everyone if one not in calls.guilty]


def test_one_guilty_among_fifty_is_found_with_a_dozen_calls() -> None:
    calls = Calls(ids(50)[37:38], refused("TagLimitExceeded", "The maximum number of Tags ..."))
    isolate(ids(50), 50, calls)
    assert len(calls.sizes) <= 13


def test_those_that_a_refusal_names_are_set_aside_at_once() -> None:
    bad = ids(50)[37]
    calls = Calls({bad}, refused("OperationNotPermitted", f"The instance '{bad}' may not be touched."))
    assert set(isolate(ids(50), 50, calls)) == {bad}
    assert calls.sizes == [50, 49]


@pytest.mark.parametrize(
    "failure",
    [refused("RequestLimitExceeded", "no", 503), refused("InternalError", "no", 500), NotHandedOutError()],
    ids=lambda failure: type(failure).__name__,
)
def test_what_says_nothing_of_one_resource_is_not_halved(failure: Exception) -> None:
    calls = Calls(ids(1), failure)
    assert isolate(ids(50), 25, calls) == dict.fromkeys(ids(25), failure)
    assert calls.sizes == [25, 25]


@pytest.mark.parametrize(("concerns_all", "calls"), [(True, 1), (False, 19)])
def test_a_denial_is_halved_where_permissions_differ_between_resources(concerns_all: bool, calls: int) -> None:
    denied = Calls(ids(10), refused("UnauthorizedOperation", "You are not authorized.", 403))
    assert set(isolate(ids(10), 10, denied, denials_concern_all=concerns_all)) == set(ids(10))
    assert len(denied.sizes) == calls

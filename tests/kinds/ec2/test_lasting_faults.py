"""A server's fault that outlasts the retries: taken apart as long as parts pass, and looked at before it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.aws.retries import Retries
from orchestrator.core.model import Action, OutcomeStatus
from orchestrator.core.model.marks import STOPPED_BY_TAG
from tests.support.fake_ec2 import FakeEc2, RecordingGuard, RecordingPacing, act, ids, refused, throttle

FAULT = ("InternalError", "An internal error has occurred")
TEN = Retries(attempts=10, sleep=lambda _: None)


def faulty(count: int, *bad: str, state: str = "running") -> FakeEc2:
    ec2 = FakeEc2(ids(count), bad=dict.fromkeys(bad, FAULT), state=state)
    ec2.status = 500
    return ec2


def count_looks(ec2: FakeEc2) -> list[int]:
    """How many were asked for in each."""
    sizes: list[int] = []
    describe = ec2.describe_instances

    def counted(wanted: Any) -> list[dict[str, Any]]:
        sizes.append(len(wanted))
        return describe(wanted)

    ec2.describe_instances = counted  # type: ignore[method-assign]  # for this test
    return sizes


@pytest.mark.parametrize("action", [Action.STOP, Action.START])
def test_one_behind_a_fault_costs_fifty_others_nothing_and_a_few_calls_in_their_turns(action: Action) -> None:
    bad = ids(50)[37]
    ec2, pacing = faulty(50, bad, state="stopped" if action.starts else "running"), RecordingPacing()
    outcomes = act(ec2, ids(50), action, pacing=pacing, retries=TEN)
    assert [one for one, outcome in outcomes.items() if outcome.status is OutcomeStatus.FAILED] == [bad]
    calls = len(ec2.starts) + len(ec2.stops)
    assert calls <= 10 + 14
    turns = Counter(operation for _, _, operation, _ in pacing.waits)
    assert turns["ec2:StartInstances" if action.starts else "ec2:StopInstances"] == calls


def test_a_fault_that_acted_on_a_part_claims_what_was_stopped_and_fails_the_one_behind_it() -> None:
    """As EC2 may: what comes before the bad one is stopped, and then the call ends with status 500."""
    bad = ids(8)[5]
    ec2 = faulty(8, bad)
    change = ec2._change

    def partly(verb: str, some: list[str], before: Any, state: str) -> list[dict[str, Any]]:
        if bad in some:
            ec2.states.update(dict.fromkeys(some[: some.index(bad)], state))
        return change(verb, some, before, state)

    ec2._change = partly  # type: ignore[method-assign]  # for this test
    outcomes = act(ec2, ids(8))
    assert outcomes.pop(bad).status is OutcomeStatus.FAILED
    assert {outcome.status for outcome in outcomes.values()} == {OutcomeStatus.STOPPING}
    assert {one for one, tags in ec2.tags.items() if STOPPED_BY_TAG in tags} == set(outcomes)


def test_a_fault_of_the_region_ends_after_six_calls_more_and_nothing_is_said_without_a_look() -> None:
    ec2 = faulty(50, *ids(50))
    looks = count_looks(ec2)
    outcomes = act(ec2, ids(50), retries=TEN)
    assert [len(some) for some, _ in ec2.stops] == [50] * 10 + [25, 25, 12, 13, 12, 13]
    assert {(one.status, one.code, bool(one.verified_at)) for one in outcomes.values()} == {
        (OutcomeStatus.FAILED, "InternalError", True)
    }
    assert not any(tags for tags in ec2.tags.values()), "what runs on was not stopped, and is not marked"
    assert len(looks) == len(ec2.stops) + 3, "at the end as often as after any stop that is not seen to move"


def test_a_region_that_fails_every_call_is_unknown_and_costs_a_bounded_number_of_calls() -> None:
    ec2 = faulty(50, *ids(50))

    def out_of_order(_: object) -> list[dict[str, Any]]:
        raise refused(*FAULT, 500)

    ec2.describe_instances = out_of_order  # type: ignore[method-assign]  # for this test
    looks = count_looks(ec2)
    outcomes = act(ec2, ids(50), retries=TEN)
    assert {(one.status, one.code) for one in outcomes.values()} == {(OutcomeStatus.UNKNOWN, "InternalError")}
    assert len(ec2.stops) == 16
    assert len(looks) == 16 + 16, "one after each call; and the one at the end, with its retries"
    assert all(STOPPED_BY_TAG in ec2.tags[one] for one in ids(50)), "they may be stopped: an undo has to find them"


def test_throttling_is_never_taken_apart() -> None:
    ec2 = FakeEc2(ids(50))
    ec2.before_stop = [throttle] * 100
    act(ec2, ids(50), retries=TEN)
    assert [len(some) for some, _ in ec2.stops] == [50] * 10


def test_nothing_is_taken_apart_once_time_is_up() -> None:
    ec2 = faulty(8, ids(8)[3])
    outcomes = act(ec2, ids(8), retries=Retries(attempts=4, sleep=lambda _: None, out_of_time=lambda: True))
    assert {one.status for one in outcomes.values()} == {OutcomeStatus.FAILED}
    assert len(ec2.stops) == 1


def test_a_halt_while_a_fault_is_taken_apart_leaves_what_may_have_happened_unknown_where_it_cannot_be_seen() -> None:
    ec2 = faulty(8, ids(8)[3])
    guard = RecordingGuard(allows=lambda: len(ec2.stops) < 4)

    def out_of_order(_: object) -> list[dict[str, Any]]:
        raise refused(*FAULT, 500)

    ec2.describe_instances = out_of_order  # type: ignore[method-assign]  # for this test
    outcomes = act(ec2, ids(8), guard=guard)
    assert {outcome.status for outcome in outcomes.values()} == {OutcomeStatus.UNKNOWN}
    assert {outcome.status for outcome in guard.recorded} == {OutcomeStatus.UNKNOWN}
    assert all(STOPPED_BY_TAG in ec2.tags[one] for one in ids(8))


def test_a_halt_while_a_fault_is_taken_apart_leaves_unknown_and_unmarked_what_is_seen_running() -> None:
    ec2 = faulty(8, ids(8)[3])
    guard = RecordingGuard(allows=lambda: len(ec2.stops) < 4)
    outcomes = act(ec2, ids(8), guard=guard)
    assert {outcome.status for outcome in outcomes.values()} == {OutcomeStatus.UNKNOWN}
    text = "AWS did not answer StopInstances, and it was not asked again, but the instance is still running"
    assert {outcome.message for outcome in outcomes.values()} == {text}
    assert not any(ec2.tags.values())


def test_marks_that_got_no_answer_before_a_halt_are_taken_back() -> None:
    """The first call is carried out, and its answer is lost."""
    ec2 = FakeEc2(ids(8))
    tag = ec2._tagged

    def lost(verb: str, some: list[str]) -> None:
        tag(verb, some)
        if verb == "mark":
            ec2.tags.update({one: {STOPPED_BY_TAG: "x"} for one in some})
            raise refused(*FAULT, 500)

    ec2._tagged = lost  # type: ignore[method-assign]  # for this test
    guard = RecordingGuard(log=ec2.log, allows=lambda: "mark 8" not in ec2.log)
    outcomes = act(ec2, ids(8), guard=guard)
    assert {outcome.status for outcome in outcomes.values()} == {OutcomeStatus.NOT_ATTEMPTED}
    assert not any(ec2.tags.values())


# --- credentials that are not accepted --------------------------------------------------------------------------------


def not_accepted(code: str) -> Callable[[], None]:
    def refuse() -> None:
        raise refused(code, "AWS was not able to validate the provided access credentials", 401)

    return refuse


@pytest.mark.parametrize("code", ["AuthFailure", "ExpiredToken"])
def test_credentials_that_are_refused_once_after_throttling_are_renewed_and_asked_with_again(code: str) -> None:
    renewed: list[bool] = []
    ec2 = FakeEc2(ids(2))
    ec2.before_stop = [throttle, throttle, throttle, not_accepted(code), lambda: None]
    retries = Retries(attempts=10, sleep=lambda _: None, on_expired=lambda: renewed.append(True))
    outcomes = act(ec2, ids(2), retries=retries)
    assert {outcome.status for outcome in outcomes.values()} == {OutcomeStatus.STOPPING}
    assert renewed == [True]


@pytest.mark.parametrize("code", ["AuthFailure", "RequestExpired"])
def test_credentials_that_are_never_accepted_are_given_up_after_five_tries_and_the_marks_taken_back(code: str) -> None:
    ec2 = FakeEc2(ids(2))
    ec2.before_stop = [not_accepted(code)] * 20
    outcomes = act(ec2, ids(2), retries=TEN)
    assert {(outcome.status, outcome.code) for outcome in outcomes.values()} == {(OutcomeStatus.FAILED, code)}
    assert len(ec2.stops) == 5
    assert not any(ec2.tags.values())

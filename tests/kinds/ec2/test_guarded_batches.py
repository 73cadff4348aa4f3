"""What the guard is asked and told around each batch: intents before calls, what came of it after, and halts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.aws.retries import Retries
from orchestrator.core.model import Action, OutcomeStatus
from tests.support.builders import ACCOUNT, REGION
from tests.support.fake_ec2 import (
    NO_CAPACITY,
    NOW,
    FakeEc2,
    RecordingGuard,
    RecordingPacing,
    act,
    ids,
    refused,
    statuses,
    throttle,
)

NOT_HANDED_OUT = "no more work was handed out before it was its turn"


class KilledError(BaseException):
    """As SIGKILL: nothing in the product may catch it."""


def test_each_batch_is_admitted_then_marked_then_called_then_recorded_before_the_next_begins() -> None:
    ec2 = FakeEc2(ids(70))
    act(ec2, ids(70), guard=RecordingGuard(log=ec2.log))
    assert ec2.log == ["admit 50", "mark 50", "stop 50", "record 50", "admit 20", "mark 20", "stop 20", "record 20"]


def test_what_the_guard_does_not_admit_is_not_stopped_and_has_no_outcome() -> None:
    kept = frozenset(ids(60)[45:55])
    ec2 = FakeEc2(ids(60))
    guard = RecordingGuard(refused=kept)
    outcomes = act(ec2, ids(60), guard=guard)
    assert set(outcomes) == set(guard.statuses()) == set(ids(60)) - kept
    assert {one for one, state in ec2.states.items() if state == "running"} == kept


def test_a_batch_of_which_nothing_is_admitted_makes_no_call_and_records_nothing() -> None:
    ec2 = FakeEc2(ids(3))
    outcomes = act(ec2, ids(3), guard=RecordingGuard(log=ec2.log, refused=frozenset(ids(3))))
    assert (outcomes, ec2.log) == ({}, ["admit 3"])


def test_what_is_recorded_is_what_aws_answered_and_not_yet_seen() -> None:
    there, bad, good = ids(3)
    ec2 = FakeEc2(ids(3), bad={bad: ("OperationNotPermitted", "The instance '{id}' may not be stopped.")})
    ec2.states[there], ec2.reasons[there] = "stopped", "User initiated (2026-11-23 18:00:00 GMT)"
    guard = RecordingGuard()
    outcomes = act(ec2, ids(3), guard=guard)
    assert guard.statuses() == {
        there: OutcomeStatus.ALREADY_STOPPED,
        bad: OutcomeStatus.FAILED,
        good: OutcomeStatus.STOPPING,
    }
    assert {(outcome.requested_at, outcome.verified_at) for outcome in guard.recorded} == {(NOW, None)}
    assert {outcome.verified_at for outcome in outcomes.values()} == {NOW}


def test_marks_are_not_deleted_again_once_another_process_has_the_sweep() -> None:
    ec2 = FakeEc2(ids(1), bad={ids(1)[0]: ("OperationNotPermitted", "The instance '{id}' may not be stopped.")})
    act(ec2, ids(1), guard=RecordingGuard(log=ec2.log, unmarks=False))
    assert ec2.log == ["admit 1", "mark 1", "stop 1", "record 1"]


def test_marks_that_could_not_be_deleted_again_are_recorded_as_a_warning() -> None:
    ec2 = FakeEc2(ids(1), bad={ids(1)[0]: ("OperationNotPermitted", "The instance '{id}' may not be stopped.")})

    def no_tags() -> None:
        ec2.cannot_tag = {ids(1)[0]: ("UnauthorizedOperation", "no")}

    ec2.before_stop = [no_tags]
    guard = RecordingGuard()
    act(ec2, ids(1), guard=guard)
    assert guard.recorded[0].code == "OperationNotPermitted"
    [warning] = guard.recorded[0].warnings
    assert "were not deleted: UnauthorizedOperation: no; " in warning


def test_an_instance_that_awss_answer_leaves_out_is_not_recorded_as_stopped() -> None:
    ec2 = FakeEc2(ids(2))
    ec2.stop_instances = lambda **_: {"StoppingInstances": [{"InstanceId": ids(2)[0]}]}  # type: ignore[method-assign]  # a lie
    guard = RecordingGuard()
    act(ec2, ids(2), guard=guard)
    assert [(outcome.status, outcome.code) for outcome in guard.recorded] == [
        (OutcomeStatus.STOPPING, ""),
        (OutcomeStatus.UNKNOWN, "Unanswered"),
    ]


def test_a_hibernation_that_falls_back_is_recorded_once_after_its_plain_stop() -> None:
    bad = ids(2)[0]
    ec2 = FakeEc2(ids(2))

    def no_hibernation() -> None:
        raise refused("UnsupportedHibernationConfiguration", f"The instance '{bad}' is not configured to hibernate.")

    ec2.before_stop = [no_hibernation]
    act(ec2, ids(2), Action.HIBERNATE, RecordingGuard(log=ec2.log), hibernation_configured=True)
    assert ec2.log == ["admit 2", "mark 2", "stop 2", "stop 1", "stop 1", "record 2"]
    assert [hibernate for _, hibernate in ec2.stops] == [True, True, False]


def test_a_halt_in_the_middle_of_a_bisect_ends_the_calls_and_keeps_what_was_accepted() -> None:
    bad = ids(8)[0]
    ec2 = FakeEc2(ids(8), bad={bad: ("SomethingNew", "AWS does not say to whom")})
    guard = RecordingGuard(log=ec2.log, allows=lambda: len(ec2.stops) < 2)
    outcomes = act(ec2, ids(8), guard=guard)
    assert ec2.log == ["admit 8", "mark 8", "stop 8", "stop 4", "unmark 4", "record 8"]
    assert list(statuses(outcomes).values()) == [OutcomeStatus.NOT_ATTEMPTED] * 4 + [OutcomeStatus.STOPPING] * 4
    assert {outcomes[one].message for one in ids(4)} == {NOT_HANDED_OUT}
    assert guard.statuses() == statuses(outcomes)


def test_a_halt_that_comes_while_a_call_waits_for_its_turn_stops_that_call() -> None:
    ec2 = FakeEc2(ids(2))
    halted: list[bool] = []
    pacing = RecordingPacing(while_waiting=lambda: halted.append(True))
    outcomes = act(ec2, ids(2), guard=RecordingGuard(allows=lambda: not halted), pacing=pacing)
    assert ec2.stops == []
    assert ec2.tags == {}
    assert set(statuses(outcomes).values()) == {OutcomeStatus.NOT_ATTEMPTED}


def test_a_halt_after_the_marks_stops_the_call_and_takes_them_back() -> None:
    ec2 = FakeEc2(ids(2))
    guard = RecordingGuard(log=ec2.log, allows=lambda: not ec2.tags)
    outcomes = act(ec2, ids(2), guard=guard)
    assert ec2.log == ["admit 2", "mark 2", "unmark 2", "record 2"]
    assert ec2.tags == {one: {} for one in ids(2)}
    assert set(statuses(outcomes).values()) == {OutcomeStatus.NOT_ATTEMPTED}


def test_after_a_halt_nothing_waits_for_a_turn_any_more() -> None:
    ec2 = FakeEc2(ids(120))
    pacing = RecordingPacing()
    act(ec2, ids(120), guard=RecordingGuard(allows=lambda: False), pacing=pacing)
    assert [operation for _, _, operation, _ in pacing.waits] == ["ec2:CreateTags"]


def test_a_process_killed_between_two_batches_has_recorded_the_first_and_called_nothing_of_the_second() -> None:
    ec2 = FakeEc2(ids(100))

    def killed_after_the_first() -> None:
        if ec2.stops:
            raise KilledError(ids)

    guard = RecordingGuard(log=ec2.log, before_admitting=killed_after_the_first)
    with pytest.raises(KilledError):
        act(ec2, ids(100), guard=guard)
    assert ec2.log == ["admit 50", "mark 50", "stop 50", "record 50"]
    assert guard.statuses() == dict.fromkeys(ids(50), OutcomeStatus.STOPPING)


def test_whatever_breaks_in_one_batch_it_is_recorded_as_failed_and_the_next_is_carried_out() -> None:
    ec2 = FakeEc2(ids(60))

    def bug() -> None:
        raise ZeroDivisionError("our own bug")

    ec2.before_stop = [bug]
    guard = RecordingGuard()
    outcomes = act(ec2, ids(60), guard=guard)
    assert list(statuses(outcomes).values()) == [OutcomeStatus.FAILED] * 50 + [OutcomeStatus.STOPPING] * 10
    assert set(guard.statuses().values()) == {OutcomeStatus.UNKNOWN, OutcomeStatus.STOPPING}  # before it was looked at
    assert outcomes[ids(1)[0]].code == "ZeroDivisionError"


def test_what_a_bug_breaks_off_after_the_call_is_unknown_where_it_cannot_be_looked_at() -> None:
    ec2 = FakeEc2(ids(1))

    def bug() -> None:
        ec2.describe_instances = blind  # type: ignore[method-assign]  # from here on
        raise ZeroDivisionError("our own bug")

    ec2.before_stop = [bug]
    (outcome,) = act(ec2, ids(1)).values()
    assert outcome.status is OutcomeStatus.UNKNOWN


def test_an_answer_that_is_lost_in_a_region_that_is_then_blind_is_unknown_and_stays_marked() -> None:
    ec2 = FakeEc2(ids(1))

    def lost() -> None:
        ec2.describe_instances = blind  # type: ignore[method-assign]  # from here on
        raise refused("InternalError", "no answer", 500)

    ec2.before_stop = [lost] * 4
    guard = RecordingGuard()
    (outcome,) = act(ec2, ids(1), guard=guard).values()
    assert (outcome.status, outcome.code) == (OutcomeStatus.UNKNOWN, "UnauthorizedOperation")
    assert (outcome.requested_at, outcome.verified_at) == (NOW, None)
    assert guard.recorded[0].status is OutcomeStatus.UNKNOWN
    assert ec2.tags[ids(1)[0]]


def blind(*_: object) -> list[dict[str, Any]]:
    raise refused("UnauthorizedOperation", "no more looks", 403)


def test_what_a_process_that_died_asked_for_is_this_sweeps_where_it_is_found_down() -> None:
    """Delivered twice, or resumed while AWS was behind: it is down since the first call."""
    one, other = ids(2)
    ec2 = FakeEc2([one, other])
    ec2.states = dict.fromkeys([one, other], "stopped")
    earlier = NOW - timedelta(minutes=3)
    ec2.reasons = {one: f"User initiated ({earlier + timedelta(seconds=1):%Y-%m-%d %H:%M:%S} GMT)"}
    outcomes = act(ec2, [one, other], guard=RecordingGuard(before={one: earlier}))
    assert list(statuses(outcomes).values()) == [OutcomeStatus.STOPPING, OutcomeStatus.ALREADY_STOPPED]
    assert outcomes[one].requested_at == earlier


@pytest.mark.parametrize(
    ("action", "change", "tagging"),
    [(Action.STOP, "StopInstances", [("CreateTags", 0)]), (Action.START, "StartInstances", [])],
)
def test_each_call_waits_for_its_turn_in_its_account_and_region(
    action: Action, change: str, tagging: list[tuple[str, int]]
) -> None:
    ec2 = FakeEc2(ids(60), state="running" if action is Action.STOP else "stopped")
    pacing = RecordingPacing()
    act(ec2, ids(60), action, pacing=pacing)
    batches = [*tagging, (change, 50), *tagging, (change, 10)]
    assert pacing.waits == [
        (ACCOUNT, REGION, f"ec2:{operation}", instances)
        for operation, instances in (*batches, ("DescribeInstances", 0))
    ]
    assert pacing.told == []


@pytest.mark.parametrize("action", [Action.STOP, Action.START])
def test_a_throttling_answer_is_told_to_the_pacing_of_that_call(action: Action) -> None:
    ec2 = FakeEc2(ids(2), state="running" if action is Action.STOP else "stopped")
    ec2.before_stop = ec2.before_start = [throttle]
    pacing = RecordingPacing()
    act(ec2, ids(2), action, pacing=pacing)
    operation = "ec2:StopInstances" if action is Action.STOP else "ec2:StartInstances"
    assert pacing.told == [(ACCOUNT, REGION, operation)]
    assert pacing.waits.count((ACCOUNT, REGION, operation, 2)) == 2


def test_throttled_tags_are_told_wait_for_another_turn_and_are_written() -> None:
    ec2 = FakeEc2(ids(1))
    ec2.tag_refusals = [refused("RequestLimitExceeded", "no", 503)]
    pacing = RecordingPacing()
    outcomes = act(ec2, ids(1), pacing=pacing)
    assert pacing.told == [(ACCOUNT, REGION, "ec2:CreateTags")]
    assert pacing.waits.count((ACCOUNT, REGION, "ec2:CreateTags", 0)) == 2
    assert outcomes[ids(1)[0]].warnings == ()


def test_a_refusal_that_is_no_throttling_slows_nothing_down() -> None:
    ec2 = FakeEc2(ids(2), bad={ids(1)[0]: ("OperationNotPermitted", "'{id}' may not be stopped")})
    pacing = RecordingPacing()
    act(ec2, ids(2), pacing=pacing)
    assert pacing.told == []


def test_a_halt_leaves_what_waits_for_capacity_with_awss_words() -> None:
    one = ids(1)[0]
    ec2 = FakeEc2([one], bad={one: ("InsufficientInstanceCapacity", NO_CAPACITY)}, state="stopped")
    guard = RecordingGuard(allows=lambda: not ec2.starts)
    outcomes = act(ec2, [one], Action.START, guard, retries=Retries(attempts=3, sleep=lambda _: None))
    assert len(ec2.starts) == 1
    assert outcomes[one].status is guard.statuses()[one] is OutcomeStatus.NOT_ATTEMPTED
    assert (
        outcomes[one].message == f"AWS answered before: InsufficientInstanceCapacity: {NO_CAPACITY}; {NOT_HANDED_OUT}"
    )


@pytest.mark.parametrize("is_anothers", [False, True])
def test_what_a_second_delivery_of_the_same_work_stopped_first_keeps_its_marks_and_is_this_sweeps(
    is_anothers: bool,
) -> None:
    there, good = ids(2)
    ec2 = FakeEc2(ids(2))
    ec2.states[there], ec2.reasons[there] = "stopped", "User initiated (2026-11-23 18:00:00 GMT)"
    outcomes = act(ec2, ids(2), guard=RecordingGuard(anothers=frozenset({there} if is_anothers else ())))
    assert (statuses(outcomes)[there] is OutcomeStatus.ALREADY_STOPPED) is not is_anothers
    assert bool(ec2.tags[there]) is is_anothers
    assert ec2.tags[good]


# --- told once, with what the look that follows at once has seen


def test_what_aws_accepted_of_the_last_batch_is_told_once_with_what_was_seen_right_after() -> None:
    ec2 = FakeEc2(ids(70))
    guard = RecordingGuard()
    outcomes = act(ec2, ids(70), guard=guard)
    told = {one.resource.resource_id: one for one in guard.recorded}
    assert len(guard.recorded) == 70
    assert {told[one].verified_at for one in ids(70)[:50]} == {None}
    assert {one: told[one] for one in ids(70)[50:]} == {one: outcomes[one] for one in ids(70)[50:]}
    assert {outcomes[one].verified_at for one in ids(70)[50:]} == {NOW}


def test_before_a_look_is_repeated_aws_answers_are_told() -> None:
    told: list[str] = []

    class Behind(FakeEc2):
        """It still shows them running, and the second time as they are."""

        def describe_instances(self, ids: Sequence[str]) -> list[dict[str, Any]]:
            told.append(f"look after {[one.status.value for one in guard.recorded]}")
            found = super().describe_instances(ids)
            return [{**one, "State": {"Name": "running"}} for one in found] if len(told) == 1 else found

    guard = RecordingGuard()
    outcomes = act(Behind(ids(1)), ids(1), guard=guard)
    assert told == ["look after []", "look after ['stopping']"]
    assert [one.verified_at for one in guard.recorded] == [None]
    assert [one.verified_at for one in outcomes.values()] == [NOW]


def test_before_a_look_that_failed_is_tried_again_aws_answers_are_told() -> None:
    told: list[int] = []

    class Throttled(FakeEc2):
        def describe_instances(self, ids: Sequence[str]) -> list[dict[str, Any]]:
            told.append(len(guard.recorded))
            if len(told) < 3:
                throttle()
            return super().describe_instances(ids)

    guard = RecordingGuard()
    act(Throttled(ids(2)), ids(2), guard=guard)
    assert told == [0, 2, 2]


def test_a_look_that_breaks_off_costs_no_word_of_what_aws_accepted() -> None:
    class Broken(FakeEc2):
        def describe_instances(self, ids: Sequence[str]) -> list[dict[str, Any]]:
            raise KilledError(ids)

    guard = RecordingGuard()
    with pytest.raises(KilledError):
        act(Broken(ids(2)), ids(2), guard=guard)
    assert [one.status for one in guard.recorded] == [OutcomeStatus.STOPPING] * 2


def test_where_aws_refused_one_of_the_last_batch_its_answers_are_told_before_the_look() -> None:
    bad, good = ids(2)
    looks: list[int] = []

    class Watched(FakeEc2):
        def describe_instances(self, ids: Sequence[str]) -> list[dict[str, Any]]:
            looks.append(len(guard.recorded))
            return super().describe_instances(ids)

    guard = RecordingGuard()
    refusal = ("OperationNotPermitted", "The instance '{id}' may not be stopped.")
    act(Watched(ids(2), bad={bad: refusal}), ids(2), guard=guard)
    assert looks[-1] == 2
    assert guard.statuses() == {bad: OutcomeStatus.FAILED, good: OutcomeStatus.STOPPING}

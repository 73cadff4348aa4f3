"""Starting, which is stopping the other way round: the same batches, other states, and capacity that comes and goes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from orchestrator.aws.retries import Retries
from orchestrator.core.model import Action, Outcome, OutcomeStatus
from orchestrator.core.model.marks import STOPPED_AT_TAG, STOPPED_BY_TAG
from tests.support.builders import SWEEP_ID
from tests.support.fake_ec2 import NO_CAPACITY, NOW, FakeEc2, RecordingGuard, act, ids, refused, statuses

WRONG_STATE = ("IncorrectInstanceState", "The instance '{id}' is not in a state from which it can be started.")
CODES = ["InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientReservedInstanceCapacity"]


def start(ec2: FakeEc2, guard: RecordingGuard | None = None, **facts: bool) -> dict[str, Outcome]:
    """All that it has; what is stopped when nothing else was said."""
    return act(ec2, list(ec2.states), Action.START, guard, **facts)


def stopped(count: int) -> FakeEc2:
    return FakeEc2(ids(count), state="stopped")


def short_of_capacity(ec2: FakeEc2, short: list[str], code: str = CODES[0], status: int = 500) -> None:
    ec2.bad, ec2.status = dict.fromkeys(short, (code, NO_CAPACITY)), status


def comes_up_at_once(ec2: FakeEc2) -> None:
    """Faster than EC2."""
    [one] = ec2.states

    def started(**_: object) -> dict[str, object]:
        ec2.states[one] = "running"
        return {"StartingInstances": [{"InstanceId": one, "PreviousState": {"Name": "stopped"}}]}

    ec2.start_instances = started  # type: ignore[method-assign,assignment]  # a fake's


def test_stopped_instances_are_started_in_batches_of_at_most_fifty() -> None:
    ec2 = stopped(120)
    outcomes = start(ec2)
    assert [len(batch) for batch in ec2.starts] == [50, 50, 20]
    assert set(statuses(outcomes).values()) == {OutcomeStatus.STARTING}
    assert ec2.stops == []


def test_an_instance_that_already_runs_when_it_is_looked_at_is_started() -> None:
    ec2 = stopped(1)
    comes_up_at_once(ec2)
    assert statuses(start(ec2)) == {ids(1)[0]: OutcomeStatus.STARTED}


def test_a_hibernated_instance_is_started_like_any_other() -> None:
    ec2 = stopped(2)
    outcomes = start(ec2, hibernation_configured=True)
    assert ec2.starts == [tuple(ids(2))]
    assert {(outcome.status, outcome.message) for outcome in outcomes.values()} == {(OutcomeStatus.STARTING, "")}


def test_what_someone_else_started_before_is_not_claimed_and_keeps_its_tags() -> None:
    running, down = ids(2)
    ec2 = stopped(2)
    ec2.states[running] = "running"
    ec2.tags = {one: {STOPPED_BY_TAG: SWEEP_ID} for one in ids(2)}
    outcomes = start(ec2)
    assert statuses(outcomes) == {running: OutcomeStatus.ALREADY_RUNNING, down: OutcomeStatus.STARTING}
    assert outcomes[running].message == "it was started by someone else before this sweep asked"
    assert ec2.tags == {one: {STOPPED_BY_TAG: SWEEP_ID} for one in ids(2)}


def test_what_someone_else_is_starting_has_not_come_up_yet_and_is_watched_like_any_start() -> None:
    ec2 = stopped(1)
    ec2.states[ids(1)[0]] = "pending"
    assert statuses(start(ec2)) == {ids(1)[0]: OutcomeStatus.STARTING}


@pytest.mark.parametrize("is_up", [False, True])
def test_an_instance_that_is_seen_running_loses_both_tags_of_its_stop_and_no_others(is_up: bool) -> None:
    ec2 = stopped(1)
    marks = {STOPPED_BY_TAG: SWEEP_ID, STOPPED_AT_TAG: "2026-11-23T18:00:00Z"}
    ec2.tags = {ids(1)[0]: {**marks, "Owner": "me"}}
    if is_up:
        comes_up_at_once(ec2)
    start(ec2)
    assert ec2.tags == {ids(1)[0]: {"Owner": "me"} if is_up else {**marks, "Owner": "me"}}


def test_tags_that_cannot_be_deleted_are_a_warning_and_never_a_failed_start() -> None:
    ec2 = stopped(1)
    comes_up_at_once(ec2)
    ec2.tag_refusals = [refused("UnauthorizedOperation", "not authorized to perform: ec2:DeleteTags")]
    (outcome,) = start(ec2).values()
    assert outcome.status is OutcomeStatus.STARTED
    assert "not authorized to perform: ec2:DeleteTags" in outcome.warnings[0]


def test_an_instance_that_is_still_stopping_is_tried_again_later() -> None:
    ec2 = stopped(1)
    ec2.states[ids(1)[0]], ec2.bad = "stopping", {ids(1)[0]: WRONG_STATE}
    ec2.before_start = [lambda: None, ec2.bad.clear]
    assert statuses(start(ec2)) == {ids(1)[0]: OutcomeStatus.STARTING}
    assert len(ec2.starts) == 2


def test_a_terminated_instance_is_a_failure_and_the_rest_is_started() -> None:
    bad = ids(3)[1]
    ec2 = stopped(3)
    ec2.states[bad], ec2.bad = "terminated", {bad: WRONG_STATE}
    outcomes = start(ec2)
    assert (outcomes[bad].status, outcomes[bad].code) == (OutcomeStatus.FAILED, "IncorrectInstanceState")
    assert [state for one, state in ec2.states.items() if one != bad] == ["pending"] * 2


def test_a_start_that_aws_accepted_but_that_is_not_seen_yet_is_starting() -> None:
    ec2 = stopped(1)
    ec2.start_instances = lambda **_: {"StartingInstances": [{"InstanceId": ids(1)[0]}]}  # type: ignore[method-assign]  # a lie
    (outcome,) = start(ec2).values()
    assert (outcome.status, outcome.code, outcome.message, outcome.verified_at) == (
        OutcomeStatus.STARTING,
        "",
        "AWS accepted the start, but the instance is still stopped",
        None,
    )


@pytest.mark.parametrize(
    ("launched", "state", "status"),
    [
        (timedelta(0), "pending", OutcomeStatus.STARTING),
        (timedelta(0), "running", OutcomeStatus.STARTED),
        (timedelta(minutes=-5), "running", OutcomeStatus.STARTED),
        (timedelta(minutes=-6), "pending", OutcomeStatus.STARTING),
        (timedelta(minutes=-6), "running", OutcomeStatus.ALREADY_RUNNING),
    ],
)
def test_after_a_time_out_the_launch_time_tells_who_started_what_runs(
    launched: timedelta, state: str, status: OutcomeStatus
) -> None:
    ec2 = stopped(1)

    def timed_out() -> None:
        ec2.states[ids(1)[0]], ec2.launched[ids(1)[0]] = state, NOW + launched
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

    ec2.before_start = [timed_out]
    assert statuses(start(ec2)) == {ids(1)[0]: status}
    assert len(ec2.starts) == 1


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("status", [400, 500])
def test_one_instance_without_capacity_among_fifty_leaves_forty_nine_started(code: str, status: int) -> None:
    bad = ids(50)[20]
    ec2 = stopped(50)
    short_of_capacity(ec2, [bad], code, status)
    outcomes = start(ec2)
    assert {one for one, state in ec2.states.items() if state == "stopped"} == {bad}
    assert (outcomes[bad].status, outcomes[bad].code, outcomes[bad].message) == (
        OutcomeStatus.FAILED,
        code,
        NO_CAPACITY,
    )
    assert len([batch for batch in ec2.starts if batch == (bad,)]) == 5, "once, and again as often as retries allow"


def test_what_has_no_capacity_is_tried_again_only_after_everything_else() -> None:
    bad = ids(60)[0]
    ec2 = stopped(60)
    short_of_capacity(ec2, [bad])
    start(ec2)
    alone = [number for number, batch in enumerate(ec2.starts) if batch == (bad,)]
    others = [number for number, batch in enumerate(ec2.starts) if bad not in batch]
    assert len(alone) > 1
    assert max(others) < alone[1]


def test_capacity_that_comes_back_is_used_after_a_wait_and_recorded_once_at_the_end() -> None:
    ec2 = stopped(3)
    short_of_capacity(ec2, ids(1))
    guard = RecordingGuard(log=ec2.log)

    def capacity_is_back(_: float) -> None:
        ec2.log.append("wait")
        ec2.bad.clear()

    outcomes = act(ec2, ids(3), Action.START, guard, retries=Retries(attempts=4, sleep=capacity_is_back))
    assert set(statuses(outcomes).values()) == {OutcomeStatus.STARTING}
    after = ec2.log.index("wait")
    assert ec2.log[after - 1 :] == ["record 2", "wait", "start 1", "record 1"]
    assert len(guard.recorded) == len(guard.statuses()) == 3


def test_a_start_that_waited_for_capacity_was_asked_for_when_aws_accepted_it() -> None:
    """What is looked at afterwards must not be taken for newer than its start."""
    waited: list[float] = []
    ec2 = stopped(1)
    short_of_capacity(ec2, ids(1))

    def capacity_is_back(_: float) -> None:
        waited.append(60)
        ec2.bad.clear()

    def now() -> datetime:
        return NOW + timedelta(seconds=sum(waited))

    retries = Retries(attempts=4, sleep=capacity_is_back)
    (outcome,) = act(ec2, ids(1), Action.START, retries=retries, now=now).values()
    assert (outcome.status, outcome.requested_at) == (OutcomeStatus.STARTING, NOW + timedelta(minutes=1))


def test_between_the_tries_for_capacity_the_wait_grows_and_the_last_refusal_is_recorded_as_a_failure() -> None:
    waits: list[float] = []
    ec2 = stopped(1)
    short_of_capacity(ec2, ids(1))
    guard = RecordingGuard()
    act(ec2, ids(1), Action.START, guard, retries=Retries(attempts=3, sleep=waits.append))
    assert (len(waits), len(ec2.starts)) == (3, 4)
    assert [(outcome.status, outcome.code) for outcome in guard.recorded] == [(OutcomeStatus.FAILED, CODES[0])]


def test_an_unsupported_type_is_no_lack_of_capacity_and_fails_at_once() -> None:
    ec2 = stopped(2)
    ec2.bad = {ids(1)[0]: ("Unsupported", "Your requested instance type is not supported in your Availability Zone.")}
    outcomes = start(ec2)
    assert list(statuses(outcomes).values()) == [OutcomeStatus.FAILED, OutcomeStatus.STARTING]
    assert ec2.starts.count((ids(1)[0],)) == 1


# --- what lost its mark -----------------------------------------------------------------------------------------------

LOST = {STOPPED_BY_TAG: "20261123T190000Z-source"}
"""What such a start has to write first."""
DENIED = ("UnauthorizedOperation", "You are not authorized to perform this operation.")


class OnlyMarked(FakeEc2):
    """Starts only what is marked, as the member role does; of a fresh mark IAM knows after `learns_after` refusals."""

    learns_after = 0

    def start_instances(self, *, InstanceIds: list[str]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        bare = [one for one in InstanceIds if STOPPED_BY_TAG not in self.tags.get(one, {})]
        if bare or self.learns_after:
            self.learns_after -= not bare
            self.starts.append(tuple(InstanceIds))
            raise refused(*DENIED, 403)
        return super().start_instances(InstanceIds=InstanceIds)


def bare(count: int) -> OnlyMarked:
    return OnlyMarked(ids(count), state="stopped")


def start_bare(ec2: FakeEc2, guard: RecordingGuard | None = None) -> dict[str, Outcome]:
    return act(ec2, list(ec2.states), Action.START, guard, restore=LOST)


def test_what_lost_its_mark_gets_it_of_the_sweep_that_stopped_it_and_is_then_started() -> None:
    ec2 = bare(3)
    seen: list[dict[str, str]] = []
    ec2.before_start = [lambda: seen.extend(dict(tags) for tags in ec2.tags.values())]
    outcomes = start_bare(ec2, RecordingGuard(log=ec2.log))
    assert set(statuses(outcomes).values()) == {OutcomeStatus.STARTING}
    assert seen == [LOST] * 3
    assert ec2.log == ["admit 3", "mark 3", "start 3", "record 3"]
    assert ec2.tags == dict.fromkeys(ids(3), LOST), "until they are seen running"


def test_a_start_that_needs_no_mark_costs_no_call_for_one() -> None:
    ec2 = stopped(3)
    start(ec2)
    assert ec2.log == ["start 3"]


def test_one_that_cannot_be_marked_again_is_asked_for_all_the_same_and_costs_no_other_its_start() -> None:
    full = ids(50)[20]
    ec2 = bare(50)
    ec2.cannot_tag = {full: ("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")}
    outcomes = start_bare(ec2)
    assert {one for one, status in statuses(outcomes).items() if status is not OutcomeStatus.STARTING} == {full}
    assert (outcomes[full].status, outcomes[full].code) == (OutcomeStatus.FAILED, "UnauthorizedOperation")
    assert "its mark was removed, and it cannot be marked again: TagLimitExceeded" in outcomes[full].message
    assert [len(batch) for batch in ec2.starts] == [49, 1]


def test_where_iam_asks_for_no_mark_one_that_cannot_be_marked_again_is_started() -> None:
    ec2 = stopped(2)
    ec2.cannot_tag = dict.fromkeys(ids(1), ("TagLimitExceeded", "The maximum number of Tags ..."))
    assert set(statuses(start_bare(ec2)).values()) == {OutcomeStatus.STARTING}


def test_iam_that_does_not_know_of_the_mark_yet_is_asked_again() -> None:
    ec2 = bare(2)
    ec2.learns_after = 2
    assert set(statuses(start_bare(ec2)).values()) == {OutcomeStatus.STARTING}
    assert [len(batch) for batch in ec2.starts] == [2, 2, 2], "all together, as none of them is guilty"


def test_a_denial_of_what_had_its_mark_all_along_is_final() -> None:
    ec2 = stopped(1)
    ec2.bad = {ids(1)[0]: DENIED}
    assert set(statuses(start(ec2)).values()) == {OutcomeStatus.FAILED}
    assert len(ec2.starts) == 1


def test_what_was_marked_again_and_not_started_keeps_its_mark_for_the_next_undo() -> None:
    ec2 = bare(1)
    ec2.bad = {ids(1)[0]: ("SomethingNew", "no")}
    assert set(statuses(start_bare(ec2)).values()) == {OutcomeStatus.FAILED}
    assert ec2.tags == {ids(1)[0]: LOST}


def test_what_was_marked_again_and_already_ran_loses_that_mark() -> None:
    ec2 = bare(2)
    ec2.states[ids(1)[0]] = "running"
    assert statuses(start_bare(ec2))[ids(1)[0]] is OutcomeStatus.ALREADY_RUNNING
    assert [ec2.tags[one] for one in ids(2)] == [{}, LOST]


def test_a_halt_before_the_mark_is_written_again_leaves_the_start() -> None:
    ec2 = bare(2)
    outcomes = start_bare(ec2, RecordingGuard(allows=lambda: False))
    assert set(statuses(outcomes).values()) == {OutcomeStatus.NOT_ATTEMPTED}
    assert (ec2.starts, ec2.tags) == ([], {})

"""What a process that died had announced is told by looking: nothing is stopped or started, only its tags completed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.aws.clients import bound_to
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Action, Outcome, OutcomeStatus, Resource
from orchestrator.core.model.marks import STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.kinds.ec2.kind import Ec2Instances
from orchestrator.ports import TargetUnreadableError
from tests.support.builders import SWEEP_ID, a_resource
from tests.support.fake_ec2 import RecordingPacing
from tests.support.local_aws import Fixed, LocalAws, closing_clients, refusal, serving
from tests.support.made_up_ec2 import MadeUpEc2, an_instance

ASKED = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
LATER = ASKED + timedelta(hours=2)
TARGET = a_resource().target
OURS = {STOPPED_BY_TAG: SWEEP_ID, STOPPED_AT_TAG: "2026-11-23T19:00:00Z"}
ANOTHERS = {STOPPED_BY_TAG: "20261122T190000Z-000000", STOPPED_AT_TAG: "2026-11-22T19:00:00Z"}


@pytest.fixture
def ec2() -> MadeUpEc2:
    return MadeUpEc2()


@pytest.fixture
def aws(ec2: MadeUpEc2, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    with serving(ec2, monkeypatch) as server:
        yield server
        touched = {"DescribeInstances", "CreateTags", "DeleteTags"}
        assert set(server.operations()) <= touched, "recovering never stops or starts anything"


@pytest.fixture
def kind(aws: LocalAws) -> Iterator[Ec2Instances]:
    retries = Retries(attempts=2, sleep=lambda _: None)
    with closing_clients() as clients, bound_to(Fixed(TARGET.account_id)):
        yield Ec2Instances(clients, retries, lambda: LATER, RecordingPacing())  # type: ignore[arg-type]  # a fake


def recover(kind: Ec2Instances, action: Action, *wanted: str) -> tuple[Outcome, ...]:
    return kind.recover_intents(TARGET, [(a_resource(one), action, ASKED) for one in wanted or ("i-1",)], SWEEP_ID)


def stopped_at(moment: datetime) -> str:
    return f"User initiated ({moment:%Y-%m-%d %H:%M:%S} GMT)"


@pytest.mark.parametrize("action", [Action.STOP, Action.HIBERNATE])
@pytest.mark.parametrize("state", ["stopping", "stopped"])
def test_what_went_down_after_the_intent_was_this_sweeps_doing(
    ec2: MadeUpEc2, kind: Ec2Instances, action: Action, state: str
) -> None:
    ec2.instances = {"i-1": an_instance(state=state, reason=stopped_at(ASKED), tags=OURS)}
    assert recover(kind, action) == (
        Outcome(
            a_resource("i-1"),
            OutcomeStatus(state),
            message="recovered after an interruption",
            requested_at=ASKED,
            verified_at=LATER,
        ),
    )


BEFORE_THIS = {STOPPED_BY_TAG: "20261122T190000Z-000000", STOPPED_AT_TAG: "2026-11-22T19:00:00Z"}
AT_ONCE = {STOPPED_BY_TAG: "20261122T190000Z-000000", STOPPED_AT_TAG: "2026-11-23T18:59:00Z"}
SINCE = {STOPPED_BY_TAG: "20261123T200000Z-000000", STOPPED_AT_TAG: "2026-11-23T20:00:00Z"}


@pytest.mark.parametrize(
    ("after", "tags", "status"),
    [
        (0, {}, "stopped"),
        (-5, {}, "stopped"),
        (300, {}, "stopped"),
        (0, BEFORE_THIS, "stopped"),
        (0, OURS, "stopped"),
        (-6, {}, "unknown"),
        (301, {}, "unknown"),
        (-300, BEFORE_THIS, "unknown"),
        (None, {}, "unknown"),
        (-301, {}, "already_stopped"),
        (601, {}, "already_stopped"),
        (0, AT_ONCE, "already_stopped"),
        (0, SINCE, "already_stopped"),
        (0, {STOPPED_BY_TAG: "ann"}, "already_stopped"),
    ],
)
def test_where_stops_were_marked_only_afterwards_the_time_tells_whose_doing_it_was(
    ec2: MadeUpEc2, kind: Ec2Instances, after: int | None, tags: dict[str, str], status: str
) -> None:
    reason = "" if after is None else stopped_at(ASKED + timedelta(seconds=after))
    ec2.instances = {"i-1": an_instance(state="stopped", reason=reason, tags=tags)}
    wanted = a_resource("i-1")
    (outcome,) = kind.recover_intents(TARGET, [(wanted, Action.STOP, ASKED)], SWEEP_ID, {wanted.key})
    assert (outcome.status.value, outcome.verified_at is None) == (status, status == "unknown")
    (outcome,) = kind.recover_intents(TARGET, [(wanted, Action.STOP, ASKED)], SWEEP_ID)
    assert outcome.status is (OutcomeStatus.STOPPED if tags == OURS else OutcomeStatus.ALREADY_STOPPED)


@pytest.mark.parametrize("state", ["pending", "running"])
def test_what_came_up_after_the_intent_was_this_undos_doing(ec2: MadeUpEc2, kind: Ec2Instances, state: str) -> None:
    ec2.instances = {"i-1": an_instance(state=state, launched=f"{ASKED:%Y-%m-%dT%H:%M:%S}.000Z")}
    (outcome,) = recover(kind, Action.START)
    expected = OutcomeStatus.STARTING if state == "pending" else OutcomeStatus.STARTED
    assert (outcome.status, outcome.message) == (expected, "recovered after an interruption")


BEFORE = ASKED - timedelta(hours=12)
DOWN = replace(a_resource("i-1", state="stopped", tags=OURS), changed_at=BEFORE, started_at=BEFORE - timedelta(hours=1))
"""As an undo planned to start it, which died at ASKED."""
THEIRS = {STOPPED_BY_TAG: "20261123T193000Z-0000ff", STOPPED_AT_TAG: "2026-11-23T19:30:00Z"}


@pytest.mark.parametrize("state", ["stopping", "stopped"])
@pytest.mark.parametrize(
    ("tags", "who"), [(THEIRS, "sweep 20261123T193000Z-0000ff"), (OURS, "somebody else"), ({}, "somebody else")]
)
@pytest.mark.parametrize(("launched", "status"), [(1, OutcomeStatus.STARTED), (-3600, OutcomeStatus.UNKNOWN)])
def test_a_start_that_may_have_been_asked_for_and_was_stopped_again_is_never_untouched(
    ec2: MadeUpEc2,
    kind: Ec2Instances,
    aws: LocalAws,
    state: str,
    tags: dict[str, str],
    who: str,
    launched: int,
    status: OutcomeStatus,
) -> None:
    again, up = ASKED + timedelta(minutes=30), ASKED + timedelta(seconds=launched)
    ec2.instances = {
        "i-1": an_instance(state=state, reason=stopped_at(again), launched=f"{up:%Y-%m-%dT%H:%M:%SZ}", tags=tags)
    }
    (outcome,) = kind.recover_intents(TARGET, [(DOWN, Action.START, ASKED)], SWEEP_ID)
    assert (outcome.status, outcome.code, outcome.verified_at) == (status, "StoppedAgain", None)
    assert f"stopped again at 2026-11-23T19:30:00Z by {who}" in outcome.message
    assert aws.operations() == ["DescribeInstances"]


@pytest.mark.parametrize("reason", ["", stopped_at(BEFORE)], ids=["no time", "the time of before"])
def test_where_only_another_sweeps_mark_says_that_it_came_up_it_is_unknown(
    ec2: MadeUpEc2, kind: Ec2Instances, reason: str
) -> None:
    ec2.instances = {"i-1": an_instance(state="stopped", reason=reason, tags=THEIRS)}
    (outcome,) = kind.recover_intents(TARGET, [(DOWN, Action.START, ASKED)], SWEEP_ID)
    assert outcome.status is OutcomeStatus.UNKNOWN
    assert "it was stopped again by sweep 20261123T193000Z-0000ff" in outcome.message


@pytest.mark.parametrize(("later", "status"), [(600, "unknown"), (0, None)])
def test_a_stop_that_may_have_been_asked_for_and_was_started_again_is_never_untouched(
    ec2: MadeUpEc2, kind: Ec2Instances, later: int, status: str | None
) -> None:
    planned = replace(a_resource("i-1"), started_at=BEFORE)
    up = BEFORE if status is None else ASKED + timedelta(seconds=later)
    ec2.instances = {"i-1": an_instance(launched=f"{up:%Y-%m-%dT%H:%M:%SZ}")}
    outcomes = kind.recover_intents(TARGET, [(planned, Action.STOP, ASKED)], SWEEP_ID)
    assert [(one.status.value, one.code) for one in outcomes] == ([(status, "StartedAgain")] if status else [])


def test_what_was_not_started_since_it_was_planned_was_not_started_by_this_undo_however_close_the_times(
    ec2: MadeUpEc2, kind: Ec2Instances
) -> None:
    launched = ASKED - timedelta(minutes=1)
    up = f"{launched:%Y-%m-%dT%H:%M:%SZ}"
    ec2.instances = {"i-1": an_instance(state="stopped", reason=stopped_at(ASKED + timedelta(hours=1)), launched=up)}
    (outcome,) = kind.recover_intents(TARGET, [(replace(DOWN, started_at=launched), Action.START, ASKED)], SWEEP_ID)
    assert (outcome.status, outcome.code) == (OutcomeStatus.UNKNOWN, "StoppedAgain")


def test_a_start_that_had_no_effect_has_no_outcome(ec2: MadeUpEc2, kind: Ec2Instances) -> None:
    ec2.instances = {"i-1": an_instance(state="stopped", reason=stopped_at(BEFORE), tags=OURS)}
    assert kind.recover_intents(TARGET, [(DOWN, Action.START, ASKED)], SWEEP_ID) == ()


LATE = {**OURS, STOPPED_BY_TAG: THEIRS[STOPPED_BY_TAG]}
"""The mark of another sweep, and no word of when that was."""
OVERWRITTEN = replace(DOWN, tags=LATE, restore={STOPPED_BY_TAG: SWEEP_ID})


@pytest.mark.parametrize("at", ["2026-11-22T19:00:00Z", "2026-11-23T19:00:00Z", "2026-11-23T19:04:00Z", "soon", ""])
@pytest.mark.parametrize(
    ("planned", "by"),
    [
        (DOWN, THEIRS[STOPPED_BY_TAG]),  # overwritten before the undo, which was shown the mark of before
        (OVERWRITTEN, SWEEP_ID),  # now it is the later look that is shown that
        (replace(DOWN, restore={STOPPED_BY_TAG: SWEEP_ID}), THEIRS[STOPPED_BY_TAG]),
    ],
)
def test_a_start_that_fell_back_failed_where_no_time_says_that_the_sweep_of_the_mark_acted_since(
    ec2: MadeUpEc2, kind: Ec2Instances, planned: Resource, by: str, at: str
) -> None:
    tags = {STOPPED_BY_TAG: by, STOPPED_AT_TAG: at}
    up = f"{ASKED:%Y-%m-%dT%H:%M:%SZ}"
    ec2.instances = {"i-1": an_instance(state="stopped", reason=stopped_at(BEFORE), launched=up, tags=tags)}
    starting = Outcome(planned, OutcomeStatus.STARTING, requested_at=ASKED, verified_at=ASKED)
    (outcome,) = kind.see_starts(TARGET, [starting])
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "StillStopped")
    assert kind.recover_intents(TARGET, [(planned, Action.START, ASKED)], SWEEP_ID) == ()


@pytest.mark.parametrize("by", [SWEEP_ID, THEIRS[STOPPED_BY_TAG]])
def test_the_sweep_that_is_undone_or_that_marked_it_before_is_never_who_stopped_it_again(
    ec2: MadeUpEc2, kind: Ec2Instances, by: str
) -> None:
    again = stopped_at(ASKED + timedelta(minutes=30))
    ec2.instances = {"i-1": an_instance(state="stopped", reason=again, tags={**THEIRS, STOPPED_BY_TAG: by})}
    starting = Outcome(OVERWRITTEN, OutcomeStatus.STARTING, requested_at=ASKED, verified_at=ASKED)
    (outcome,) = kind.see_starts(TARGET, [starting])
    assert (outcome.status, outcome.code) == (OutcomeStatus.STARTED, "StoppedAgain")
    assert outcome.message.endswith("by somebody else")


@pytest.mark.parametrize(("minutes", "status"), [(-1, OutcomeStatus.FAILED), (1, OutcomeStatus.STARTED)])
def test_of_what_fell_back_before_the_launch_time_tells_whether_it_was_stopped_again(
    ec2: MadeUpEc2, kind: Ec2Instances, minutes: int, status: OutcomeStatus
) -> None:
    up, down = ASKED - timedelta(seconds=30), ASKED - timedelta(seconds=30) + timedelta(minutes=minutes)
    ec2.instances = {
        "i-1": an_instance(state="stopped", reason=stopped_at(down), launched=f"{up:%Y-%m-%dT%H:%M:%SZ}", tags=OURS)
    }
    starting = Outcome(replace(DOWN, changed_at=None), OutcomeStatus.STARTING, requested_at=ASKED, verified_at=ASKED)
    (outcome,) = kind.see_starts(TARGET, [starting])
    assert outcome.status is status


@pytest.mark.parametrize(
    ("tags", "who"), [(THEIRS, "sweep 20261123T193000Z-0000ff"), (OURS, "somebody else"), ({}, "somebody else")]
)
def test_a_start_that_aws_accepted_and_another_sweep_stopped_again_did_not_fall_back(
    ec2: MadeUpEc2, kind: Ec2Instances, aws: LocalAws, tags: dict[str, str], who: str
) -> None:
    again = ASKED + timedelta(minutes=30)
    ec2.instances = {"i-1": an_instance(state="stopped", reason=stopped_at(again), tags=tags)}
    starting = Outcome(DOWN, OutcomeStatus.STARTING, requested_at=ASKED, verified_at=ASKED)
    (outcome,) = kind.see_starts(TARGET, [starting])
    assert (outcome.status, outcome.code, outcome.verified_at) == (OutcomeStatus.STARTED, "StoppedAgain", None)
    assert outcome.message == f"AWS accepted the start, and it was stopped again at 2026-11-23T19:30:00Z by {who}"
    assert aws.operations() == ["DescribeInstances"]


@pytest.mark.parametrize("tags", [{}, ANOTHERS])
def test_a_stop_without_this_sweeps_mark_is_someone_elses_and_gets_no_mark(
    ec2: MadeUpEc2, kind: Ec2Instances, aws: LocalAws, tags: dict[str, str]
) -> None:
    """A stop is marked before it is asked for."""
    ec2.instances = {"i-1": an_instance(state="stopped", reason=stopped_at(ASKED), tags=tags)}
    (outcome,) = recover(kind, Action.STOP)
    assert outcome.status is OutcomeStatus.ALREADY_STOPPED
    assert aws.operations() == ["DescribeInstances"]


@pytest.mark.parametrize(
    ("early", "status"),
    [(300, OutcomeStatus.STARTED), (301, OutcomeStatus.ALREADY_RUNNING)],
)
def test_what_was_launched_before_the_intent_by_any_clock_someone_else_started_and_its_tags_stay(
    ec2: MadeUpEc2, kind: Ec2Instances, aws: LocalAws, early: int, status: OutcomeStatus
) -> None:
    launched = ASKED - timedelta(seconds=early)
    ec2.instances = {"i-1": an_instance(launched=f"{launched:%Y-%m-%dT%H:%M:%SZ}", tags=OURS)}
    (outcome,) = recover(kind, Action.START)
    assert outcome.status is status
    assert bool(aws.of("DeleteTags")) is (status is OutcomeStatus.STARTED)


def test_where_ec2_does_not_tell_when_it_counts_as_this_sweeps(ec2: MadeUpEc2, kind: Ec2Instances) -> None:
    ec2.instances = {"i-1": an_instance(state="stopped", tags=OURS), "i-2": an_instance("i-2", "running")}
    assert recover(kind, Action.STOP)[0].status is OutcomeStatus.STOPPED
    assert recover(kind, Action.START, "i-2")[0].status is OutcomeStatus.STARTED


@pytest.mark.parametrize(("early", "status"), [(300, OutcomeStatus.STOPPED), (301, OutcomeStatus.ALREADY_STOPPED)])
def test_clocks_may_differ_by_minutes_where_its_marks_say_that_it_ran_just_before(
    ec2: MadeUpEc2, kind: Ec2Instances, early: int, status: OutcomeStatus
) -> None:
    reason = stopped_at(ASKED - timedelta(seconds=early))
    ec2.instances = {"i-1": an_instance(state="stopped", reason=reason, tags=OURS)}
    assert recover(kind, Action.STOP)[0].status is status


@pytest.mark.parametrize(("late", "status"), [(600, OutcomeStatus.STOPPED), (601, OutcomeStatus.ALREADY_STOPPED)])
def test_a_mark_that_a_dead_process_left_says_nothing_of_what_a_person_stopped_later(
    ec2: MadeUpEc2, kind: Ec2Instances, late: int, status: OutcomeStatus
) -> None:
    reason = stopped_at(ASKED + timedelta(seconds=late))
    ec2.instances = {"i-1": an_instance(state="stopped", reason=reason, tags=OURS)}
    assert recover(kind, Action.STOP)[0].status is status


@pytest.mark.parametrize("action", [Action.STOP, Action.START])
def test_one_that_aws_refuses_to_tell_of_is_unknown_and_costs_no_other_its_outcome(
    ec2: MadeUpEc2, kind: Ec2Instances, action: Action
) -> None:
    state = "running" if action is Action.START else "stopped"
    ec2.instances = {"i-1": an_instance(state=state, tags=OURS)}
    ec2.untold = {"i-2": refusal("SomethingNew", "no")}
    outcomes = {one.resource.resource_id: one for one in recover(kind, action, "i-1", "i-2")}
    assert outcomes["i-1"].message == "recovered after an interruption"
    assert (outcomes["i-2"].status, outcomes["i-2"].code) == (OutcomeStatus.UNKNOWN, "SomethingNew")
    assert outcomes["i-2"].verified_at is None


def test_tags_that_are_there_are_not_written_again(ec2: MadeUpEc2, kind: Ec2Instances, aws: LocalAws) -> None:
    ec2.instances = {"i-1": an_instance(state="stopped", reason=stopped_at(ASKED), tags=OURS)}
    recover(kind, Action.STOP)
    assert aws.operations() == ["DescribeInstances"]


def test_after_a_start_the_tags_of_its_stop_are_deleted_where_there_are_any(
    ec2: MadeUpEc2, kind: Ec2Instances, aws: LocalAws
) -> None:
    ec2.instances = {"i-1": an_instance("i-1", tags=ANOTHERS), "i-2": an_instance("i-2", tags={"Owner": "me"})}
    recover(kind, Action.START, "i-1", "i-2")
    (request,) = aws.of("DeleteTags")
    form = {key: value for key, value in request.form.items() if key.startswith(("ResourceId", "Tag"))}
    assert form == {"ResourceId.1": "i-1", "Tag.1.Key": STOPPED_BY_TAG, "Tag.2.Key": STOPPED_AT_TAG}


def test_marks_that_cannot_be_deleted_are_a_warning(ec2: MadeUpEc2, kind: Ec2Instances) -> None:
    ec2.instances = {"i-1": an_instance(state="running", tags=ANOTHERS)}
    ec2.refused = {"DeleteTags": [refusal("UnauthorizedOperation", "no", 403)]}
    (outcome,) = recover(kind, Action.START)
    assert outcome.status is OutcomeStatus.STARTED
    assert "were not deleted: UnauthorizedOperation: no; " in outcome.warnings[0]


def test_a_start_that_is_on_its_way_keeps_its_marks_as_it_may_fall_back(
    ec2: MadeUpEc2, kind: Ec2Instances, aws: LocalAws
) -> None:
    ec2.instances = {"i-1": an_instance(state="pending", tags=ANOTHERS)}
    (outcome,) = recover(kind, Action.START)
    assert outcome.status is OutcomeStatus.STARTING
    assert aws.operations() == ["DescribeInstances"]


@pytest.mark.parametrize("action", [Action.STOP, Action.START])
@pytest.mark.parametrize("state", ["shutting-down", "terminated", None])
def test_what_was_terminated_failed_and_is_not_tagged(
    ec2: MadeUpEc2, kind: Ec2Instances, aws: LocalAws, action: Action, state: str | None
) -> None:
    ec2.instances = {"i-1": an_instance(state=state)} if state else {}
    (outcome,) = recover(kind, action)
    assert (outcome.status, outcome.code, outcome.verified_at) == (OutcomeStatus.FAILED, "Terminated", LATER)
    assert aws.operations() == ["DescribeInstances"]


@pytest.mark.parametrize(
    ("action", "state"),
    [(Action.STOP, "pending"), (Action.STOP, "running"), (Action.START, "stopping"), (Action.START, "stopped")],
)
def test_what_the_call_never_reached_has_no_outcome_and_is_not_touched(
    ec2: MadeUpEc2, kind: Ec2Instances, aws: LocalAws, action: Action, state: str
) -> None:
    ec2.instances = {"i-1": an_instance(state=state, tags=OURS)}
    assert recover(kind, action) == ()
    assert aws.operations() == ["DescribeInstances"]


def test_a_target_that_cannot_be_looked_at_recovers_nothing(ec2: MadeUpEc2, kind: Ec2Instances) -> None:
    ec2.refused = {"DescribeInstances": [refusal("UnauthorizedOperation", "no", 403)]}
    with pytest.raises(TargetUnreadableError):
        recover(kind, Action.STOP)

"""What scales a service is suspended before its count is 0, and is as it was whenever the service runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.core.model import Action, Outcome, OutcomeStatus, Resource, ResourceState
from orchestrator.core.model.marks import MARKS, STOPPED_BY_TAG
from orchestrator.kinds.shared.marks import marks_of
from tests.kinds.contract.harness import REGION, refused
from tests.kinds.ecs_service.harness import ALL_SUSPENDED, NOT_SUSPENDED, TASKS, InMemory, KilledError
from tests.support.builders import SWEEP_ID
from tests.support.fake_ec2 import RecordingPacing

A_MINUTE = timedelta(minutes=1)
IN_PART = {**NOT_SUSPENDED, "ScheduledScalingSuspended": True}
CONCURRENT = refused("ConcurrentUpdateException", "You already have a pending update to an Auto Scaling resource.")
DENIED = refused("AccessDeniedException", "not authorized to perform: application-autoscaling:RegisterScalableTarget")
STOP = ["TagResource", "Suspend", "UpdateService 0"]
UNDO = [f"UpdateService {TASKS}", "GiveBack", "UntagResource"]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> InMemory:
    return InMemory(monkeypatch)


def add(aws: InMemory, flags: dict[str, bool] | None = NOT_SUSPENDED) -> str:
    [one] = aws.add(1, {"Owner": "me"})
    aws.flags[one] = flags
    return one


def stopped(aws: InMemory, flags: dict[str, bool] | None = NOT_SUSPENDED) -> str:
    one = add(aws, flags)
    aws.act(Action.STOP, [one])
    aws.look(one)
    aws.calls.clear()
    return one


def is_as_it_was(aws: InMemory, resource_id: str, flags: dict[str, bool] | None) -> bool:
    """Its count, its flags and its tags."""
    running = aws.word(resource_id) == "running"
    return running and aws.flags_of(resource_id) == flags and aws.tags(resource_id) == {"Owner": "me"}


def undo(aws: InMemory, resource_id: str) -> Outcome:
    started = aws.act(Action.START, [resource_id])[resource_id]
    aws.put(resource_id, "running")
    return aws.see([started], A_MINUTE)[resource_id]


@pytest.mark.parametrize("flags", [NOT_SUSPENDED, IN_PART])
def test_a_stop_suspends_first_and_an_undo_gives_back_exactly_what_was_there(
    aws: InMemory, flags: dict[str, bool]
) -> None:
    one = add(aws, flags)
    aws.act(Action.STOP, [one])
    assert aws.calls == STOP
    assert aws.flags_of(one) == ALL_SUSPENDED
    aws.look(one)
    aws.calls.clear()
    assert undo(aws, one).status is OutcomeStatus.STARTED
    assert aws.calls == UNDO
    assert is_as_it_was(aws, one, flags)


@pytest.mark.parametrize("flags", [None, ALL_SUSPENDED])
def test_what_nothing_scales_or_somebody_suspended_before_is_stopped_by_its_count_alone(
    aws: InMemory, flags: dict[str, bool] | None
) -> None:
    one = add(aws, flags)
    aws.act(Action.STOP, [one])
    aws.look(one)
    assert undo(aws, one).status is OutcomeStatus.STARTED
    assert aws.calls == ["TagResource", "UpdateService 0", f"UpdateService {TASKS}", "UntagResource"]
    assert is_as_it_was(aws, one, flags)


def test_its_calls_are_paced_under_their_services_own_names(aws: InMemory) -> None:
    one = add(aws)
    aws.act(Action.STOP, [one])
    pacing = aws.kind._pacing  # type: ignore[attr-defined]  # a fake
    assert isinstance(pacing, RecordingPacing)
    names = {operation for _, region, operation, _ in pacing.waits if region == REGION}
    assert {"ecs:UpdateService", "ecs:DescribeServices"} <= names
    assert {"application-autoscaling:RegisterScalableTarget", "application-autoscaling:DescribeScalableTargets"} < names
    assert all(name.partition(":")[0] in ("ecs", "application-autoscaling") for name in names)


# --- what goes wrong between the calls --------------------------------------------------------------------------------


def test_a_stop_that_aws_refuses_gives_back_before_the_marks_are_deleted(aws: InMemory) -> None:
    one = add(aws, IN_PART)
    aws.refuse("stop", one, aws.words.cannot_stop)
    outcome = aws.act(Action.STOP, [one])[one]
    assert (outcome.status, outcome.warnings) == (OutcomeStatus.FAILED, ())
    assert aws.calls == [*STOP, "GiveBack", "UntagResource"]
    assert is_as_it_was(aws, one, IN_PART)


def test_a_halt_between_suspending_and_stopping_gives_back(aws: InMemory) -> None:
    one = add(aws, IN_PART)
    aws.throttle("stop", 1)
    outcome = aws.act(Action.STOP, [one], aws.guard(allows=lambda: "Suspend" not in aws.calls))[one]
    assert outcome.status is OutcomeStatus.NOT_ATTEMPTED
    assert is_as_it_was(aws, one, IN_PART)


def test_what_could_not_be_given_back_keeps_its_marks_and_says_so(aws: InMemory) -> None:
    one = add(aws)
    aws.throttle("stop", 1)
    aws.refuse("stop", one, aws.words.cannot_stop)

    def deny_from_now_on() -> bool:
        aws.scaling_refusals += [DENIED] if "Suspend" in aws.calls else []
        return True

    guard = aws.guard(allows=deny_from_now_on)
    outcome = aws.act(Action.STOP, [one], guard)[one]
    assert (outcome.status, aws.word(one)) == (OutcomeStatus.FAILED, "running")
    assert "what its stop changed beside it was not given back: not authorized" in outcome.warnings[0]
    assert STOPPED_BY_TAG in aws.tags(one)


def test_scaling_that_cannot_be_suspended_is_no_stop(aws: InMemory) -> None:
    one = add(aws)
    aws.scaling_refusals = [DENIED]
    outcome = aws.act(Action.STOP, [one])[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "AccessDeniedException")
    assert aws.calls == ["TagResource", "Suspend", "UntagResource"]
    assert is_as_it_was(aws, one, NOT_SUSPENDED)


def test_an_update_of_the_scalable_target_by_somebody_else_is_waited_out(aws: InMemory) -> None:
    one = add(aws)
    aws.scaling_refusals = [CONCURRENT, CONCURRENT]
    assert aws.act(Action.STOP, [one])[one].status is OutcomeStatus.STOPPING
    aws.look(one)
    aws.scaling_refusals = [CONCURRENT, CONCURRENT]
    assert undo(aws, one).status is OutcomeStatus.STARTED
    assert is_as_it_was(aws, one, NOT_SUSPENDED)


def test_a_throttled_stop_suspends_once(aws: InMemory) -> None:
    one = add(aws)
    aws.throttle("stop", 2)
    aws.act(Action.STOP, [one])
    assert aws.calls.count("Suspend") == 1


def test_after_a_stop_whose_answer_was_lost_nothing_is_given_back_to_what_is_down(aws: InMemory) -> None:
    one = add(aws)
    aws.lose_the_answer("stop")
    assert aws.act(Action.STOP, [one])[one].status in (OutcomeStatus.STOPPING, OutcomeStatus.STOPPED)
    assert (aws.calls, aws.flags_of(one)) == (STOP, ALL_SUSPENDED)


def test_nothing_is_given_back_to_what_somebody_else_stopped_meanwhile_as_that_would_start_it(aws: InMemory) -> None:
    one = add(aws)

    def stop_meanwhile() -> bool:
        if "Suspend" in aws.calls and aws.word(one) == "running":
            aws.someone(Action.STOP, [one])
        return "Suspend" not in aws.calls

    aws.throttle("stop", 1)
    outcome = aws.act(Action.STOP, [one], aws.guard(allows=stop_meanwhile))[one]
    assert aws.word(one) == "stopped"
    assert "GiveBack" not in aws.calls
    assert any("with its scaling AWS would start it" in warning for warning in outcome.warnings)


# --- a start is done when all is as it was ----------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["starting", "running"])
def test_a_start_whose_scaling_cannot_be_given_back_is_not_done_and_is_seen_to_later(aws: InMemory, word: str) -> None:
    one = stopped(aws)
    aws.scaling_refusals = [DENIED] * 3
    seen = aws.act(Action.START, [one])[one]
    for _ in range(2):
        aws.put(one, word)
        seen = aws.see([seen], A_MINUTE)[one]
        assert seen.status is OutcomeStatus.STARTING
        assert "not authorized" in seen.message
        assert len(seen.warnings) == 1
        assert STOPPED_BY_TAG in aws.tags(one)
    aws.put(one, "running")
    again = aws.see([seen], A_MINUTE)[one]
    assert (again.status, again.message, again.warnings) == (OutcomeStatus.STARTED, "", ())
    assert is_as_it_was(aws, one, NOT_SUSPENDED)


def test_what_runs_at_once_and_cannot_be_given_back_is_starting_too(aws: InMemory) -> None:
    one = stopped(aws)
    aws.scaling_refusals = [DENIED]
    guard = aws.guard()
    guard.before_admitting = lambda: aws.put(one, "running")  # and so it is seen right after the call
    outcome = aws.act(Action.START, [one], guard)[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.STARTING, "AccessDeniedException")
    assert STOPPED_BY_TAG in aws.tags(one)


def test_what_is_still_coming_up_has_its_scaling_already(aws: InMemory) -> None:
    one = stopped(aws)
    assert aws.act(Action.START, [one])[one].status is OutcomeStatus.STARTING
    assert aws.calls == UNDO[:2]
    assert (aws.flags_of(one), STOPPED_BY_TAG in aws.tags(one)) == (NOT_SUSPENDED, True)


def test_flags_that_somebody_set_since_are_theirs(aws: InMemory) -> None:
    one = stopped(aws)
    aws.flags[one] = IN_PART
    assert undo(aws, one).status is OutcomeStatus.STARTED
    assert is_as_it_was(aws, one, IN_PART)


def test_what_was_started_by_hand_does_not_take_the_sweeps_flags_for_its_own(aws: InMemory) -> None:
    one = stopped(aws)
    aws.put(one, "running")
    found = aws.look(one)[one]
    assert (found.restore, found.facts["scaling"]) == ({"desired_count": TASKS}, "suspended")
    aws.untag(one, MARKS)
    assert aws.look(one)[one].restore.keys() > {"desired_count"}, "whoever removed the marks wants it so"


# --- kills between each two calls -------------------------------------------------------------------------------------


def planned(aws: InMemory, resource_id: str) -> Resource:
    return replace(aws.look(resource_id)[resource_id], restore=aws.restores[resource_id])


@pytest.mark.parametrize("flags", [NOT_SUSPENDED, IN_PART])
@pytest.mark.parametrize("calls", range(len(STOP) + 1))
def test_a_stop_that_dies_after_any_call_is_recovered_resumed_and_undone(
    aws: InMemory, calls: int, flags: dict[str, bool]
) -> None:
    one = add(aws, flags)
    before = aws.look(one)[one]
    aws.restores[one], aws.dies_after = before.restore, calls
    if calls < len(STOP):
        with pytest.raises(KilledError):
            aws.act(Action.STOP, [one])
    else:
        aws.act(Action.STOP, [one])
    aws.dies_after = None
    outcomes = aws.recover(Action.STOP, [before], aws.now())
    if aws.word(one) == "running":
        assert outcomes == {}
        assert aws.flags_of(one) == flags
        aws.act(Action.STOP, [one])
    assert aws.look(one)[one].state in (ResourceState.STOPPING, ResourceState.STOPPED)
    assert (aws.flags_of(one), aws.tags(one)[STOPPED_BY_TAG]) == (ALL_SUSPENDED, SWEEP_ID)
    assert undo(aws, one).status is OutcomeStatus.STARTED
    assert is_as_it_was(aws, one, flags)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("calls", range(len(UNDO) + 1))
def test_a_start_that_dies_after_any_call_is_recovered_and_done(aws: InMemory, calls: int, at_once: bool) -> None:
    one = stopped(aws, IN_PART)
    before = planned(aws, one)
    aws.dies_after = calls
    try:
        started = aws.act(Action.START, [one])
        aws.put(one, "running")
        aws.see(list(started.values()), A_MINUTE)
    except KilledError:
        assert calls < len(UNDO)
    aws.dies_after = None
    if at_once and aws.word(one) == "starting":
        aws.put(one, "running")
    outcomes = aws.recover(Action.START, [before], aws.now())
    assert bool(outcomes) is bool(calls)
    outcome = outcomes[one] if outcomes else aws.act(Action.START, [one])[one]
    if outcome.status is not OutcomeStatus.STARTED:
        aws.put(one, "running")
        outcome = aws.see([outcome], A_MINUTE)[one]
    assert (outcome.status, outcome.warnings) == (OutcomeStatus.STARTED, ())
    assert is_as_it_was(aws, one, IN_PART)


def test_a_recovered_start_is_not_done_before_its_scaling_is_given_back(aws: InMemory) -> None:
    one = stopped(aws)
    before = planned(aws, one)
    aws.put(one, "running")
    aws.scaling_refusals = [DENIED]
    outcome = aws.recover(Action.START, [before], aws.now())[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.STARTING, "AccessDeniedException")
    assert STOPPED_BY_TAG in aws.tags(one)


def test_a_stop_that_had_no_effect_and_whose_scaling_cannot_be_given_back_is_unknown(aws: InMemory) -> None:
    one = add(aws)
    before = aws.look(one)[one]
    aws.tag(one, marks_of(SWEEP_ID, aws.now()))
    aws.flags[one] = ALL_SUSPENDED
    aws.scaling_refusals = [DENIED]
    outcome = aws.recover(Action.STOP, [before], aws.now())[one]
    assert outcome.status is OutcomeStatus.UNKNOWN
    assert "was not given back" in outcome.message
    old = Outcome(replace(before, tags=aws.tags(one)), OutcomeStatus.STARTING)
    assert aws.see([old], A_MINUTE)[one].status is OutcomeStatus.STARTED, "as an undo looks at it"
    assert is_as_it_was(aws, one, NOT_SUSPENDED)

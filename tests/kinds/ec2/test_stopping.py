"""The stop algorithm against a fake EC2 that refuses as AWS does: one bad id, and nothing of the batch is stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import Action, Outcome, OutcomeStatus
from orchestrator.core.model.marks import STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.kinds.ec2.act import PROFILE
from tests.support.fake_ec2 import NOW, FakeEc2, RecordingGuard, act, ids, refused, statuses, throttle


def stop(ec2: FakeEc2, wanted: Sequence[str], action: Action = Action.STOP, **facts: Any) -> dict[str, Outcome]:
    outcomes = act(ec2, wanted, action, **facts)
    assert list(outcomes) == list(wanted)
    return outcomes


def test_instances_are_stopped_in_batches_of_at_most_fifty() -> None:
    ec2 = FakeEc2(ids(120))
    outcomes = stop(ec2, ids(120))
    assert [len(batch) for batch, _ in ec2.stops] == [50, 50, 20]
    assert set(statuses(outcomes).values()) == {OutcomeStatus.STOPPING}
    assert all(outcome.verified_at == NOW for outcome in outcomes.values())


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("OperationNotPermitted", "The instance '{id}' may not be stopped. Modify its 'disableApiStop' attribute."),
        ("UnsupportedOperation", "The instance '{id}' does not have an 'ebs' root device type and cannot be stopped."),
        ("InvalidInstanceID.Malformed", 'Invalid id: "{id}"'),
        ("UnauthorizedOperation", "You are not authorized: arn:aws:ec2:eu-west-1:1:instance/{id} explicit deny"),
        ("SomethingNew", "AWS says no, and does not say to whom"),
    ],
)
def test_one_bad_instance_among_a_hundred_leaves_ninety_nine_stopped(code: str, message: str) -> None:
    bad = ids(100)[37]
    ec2 = FakeEc2(ids(100), bad={bad: (code, message)})
    outcomes = stop(ec2, ids(100))
    failed = {one for one, status in statuses(outcomes).items() if status is OutcomeStatus.FAILED}
    assert failed == {bad}
    assert (outcomes[bad].code, outcomes[bad].message) == (code, message.format(id=bad))
    assert ec2.states[bad] == "running"
    assert [state for one, state in ec2.states.items() if one != bad] == ["stopping"] * 99


def test_every_id_that_one_message_names_is_put_aside_at_once() -> None:
    gone = ids(50)[10:15]
    ec2 = FakeEc2(
        ids(50), bad={gone[0]: ("InvalidInstanceID.NotFound", f"The instance IDs '{', '.join(gone)}' do not exist")}
    )
    for one in gone:
        del ec2.states[one]
    outcomes = stop(ec2, ids(50))
    assert len(ec2.stops) == 2
    assert {one for one, status in statuses(outcomes).items() if status is OutcomeStatus.FAILED} == set(gone)


def test_an_id_that_is_the_beginning_of_another_is_not_mistaken_for_it() -> None:
    short, long = "i-0000abcd", "i-0000abcd000000000"
    ec2 = FakeEc2([short, long], bad={long: ("OperationNotPermitted", "The instance '{id}' may not be stopped.")})
    assert statuses(stop(ec2, [short, long])) == {short: OutcomeStatus.STOPPING, long: OutcomeStatus.FAILED}


def test_throttling_is_waited_out_and_never_bisected() -> None:
    ec2 = FakeEc2(ids(50))
    ec2.before_stop = [throttle, throttle]
    outcomes = stop(ec2, ids(50))
    assert [len(batch) for batch, _ in ec2.stops] == [50, 50, 50]
    assert set(statuses(outcomes).values()) == {OutcomeStatus.STOPPING}


def test_throttled_to_the_end_is_a_failure_with_awss_words() -> None:
    ec2 = FakeEc2(ids(3))
    ec2.before_stop = [throttle] * 10
    outcomes = stop(ec2, ids(3))
    assert {(outcome.status, outcome.code) for outcome in outcomes.values()} == {
        (OutcomeStatus.FAILED, "RequestLimitExceeded")
    }
    assert len(ec2.stops) == 4


def test_where_everything_is_throttled_each_look_between_two_tries_is_one_call() -> None:
    looks: list[object] = []

    class Throttled(FakeEc2):
        def describe_instances(self, ids: Sequence[str]) -> list[dict[str, Any]]:
            looks.append(ids)
            throttle()
            return []

    ec2 = Throttled(ids(3))
    ec2.before_stop = [throttle] * 10
    stop(ec2, ids(3))
    assert len(ec2.stops) == 4
    assert len(looks) == 4 + 4  # one after each try, and the one at the end with all its tries


def test_after_a_time_out_what_is_already_stopping_is_not_asked_for_again() -> None:
    ec2 = FakeEc2(ids(4))

    def half_done() -> None:
        ec2.states.update(dict.fromkeys(ids(2), "stopping"))
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

    ec2.before_stop = [half_done]
    outcomes = stop(ec2, ids(4))
    assert [batch for batch, _ in ec2.stops] == [tuple(ids(4)), tuple(ids(4)[2:])]
    assert set(statuses(outcomes).values()) == {OutcomeStatus.STOPPING}
    assert set(ec2.tags) == set(ids(4))


def test_what_someone_else_stopped_before_is_not_claimed_by_this_sweep() -> None:
    ec2 = FakeEc2(ids(2))
    ec2.states[ids(1)[0]] = "stopped"
    outcomes = stop(ec2, ids(2))
    assert list(statuses(outcomes).values()) == [OutcomeStatus.ALREADY_STOPPED, OutcomeStatus.STOPPING]
    assert {one for one, tags in ec2.tags.items() if tags} == {ids(2)[1]}


def test_an_instance_that_is_still_starting_is_tried_again_later() -> None:
    one = ids(1)[0]
    ec2 = FakeEc2([one], bad={one: ("IncorrectInstanceState", "The instance '{id}' is not in a state to be stopped.")})
    ec2.states[one] = "pending"
    ec2.before_stop = [lambda: None, ec2.bad.clear]
    assert statuses(stop(ec2, [one])) == {one: OutcomeStatus.STOPPING}


def test_a_terminated_instance_is_a_failure_and_the_rest_is_stopped() -> None:
    bad = ids(3)[1]
    ec2 = FakeEc2(ids(3), bad={bad: ("IncorrectInstanceState", "The instance '{id}' is not in a state to be stopped.")})
    ec2.states[bad] = "terminated"
    outcomes = stop(ec2, ids(3))
    assert (outcomes[bad].status, outcomes[bad].code) == (OutcomeStatus.FAILED, "IncorrectInstanceState")
    assert {one for one, tags in ec2.tags.items() if tags} == set(ids(3)) - {bad}


ABOUT_HIBERNATION = [
    ("UnsupportedHibernationConfiguration", "The instance '{id}' is not configured to hibernate."),
    ("UnsupportedOperation", "The instance '{id}' does not support hibernation."),
    ("InvalidParameterCombination", "Hibernate is not supported for the Spot Instance '{id}'."),
    ("IncorrectInstanceState", "The instance '{id}' is not ready to hibernate yet, retry in a few minutes."),
    ("OperationNotPermitted", "Hibernation of '{id}' failed: not enough space on its root volume."),
    ("HibernationNotReady", "'{id}' is not ready"),
    ("UnsupportedOperation", "The instance '{id}' cannot be stopped with hibernation."),
    ("InternalError", "Hibernation of '{id}' failed."),
    ("UnsupportedOperation", "You can't stop-hibernate the instance '{id}'."),
    ("OperationNotPermitted", "The instance '{id}' cannot be stop-hibernated."),
    ("HibernationRefused", "The instance '{id}' cannot be stopped in this way."),
]
ABOUT_STOPPING = [
    ("OperationNotPermitted", "The instance '{id}' may not be stopped."),
    (
        "OperationNotPermitted",
        "The instance '{id}' may not be stopped or hibernated. Modify its 'disableApiStop' instance attribute.",
    ),
    (
        "UnsupportedOperation",
        (
            "You can't stop the Spot Instance '{id}' because it is associated with a one-time Spot Instance request. "
            "See the hibernation prerequisites."
        ),
    ),
    (
        "UnauthorizedOperation",
        (
            "User is not authorized to perform: ec2:StopInstances on resource: {id} with an explicit deny in the "
            "policy no-hibernation"
        ),
    ),
]


@pytest.mark.parametrize(("code", "message"), ABOUT_HIBERNATION)
@pytest.mark.parametrize("is_named", [True, False])
def test_whatever_aws_says_about_hibernating_falls_back_to_a_plain_stop_once(
    code: str, message: str, is_named: bool
) -> None:
    bad = ids(2)[0]
    ec2 = FakeEc2(ids(2))
    message = message.format(id=bad if is_named else "of yours")

    def no_hibernation() -> None:
        if any(bad in batch and hibernate for batch, hibernate in ec2.stops[-1:]):
            raise refused(code, message, 500 if code == "InternalError" else 400)

    ec2.before_stop = [no_hibernation] * 4
    outcomes = stop(ec2, ids(2), Action.HIBERNATE, hibernation_configured=True)
    assert ec2.stops[-1] == ((bad,), False)
    assert [batch for batch, hibernate in ec2.stops if not hibernate] == [(bad,)], "once"
    assert set(statuses(outcomes).values()) == {OutcomeStatus.STOPPING}
    assert outcomes[bad].message == f"AWS cannot hibernate it: plain stop instead ({code}: {message})"
    assert outcomes[ids(2)[1]].message == "hibernated"


def test_a_plain_stop_that_is_refused_with_words_about_hibernation_is_not_tried_again() -> None:
    [one] = ids(1)
    ec2 = FakeEc2([one], bad={one: ("UnsupportedOperation", "The instance '{id}' does not support hibernation.")})
    outcome = stop(ec2, [one], Action.HIBERNATE, hibernation_configured=True)[one]
    assert [hibernate for _, hibernate in ec2.stops] == [True, False]
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "UnsupportedOperation")


@pytest.mark.parametrize(("code", "message"), ABOUT_STOPPING)
def test_a_refusal_to_stop_is_no_refusal_to_hibernate_whatever_else_it_names(code: str, message: str) -> None:
    bad, good = ids(2)
    ec2 = FakeEc2([bad, good], bad={bad: (code, message)})
    outcomes = stop(ec2, [bad, good], Action.HIBERNATE, hibernation_configured=True)
    assert {hibernate for _, hibernate in ec2.stops} == {True}
    assert (outcomes[bad].status, outcomes[bad].code) == (OutcomeStatus.FAILED, code)
    assert "instead" not in outcomes[bad].message
    assert outcomes[good].status is OutcomeStatus.STOPPING


def test_hibernation_that_is_not_configured_is_not_even_asked_for() -> None:
    ec2 = FakeEc2(ids(1))
    outcomes = stop(ec2, ids(1), Action.HIBERNATE, hibernation_configured=False)
    assert ec2.stops == [(tuple(ids(1)), False)]
    assert "not configured" in outcomes[ids(1)[0]].message


def test_stopped_instances_carry_the_sweep_and_the_time() -> None:
    ec2 = FakeEc2(ids(1))
    stop(ec2, ids(1))
    assert ec2.tags[ids(1)[0]] == {STOPPED_BY_TAG: "20261123T190000Z-7f3a9c", STOPPED_AT_TAG: "2026-11-23T19:00:00Z"}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("TagLimitExceeded", "The maximum number of Tags has been reached."),
        ("InvalidInstanceID.NotFound", "The instance ID '{id}' does not exist"),
    ],
)
def test_one_instance_that_cannot_be_marked_is_not_stopped_and_costs_no_other_its_stop(code: str, message: str) -> None:
    full = ids(50)[17]
    ec2 = FakeEc2(ids(50))
    ec2.cannot_tag = {full: (code, message)}
    outcomes = stop(ec2, ids(50))
    assert {one for one, state in ec2.states.items() if state == "running"} == {full}
    assert (outcomes[full].status, outcomes[full].code) == (OutcomeStatus.FAILED, "CannotMark")
    assert f"{code}: {message.format(id=full)}" in outcomes[full].message
    assert outcomes[full].requested_at is None
    assert {one for one, tags in ec2.tags.items() if STOPPED_BY_TAG in tags} == set(ids(50)) - {full}


def test_an_instance_that_was_stopped_by_someone_else_keeps_no_marks_of_this_sweep() -> None:
    one = ids(1)[0]
    ec2 = FakeEc2([one])
    ec2.states[one], ec2.tags = "stopped", {one: {"Owner": "me"}}
    assert statuses(stop(ec2, [one])) == {one: OutcomeStatus.ALREADY_STOPPED}
    assert ec2.tags == {one: {"Owner": "me"}}


@pytest.mark.parametrize(("state", "is_marked"), [("running", False), ("terminated", False), ("stopping", True)])
def test_what_aws_never_answered_about_keeps_its_marks_unless_it_is_seen_to_run_or_gone(
    state: str, is_marked: bool
) -> None:
    one = ids(1)[0]
    looks = iter([*["running"] * 4, *[state] * 3])

    class Unanswering(FakeEc2):
        def describe_instances(self, ids: Sequence[str]) -> list[dict[str, Any]]:
            self.states[one] = next(looks)
            return super().describe_instances(ids)

    def no_answer() -> None:
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

    ec2 = Unanswering([one])
    ec2.before_stop = [no_answer] * 4
    (outcome,) = stop(ec2, [one]).values()
    assert outcome.status is (OutcomeStatus.STOPPING if is_marked else OutcomeStatus.FAILED)
    assert (STOPPED_BY_TAG in ec2.tags[one]) is is_marked


def test_marks_of_which_nobody_knows_if_they_were_written_are_taken_back() -> None:
    one = ids(1)[0]
    ec2 = FakeEc2([one])
    ec2.tag_refusals = [refused("InternalError", "An internal error has occurred", 500)] * 4
    (outcome,) = stop(ec2, [one]).values()
    assert (outcome.code, ec2.stops) == ("CannotMark", [])
    assert ec2.log[-1] == "unmark 1"


def test_a_stop_that_aws_accepted_and_does_not_show_yet_stays_accepted_and_marked() -> None:
    ec2 = FakeEc2(ids(1))
    ec2.stop_instances = lambda **_: {"StoppingInstances": [{"InstanceId": ids(1)[0]}]}  # type: ignore[method-assign]  # a lie
    (outcome,) = stop(ec2, ids(1)).values()
    assert (outcome.status, outcome.code) == (OutcomeStatus.STOPPING, "StillRunning")
    assert outcome.message == "AWS accepted the stop, but the instance is still running"
    assert outcome.verified_at is None
    assert STOPPED_BY_TAG in ec2.tags[ids(1)[0]]


def test_when_the_time_is_up_the_rest_is_not_attempted_and_says_so() -> None:
    ec2 = FakeEc2(ids(PROFILE.batch_size * 2))
    outcomes = act(ec2, ids(PROFILE.batch_size * 2), guard=RecordingGuard(allows=lambda: not ec2.stops))
    assert list(statuses(outcomes).values()) == (
        [OutcomeStatus.STOPPING] * PROFILE.batch_size + [OutcomeStatus.NOT_ATTEMPTED] * PROFILE.batch_size
    )
    assert outcomes[ids(PROFILE.batch_size * 2)[-1]].message == "no more work was handed out before it was its turn"


@given(bad=st.sets(st.integers(0, 119)), named=st.booleans())
def test_whichever_instances_are_bad_all_others_stop_and_each_has_one_outcome(bad: set[int], named: bool) -> None:
    all_ids = ids(120)
    message = "The instance '{id}' may not be stopped." if named else "No."
    ec2 = FakeEc2(all_ids, bad={all_ids[number]: ("OperationNotPermitted", message) for number in bad})
    outcomes = stop(ec2, all_ids)
    for number, one in enumerate(all_ids):
        expected = OutcomeStatus.FAILED if number in bad else OutcomeStatus.STOPPING
        assert outcomes[one].status is expected
        assert (ec2.states[one] == "running") == (number in bad)


# --- the look afterwards ----------------------------------------------------------------------------------------------


def test_one_that_aws_refuses_to_tell_of_afterwards_leaves_the_others_seen() -> None:
    untold = ids(50)[20]

    class Untold(FakeEc2):
        def describe_instances(self, ids: Sequence[str]) -> list[dict[str, Any]]:
            if untold in ids:
                raise refused("SomethingNew", "AWS says no, and does not say of whom")
            return super().describe_instances(ids)

    outcomes = stop(Untold(ids(50)), ids(50))
    assert {one for one, outcome in outcomes.items() if outcome.verified_at is None} == {untold}
    assert set(statuses(outcomes).values()) == {OutcomeStatus.STOPPING}
    assert "could not be looked at afterwards: SomethingNew" in outcomes[untold].message

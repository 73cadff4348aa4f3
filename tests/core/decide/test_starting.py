"""Starting in the morning: exactly what a sweep stopped, and nothing that a person stopped in its running time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide, decide_inventory
from orchestrator.core.decide.other_policies import CoOwner
from orchestrator.core.decide.starting import asking_the_ledger
from orchestrator.core.model import Action, AwsError, Decision, Inventory, ReasonCode, Resource, Verdict
from orchestrator.core.model.kind import StopEvidence
from orchestrator.core.model.marks import ORDER_TAG, STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.core.model.remembered import Remembered, RememberedStop
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG, PROTECTED_TAG
from orchestrator.errors import PolicyError
from tests.support.builders import SWEEP_ID, a_policy, a_resource, an_account
from tests.support.strategies import quick

STOPPED_AT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
STARTED_AT = datetime(2026, 11, 23, 7, 0, 30, tzinfo=UTC)
WINDOW_BEGAN = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 24, 7, 15, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 6, 45, tzinfo=UTC)
OFFICE = 'schedules: {office: {timezone: UTC, running: ["mon-fri 07:00-19:00"]}}\n'
MARKS = {STOPPED_BY_TAG: SWEEP_ID, STOPPED_AT_TAG: "2026-11-23T19:00:00Z"}


def policy_of(start: str = "what_was_stopped", where: str = "everything", more: str = "") -> OrgPolicy:
    rule = f"{{name: office, where: {where}, schedule: office, start: {start}{more}}}"
    return a_policy(f"{OFFICE}rules: [{rule}]")


WHAT_WAS_STOPPED, EVERYTHING, NEVER = policy_of(), policy_of("everything"), policy_of("never")

SIZED = replace(WHAT_WAS_STOPPED, evidence={"ec2": StopEvidence(timedelta(minutes=1), started_units="size")})


def stopped(tags: dict[str, str] = MARKS, **fields: Any) -> Resource:
    """As a sweep stopped it in the evening."""
    times = {"changed_at": STOPPED_AT + timedelta(seconds=5), "started_at": STARTED_AT}
    return a_resource(state=fields.pop("state", "stopped"), tags=tags, **{**times, **fields})


def remembered(**fields: Any) -> Remembered:
    stop = RememberedStop(SWEEP_ID, "nonprod", STOPPED_AT, accepted=False, started_before=STARTED_AT)
    found = replace(stop, **{"evidence": StopEvidence(timedelta(minutes=1)), **fields})
    return Remembered({stopped().key: found})


def decided(
    resource: Resource,
    policy: OrgPolicy = WHAT_WAS_STOPPED,
    known: Remembered | None = None,
    at: datetime = MORNING,
    others: tuple[CoOwner, ...] = (),
) -> Decision:
    return decide(policy, resource, an_account(), at, others, remembered() if known is None else known)


def test_in_its_running_time_what_a_sweep_stopped_is_started() -> None:
    decision = decided(stopped())
    assert (decision.verdict, decision.action, decision.rule) == (Verdict.START, Action.START, "office")
    assert decision.reason_code is ReasonCode.IN_RUNNING_TIME
    assert decision.reason == (
        f"Rule office starts it: sweep {SWEEP_ID} stopped it, and its schedule office says that it should run now."
    )
    assert decision.facts["stopped_at"] == "2026-11-23T19:00:05Z"
    assert decision.facts["running_time_since"] == "2026-11-24T07:00:00Z"
    assert decision.follows_a_rule


def test_what_a_start_needs_to_know_comes_from_the_ledger() -> None:
    assert decided(stopped(), known=remembered(restore={"size": 3})).resource.restore == {"size": 3}


def test_a_start_counts_as_many_units_as_the_ledger_has_of_its_size() -> None:
    known = remembered(restore={"size": 3})
    assert decided(stopped(), SIZED, known=known).resource.units == 3
    assert decided(stopped(), known=known).resource.units == 1
    assert decided(stopped(changed_at=WINDOW_BEGAN), SIZED, known=known).resource.units == 1, "it is kept"


@pytest.mark.parametrize("policy", [NEVER, a_policy("rules: [{name: all, where: everything}]")])
def test_without_a_start_form_what_is_stopped_stays_as_it_was_decided_before(policy: OrgPolicy) -> None:
    decision = decided(stopped(), policy)
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.NOT_RUNNING)
    assert decision.reason == "It is stopped, not running; the next sweep looks again."


def test_outside_its_running_time_nothing_is_started() -> None:
    for policy in (WHAT_WAS_STOPPED, EVERYTHING):
        assert decided(stopped(), policy, at=NIGHT).reason_code is ReasonCode.NOT_RUNNING


@pytest.mark.parametrize(
    ("resource", "known", "code"),
    [
        (stopped({}), remembered(), ReasonCode.NOT_STOPPED_BY_US),
        (stopped(), Remembered(), ReasonCode.NOT_STOPPED_BY_US),
        (stopped(), remembered(sweep_id="20261122T190000Z-7f3a9c"), ReasonCode.NOT_STOPPED_BY_US),
        (stopped({**MARKS, STOPPED_BY_TAG: "ann"}), remembered(), ReasonCode.NOT_STOPPED_BY_US),
        (stopped(changed_at=STOPPED_AT + timedelta(hours=3)), remembered(), ReasonCode.NOT_STOPPED_BY_US),
        (stopped(started_at=STOPPED_AT + timedelta(minutes=1)), remembered(), ReasonCode.NOT_STOPPED_BY_US),
        (stopped(), Remembered(unread="no answer"), ReasonCode.UNREADABLE_LEDGER),
        (stopped(changed_at=None), remembered(), ReasonCode.STOP_UNDATED),
        (stopped(changed_at=WINDOW_BEGAN), remembered(), ReasonCode.STOPPED_BY_HAND),
    ],
)
def test_what_was_stopped_needs_mark_ledger_and_times_to_agree(
    resource: Resource, known: Remembered, code: ReasonCode
) -> None:
    decision = decided(resource, known=known)
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, code)


def test_everything_starts_also_what_no_sweep_stopped() -> None:
    decision = decided(stopped({}), EVERYTHING, Remembered())
    assert decision.verdict is Verdict.START
    assert decision.reason == (
        "Rule office starts it: it is stopped, and its schedule office says that it should run now."
    )


@pytest.mark.parametrize(
    ("changed_at", "code"),
    [
        (WINDOW_BEGAN - timedelta(seconds=1), ReasonCode.IN_RUNNING_TIME),
        (WINDOW_BEGAN, ReasonCode.STOPPED_BY_HAND),
        (MORNING, ReasonCode.STOPPED_BY_HAND),
        (None, ReasonCode.STOP_UNDATED),
    ],
)
def test_what_was_stopped_by_hand_within_the_present_window_stays_stopped(
    changed_at: datetime | None, code: ReasonCode
) -> None:
    assert decided(stopped({}, changed_at=changed_at), EVERYTHING).reason_code is code


def test_without_a_beginning_of_the_running_time_everything_was_stopped_within_it() -> None:
    policy = a_policy(
        'schedules: {always: {timezone: UTC, running: ["daily 00:00-24:00"]}}\n'
        "rules: [{name: all, where: everything, schedule: always, start: everything}]"
    )
    assert decided(stopped({}), policy).reason_code is ReasonCode.STOPPED_BY_HAND


@pytest.mark.parametrize("policy", [WHAT_WAS_STOPPED, EVERYTHING])
def test_what_opts_out_or_is_protected_is_not_started_either(policy: OrgPolicy) -> None:
    for tag in (OPT_OUT_TAG, PROTECTED_TAG):
        decision = decided(stopped({**MARKS, tag: "true"}), policy)
        assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.EXEMPT)


def test_what_another_service_owns_is_never_started() -> None:
    tags = {**MARKS, "aws:autoscaling:groupName": "web"}
    for policy in (WHAT_WAS_STOPPED, EVERYTHING):
        assert decided(stopped(tags), policy).reason_code is ReasonCode.OWNED


def test_an_unknown_condition_starts_nothing() -> None:
    policy = policy_of("everything", "{instance_type: t3.micro}")
    decision = decided(stopped(facts={"instance_type": None}, obstacle=None), policy)
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.UNKNOWN_CONDITION)


def test_what_another_active_policy_owns_too_is_not_started() -> None:
    one = a_policy("rules: [{name: all, where: everything}]")
    other = CoOwner(one, one.organization, one.regions)
    decision = decided(stopped(), others=(other,))
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.OWNED_BY_TWO_POLICIES)


@pytest.mark.parametrize("policy", [WHAT_WAS_STOPPED, EVERYTHING])
@pytest.mark.parametrize("state", ["stopping", "pending", "terminated", "rebooting"])
def test_what_is_neither_up_nor_down_is_kept(policy: OrgPolicy, state: str) -> None:
    assert decided(stopped(state=state), policy).verdict is Verdict.KEEP


NO_ROOM = AwsError("Server.InsufficientInstanceCapacity", "no capacity")


@pytest.mark.parametrize("policy", [WHAT_WAS_STOPPED, EVERYTHING])
def test_a_start_that_met_no_capacity_is_asked_for_again(policy: OrgPolicy) -> None:
    asked_at = MORNING - timedelta(minutes=10)
    fallen = stopped(started_at=asked_at, changed_at=None, start_failure=NO_ROOM)
    assert decided(fallen, policy, remembered(start_asked_at=asked_at)).verdict is Verdict.START


def test_what_was_shut_down_from_inside_stays_stopped() -> None:
    asked_at = MORNING - timedelta(minutes=10)
    inside = AwsError("Client.InstanceInitiatedShutdown", "shut down")
    down = stopped(started_at=asked_at, changed_at=None, start_failure=inside, may_have_run=True)
    for policy in (WHAT_WAS_STOPPED, EVERYTHING):
        assert decided(down, policy, remembered(start_asked_at=asked_at)).verdict is Verdict.KEEP


def test_compliance_is_about_what_runs_though_what_is_down_was_read_too() -> None:
    policy = a_policy(
        f"{OFFICE}rules: [{{name: office, where: everything, schedule: office, start: everything}}]\n"
        "required_tags: [Owner]\n"
    )
    inventory = Inventory("o-example", (an_account(),), resources=(stopped(), a_resource("i-up")))
    found = decide_inventory(policy, inventory, MORNING)
    assert [one.resource_id for one in found.compliance] == ["i-up"]


def test_a_start_form_needs_a_schedule() -> None:
    with pytest.raises(PolicyError) as refused:
        a_policy("rules: [{name: all, where: everything, start: everything}]")
    [problem] = refused.value.problems
    assert problem.path == "rules[0].start"
    assert "needs a `schedule`" in problem.message


moments = st.integers(0, 14 * 60).map(lambda minutes: STOPPED_AT - timedelta(hours=1) + timedelta(minutes=minutes))
times = st.none() | moments
marks = st.sampled_from([{}, MARKS, {STOPPED_BY_TAG: "ann"}, {**MARKS, OPT_OUT_TAG: "true"}])


@quick
@given(
    state=st.sampled_from(["running", "stopped", "stopping", "pending", "terminated", "unheard-of"]),
    tags=marks,
    changed_at=times,
    started_at=times,
    known=st.sampled_from([Remembered(), Remembered(unread="no"), remembered(), remembered(sweep_id="other")]),
    form=st.sampled_from([NEVER, WHAT_WAS_STOPPED, EVERYTHING]),
    at=moments,
)
def test_whatever_is_started_was_stopped_before_its_window_and_spared_by_nothing(
    state: str,
    tags: dict[str, str],
    changed_at: datetime | None,
    started_at: datetime | None,
    known: Remembered,
    form: OrgPolicy,
    at: datetime,
) -> None:
    resource = a_resource(state=state, tags=tags, changed_at=changed_at, started_at=started_at)
    decision = decided(resource, form, known, at)
    if decision.verdict is not Verdict.START:
        return
    [rule] = form.rules
    assert rule.schedule is not None
    answer = rule.schedule.at(at)
    assert (state, form.starting_kinds, OPT_OUT_TAG in tags) == ("stopped", {"ec2"}, False)
    assert rule.schedule.is_running(at)
    assert changed_at is not None
    assert answer.since is not None
    assert changed_at < answer.since
    if form is WHAT_WAS_STOPPED:
        assert known.stops[resource.key].sweep_id == tags[STOPPED_BY_TAG]
        assert abs(changed_at - STOPPED_AT) <= timedelta(minutes=7)
        assert started_at is None or started_at <= STARTED_AT


@pytest.mark.parametrize("policy", [WHAT_WAS_STOPPED, EVERYTHING])
def test_a_malformed_number_in_the_order_starts_nothing_either(policy: OrgPolicy) -> None:
    decision = decided(stopped({**MARKS, ORDER_TAG: "first"}), policy)
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.MALFORMED_ORDER)
    assert decided(stopped({**MARKS, ORDER_TAG: "7"}), policy).verdict is Verdict.START


UNDATED = StopEvidence(is_dated=False, start_needs=frozenset({"size"}))
SIZE = {"size": 3}


def undated(policy: OrgPolicy) -> OrgPolicy:
    return replace(policy, evidence={"ec2": UNDATED})


@pytest.mark.parametrize("policy", [WHAT_WAS_STOPPED, EVERYTHING])
def test_what_aws_does_not_date_is_started_by_mark_and_ledger_under_either_form(policy: OrgPolicy) -> None:
    down, policy = stopped(changed_at=None), undated(policy)
    accounts = {an_account().id: an_account()}
    assert list(asking_the_ledger(policy, [down], accounts, MORNING)) == [down]
    known = remembered(evidence=UNDATED, restore=SIZE)
    assert decided(down, policy, known).verdict is Verdict.START
    assert decided(down, policy, remembered(evidence=UNDATED)).reason_code is ReasonCode.UNKNOWN_SIZE
    assert decided(down, policy, Remembered(unread="throttled")).verdict is Verdict.KEEP
    assert decided(stopped(tags={}, changed_at=None), policy, known).verdict is Verdict.KEEP
    by_day = remembered(evidence=UNDATED, restore=SIZE, requested_at=WINDOW_BEGAN)
    assert decided(down, policy, by_day).reason_code is ReasonCode.STOPPED_BY_HAND


def test_what_aws_dates_asks_no_ledger_where_everything_is_started() -> None:
    accounts = {an_account().id: an_account()}
    assert list(asking_the_ledger(EVERYTHING, [stopped()], accounts, MORNING)) == []

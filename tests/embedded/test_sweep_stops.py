"""Stopping for real: one bad instance never spares another, and outcomes say what was seen."""

from __future__ import annotations

import pytest

from orchestrator import app
from orchestrator.core.model import Mode
from orchestrator.demo.calls import Call
from orchestrator.demo.faults import Fault
from orchestrator.ledger.lease import Lease
from tests.support.consent import CONSENTING
from tests.support.embedded import OrganizationBuilder
from tests.support.policies import load
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT, IRELAND, Sweeps, result

STOP = "ec2:StopInstances"
HIBERNATE = "rules: [{name: dev, where: {tag: {Environment: dev}}, action: hibernate}]\n"
BY_TAG = "stop-orchestrator:stopped-by"


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return organization.account("dev")


@pytest.fixture
def stops(organization: OrganizationBuilder) -> list[Call]:
    """Every StopInstances call that comes; add it last, since the first fault that fits is the one that hits."""
    calls: list[Call] = []
    organization.front.faults.add(Fault(operation=STOP, effect=calls.append))
    return calls


# --- one bad one among many -------------------------------------------------------------------------------------------


@pytest.mark.full
def test_bad_instances_of_every_code_in_one_sweep_leave_all_healthy_ones_stopped(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    ids = organization.instances(account, FRANKFURT, 50, DEV)  # one batch
    gone, also_gone, terminated, starting, store, spot, guarded, malformed, unnamed, denied = ids[2:50:5]
    faulty = ids[1]
    arn = f"arn:aws:ec2:{FRANKFURT}:{account}:instance/{denied}"
    by_iam = f"You are not authorized to perform this operation. User: u is not authorized to perform: {STOP} on {arn}"
    refused = [
        Fault("InvalidInstanceID.Malformed", f'Invalid id: "{malformed}"', instance=malformed),
        Fault("AccessDenied", "Access Denied", 403, instance=unnamed),
        Fault("UnauthorizedOperation", by_iam, 403, instance=denied),
        Fault("RequestLimitExceeded", "Request limit exceeded.", 503, times=2),
        Fault("InternalError", "An internal error has occurred", 500, times=1),
        Fault("ServiceUnavailable", "The service is unavailable", 503, instance=faulty),
    ]
    for fault in refused:
        fault.operation = STOP
        organization.front.faults.add(fault)

    def meanwhile() -> None:
        organization.forget(account, FRANKFURT, gone)
        organization.forget(account, FRANKFURT, also_gone)
        organization.act("terminate_instances", account, FRANKFURT, InstanceIds=[terminated])
        organization.in_memory(account, FRANKFURT, starting)._state.name = "pending"
        organization.in_memory(account, FRANKFURT, store).root_device_type = "instance-store"
        organization.in_memory(account, FRANKFURT, spot).lifecycle = "spot"
        attribute = {"Value": True}
        organization.act("modify_instance_attribute", account, FRANKFURT, InstanceId=guarded, DisableApiStop=attribute)

    def started() -> None:
        state = organization.in_memory(account, FRANKFURT, starting)._state
        if state.name == "pending":
            state.name = "running"

    sweep.while_waiting = started
    swept = sweep(before_stops=meanwhile)
    bad = {
        gone: ("InvalidInstanceID.NotFound", "not exist"),
        also_gone: ("InvalidInstanceID.NotFound", "not exist"),
        terminated: ("IncorrectInstanceState", "is not in a state from which it can be stopped"),
        store: ("UnsupportedOperation", "does not have an 'ebs' root device type"),
        spot: ("UnsupportedOperation", "one-time Spot Instance request"),
        guarded: ("OperationNotPermitted", "Modify its 'disableApiStop' instance attribute"),
        malformed: ("InvalidInstanceID.Malformed", f'Invalid id: "{malformed}"'),
        unnamed: ("AccessDenied", "Access Denied"),
        denied: ("UnauthorizedOperation", by_iam),
        faulty: ("ServiceUnavailable", "The service is unavailable"),
    }
    healthy = set(ids) - set(bad)
    assert organization.down(account, FRANKFURT) == healthy
    assert {one for one, row in swept.outcomes.items() if row["status"] == "stopped"} == healthy
    for one, (code, words) in bad.items():
        assert result(swept.outcomes[one]) == ("failed", code)
        assert words in swept.outcomes[one]["message"]
    assert swept.exit_code == 5
    assert {one for one, tags in organization.tags(account, FRANKFURT).items() if BY_TAG in tags} == healthy


@pytest.mark.full
def test_a_hundred_and_twenty_instances_go_in_batches_of_at_most_fifty(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, stops: list[Call]
) -> None:
    ids = organization.instances(account, FRANKFURT, 120, DEV)
    swept = sweep(regions=(FRANKFURT,))
    assert sorted(len(call.form_list("InstanceId")) for call in stops) == [20, 50, 50]
    assert organization.down(account, FRANKFURT) == set(ids)
    assert swept.document["totals"]["stopped"] == 120


@pytest.mark.parametrize("operation", [STOP, "ec2:CreateTags"])
def test_one_that_brings_about_a_fault_each_time_costs_no_other_its_stop(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, operation: str
) -> None:
    ids = organization.instances(account, FRANKFURT, 12, DEV)
    text = "An internal error has occurred"
    organization.front.faults.add(Fault("InternalError", text, 500, operation=operation, instance=ids[7]))
    swept = sweep(regions=(FRANKFURT,))
    assert organization.down(account, FRANKFURT) == set(ids) - {ids[7]}
    assert {one for one, row in swept.outcomes.items() if row["status"] == "failed"} == {ids[7]}
    assert text in swept.outcomes[ids[7]]["message"]
    assert swept.exit_code == 5
    assert {one for one, tags in organization.tags(account, FRANKFURT).items() if BY_TAG in tags} == set(ids) - {ids[7]}


def test_one_whose_tags_are_full_is_not_stopped_and_costs_no_other_its_mark_and_its_stop(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, stops: list[Call]
) -> None:
    ids = organization.instances(account, FRANKFURT, 12, DEV)
    full, has_room = ids[7], ids[3]
    for one, count in ((full, 49), (has_room, 48)):
        fillers = [{"Key": f"filler-{number}", "Value": ""} for number in range(count - len(DEV))]
        organization.act("create_tags", account, FRANKFURT, Resources=[one], Tags=fillers)
    swept = sweep(regions=(FRANKFURT,))
    others = set(ids) - {full}
    assert organization.down(account, FRANKFURT) == others
    assert {one for one, tags in organization.tags(account, FRANKFURT).items() if BY_TAG in tags} == others
    assert result(swept.outcomes[full]) == ("failed", "CannotMark")
    assert "TagLimitExceeded" in swept.outcomes[full]["message"]
    assert swept.exit_code == 5
    assert [len(call.form_list("InstanceId")) for call in stops] == [11]
    assert swept.document["calls"]["ec2:CreateTags"] <= 9


def test_an_instance_that_is_still_starting_is_asked_again_after_a_wait(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, stops: list[Call]
) -> None:
    slow, quick = organization.instances(account, FRANKFURT, 2, DEV)
    state = organization.in_memory(account, FRANKFURT, slow)._state

    def set_state(before: str, after: str) -> None:
        if state.name == before:
            state.name = after

    sweep.while_waiting = lambda: set_state("pending", "running")
    swept = sweep(before_stops=lambda: set_state("running", "pending"))
    assert [set(call.form_list("InstanceId")) for call in stops] == [{slow, quick}, {quick}, {slow}]
    assert {result(row) for row in swept.outcomes.values()} == {("stopped", "")}
    assert len(sweep.slept) == 1


def test_where_aws_accepts_no_credentials_all_stops_of_the_target_fail_with_five_calls(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    ids = organization.instances(account, FRANKFURT, 3, DEV)
    organization.front.faults.add(Fault("AuthFailure", "closed", 401, operation=STOP))
    swept = sweep()
    assert [result(swept.outcomes[one]) for one in ids] == [("failed", "AuthFailure")] * 3
    assert swept.document["calls"][STOP] == 5
    assert swept.exit_code == 5


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_no_stop_ever_crosses_into_another_account(
    organization: OrganizationBuilder, sweep: Sweeps, stops: list[Call]
) -> None:
    accounts = [organization.account(name) for name in ("one", "two")]
    ids = {
        (account, region): set(organization.instances(account, region, 3, DEV))
        for account in accounts
        for region in (FRANKFURT, IRELAND)
    }
    sweep()
    asked = {(call.account_id, call.region): set(call.form_list("InstanceId")) for call in stops}
    assert asked == ids
    assert {place: organization.down(*place) for place in ids} == ids


def test_a_session_of_plan_mode_cannot_stop_or_tag(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    hub = sweep.hub()
    lease = hub.leases.take("test", "a-sweep")
    assert isinstance(lease, Lease)
    policy = load(f"version: 1\nname: test\n{DEV_RULE}")
    world = hub.build_world(policy, app.new_sweep_id(app.now()), Mode.PLAN, CONSENTING, lease)
    [clients] = sweep.clients
    ec2 = clients.ec2(FRANKFURT)
    with world.accounts.bind(account):  # type: ignore[arg-type]  # an id as text
        assert ec2.describe_instances()["Reservations"]
        with pytest.raises(ec2.exceptions.ClientError, match=r"UnauthorizedOperation.*no session policy allows"):
            ec2.stop_instances(InstanceIds=[one])
        with pytest.raises(ec2.exceptions.ClientError, match=r"UnauthorizedOperation.*ec2:CreateTags"):
            ec2.create_tags(Resources=[one], Tags=[{"Key": "a", "Value": "b"}])
    assert organization.down(account, FRANKFURT) == set()


# --- hibernation ------------------------------------------------------------------------------------------------------


def test_hibernation_is_asked_for_where_it_is_configured_and_falls_back_to_a_plain_stop(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, stops: list[Call]
) -> None:
    configured = {"HibernationOptions": {"Configured": True}}
    asleep, refused = organization.instances(account, FRANKFURT, 2, DEV, **configured)
    [plain] = organization.instances(account, FRANKFURT, 1, DEV)

    def changed() -> None:
        organization.in_memory(account, FRANKFURT, refused).hibernation_options = {}

    swept = sweep(HIBERNATE, before_stops=changed)
    asked = [(call.form.get("Hibernate"), set(call.form_list("InstanceId"))) for call in stops]
    assert asked == [("true", {asleep, refused}), ("true", {asleep}), (None, {refused}), (None, {plain})]
    assert {row["status"] for row in swept.outcomes.values()} == {"stopped"}
    assert swept.outcomes[asleep]["message"] == "hibernated"
    assert "AWS cannot hibernate it: plain stop instead" in swept.outcomes[refused]["message"]
    assert "hibernation is not configured: plain stop instead" in swept.outcomes[plain]["message"]
    assert swept.exit_code == 0


# --- waiting -------------------------------------------------------------------------------------------------------


def test_throttled_stops_are_waited_out_and_their_batches_stay_whole(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, stops: list[Call]
) -> None:
    ids = organization.instances(account, FRANKFURT, 4, DEV)
    organization.front.faults.clear()
    refusal = Fault("RequestLimitExceeded", status=503, operation=STOP, times=3, effect=stops.append)
    organization.front.faults.add(refusal)
    swept = sweep()
    assert [set(call.form_list("InstanceId")) for call in stops] == [set(ids)] * 3
    assert organization.down(account, FRANKFURT) == set(ids)
    assert len(sweep.slept) >= 3
    assert swept.exit_code == 0


def test_stops_throttled_to_the_end_fail_in_awss_words_and_no_other_account_notices(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    other = organization.account("other")
    ids, others = (organization.instances(one, FRANKFURT, 2, DEV) for one in (account, other))
    fault = Fault("RequestLimitExceeded", "Request limit exceeded.", 503, account=account, operation=STOP)
    organization.front.faults.add(fault)
    swept = sweep()
    assert {(*result(swept.outcomes[one]), swept.outcomes[one]["message"]) for one in ids} == {
        ("failed", "RequestLimitExceeded", "Request limit exceeded.")
    }
    assert {result(swept.outcomes[one]) for one in others} == {("stopped", "")}
    assert swept.document["calls"][STOP] == 10 + 1


@pytest.mark.full
def test_when_the_time_is_up_between_batches_the_rest_is_not_attempted(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, stops: list[Call]
) -> None:
    organization.instances(account, FRANKFURT, 51, DEV)
    swept = sweep(out_of_time=lambda: bool(stops))
    assert sorted(row["status"] for row in swept.outcomes.values()) == ["not_attempted"] + ["stopped"] * 50
    assert len(organization.down(account, FRANKFURT)) == 50
    assert swept.exit_code == 3

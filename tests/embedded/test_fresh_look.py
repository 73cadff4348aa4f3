"""The look right before each batch against the embedded AWS: what is spared meanwhile stays up, whatever the mode."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from orchestrator import app
from orchestrator.core.model import ConsentHow, Mode
from orchestrator.demo.calls import Call
from orchestrator.demo.faults import Fault
from orchestrator.ports import Runtime
from orchestrator.sweep import coordination
from orchestrator.sweep.undo import UndoFilter
from tests.support.embedded import OrganizationBuilder
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT, IRELAND, Sweeps, swept
from tests.support.time import set_time

STOP = "ec2:StopInstances"
BOTH = (FRANKFURT, IRELAND)
OPT_OUT, PROTECTED = "stop-orchestrator:opt-out", "stop-orchestrator:protected"


def tag(organization: OrganizationBuilder, account: str, instance: str, key: str, value: str) -> None:
    tags = [{"Key": key, "Value": value}]
    organization.act("create_tags", account, FRANKFURT, Resources=[instance], Tags=tags)


def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Moves the wall clock of the product forward."""
    passed = [timedelta(0)]
    now = app.SYSTEM_TIME.now
    set_time(monkeypatch, now=lambda: now() + passed[0])

    def move(by: timedelta) -> None:
        passed[0] += by

    return move


def test_what_is_tagged_while_the_prompt_is_open_stays_up(organization: OrganizationBuilder, sweep: Sweeps) -> None:
    account = organization.account("dev")
    opted_out, misspelt, protected, prod, other = organization.instances(account, FRANKFURT, 5, DEV)

    def meanwhile() -> None:
        tag(organization, account, opted_out, OPT_OUT, "true")
        tag(organization, account, misspelt, "Stop_Orchestrator:Opt Out", "no")
        tag(organization, account, protected, PROTECTED, "yes")
        tag(organization, account, prod, "Environment", "prod")

    ended = sweep(while_asked=meanwhile, regions=(FRANKFURT,))
    assert organization.down(account, FRANKFURT) == {other} == set(ended.outcomes)
    assert {one for one, row in ended.decisions.items() if row["reason_code"] == "changed"} == {
        opted_out,
        misspelt,
        protected,
        prod,
    }
    assert "misspelt" in ended.decisions[misspelt]["reason"]
    assert {one.resource_id for one in sweep.hub().ledger.actions(ended.sweep_id)} == {other}
    assert ended.document["calls"]["ec2:DescribeInstances"] == 1 + 1 + 1  # read, looked at again, seen afterwards


@pytest.mark.parametrize("carrier", ["account", "OU", "misspelt", "moved"])
def test_an_account_that_is_spared_as_a_whole_while_the_prompt_is_open_stays_up(
    organization: OrganizationBuilder, sweep: Sweeps, monkeypatch: pytest.MonkeyPatch, carrier: str
) -> None:
    move_clock = later(monkeypatch)
    unit = organization.unit("/Dev")
    kept_out = organization.unit("/Locked")
    account, other = organization.account("dev", "/Dev"), organization.account("other")
    organization.instances(account, FRANKFURT, 2, DEV)
    down = set(organization.instances(other, FRANKFURT, 1, DEV))
    client = organization.client("organizations")

    def meanwhile() -> None:
        if carrier == "moved":
            client.move_account(AccountId=account, SourceParentId=unit, DestinationParentId=kept_out)
        else:
            concerned = account if carrier == "account" else unit
            key = OPT_OUT.upper() if carrier == "misspelt" else OPT_OUT
            client.tag_resource(ResourceId=concerned, Tags=[{"Key": key, "Value": "true"}])
        move_clock(timedelta(minutes=6))

    ended = sweep(f"{DEV_RULE}organization: {{exclude: [/Locked]}}\n", while_asked=meanwhile, regions=(FRANKFURT,))
    assert organization.down(account, FRANKFURT) == set()
    assert organization.down(other, FRANKFURT) == down == set(ended.outcomes)
    assert ended.document["status"] == "complete"


def test_a_window_that_begins_while_the_prompt_is_open_keeps_everything_up(
    organization: OrganizationBuilder, sweep: Sweeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_clock = later(monkeypatch)
    account = organization.account("dev")
    organization.instances(account, FRANKFURT, 2, DEV)
    begins, ends = (app.now() + timedelta(minutes=minutes) for minutes in (10, 70))
    policy = (
        f"schedules: {{soon: {{timezone: UTC, running: ['daily {begins:%H:%M}-{ends:%H:%M}']}}}}\n"
        "rules: [{name: dev, where: {tag: {Environment: dev}}, schedule: soon}]\n"
    )
    ended = sweep(policy, while_asked=lambda: move_clock(timedelta(minutes=20)), regions=(FRANKFURT,))
    assert (organization.down(account, FRANKFURT), ended.outcomes) == (set(), {})
    assert all("soon says that it should run now" in row["reason"] for row in ended.decisions.values())
    assert {row["reason_code"] for row in ended.decisions.values()} == {"changed"}


def test_what_is_tagged_during_the_first_wave_stays_up_in_the_second(
    organization: OrganizationBuilder, sweep: Sweeps
) -> None:
    accounts = [organization.account(name) for name in ("one", "two")]
    instances = {account: organization.instances(account, FRANKFURT, 2, DEV) for account in accounts}

    def halt_it_now(call: Call) -> None:
        for account, ids in instances.items():
            if account != call.account_concerned:
                for one in ids:
                    organization.in_memory(account, FRANKFURT, one).add_tags({OPT_OUT: "true"})

    organization.front.faults.add(Fault(operation=STOP, effect=halt_it_now, times=1))
    ended = sweep(f"{DEV_RULE}waves: [{{accounts: 1}}]\n", regions=(FRANKFURT,))
    down = [account for account in accounts if organization.down(account, FRANKFURT)]
    assert len(down) == 1
    assert set(ended.outcomes) == set(instances[down[0]])


def test_an_undo_starts_what_lost_its_mark_while_its_prompt_was_open_and_nothing_that_got_anothers(
    organization: OrganizationBuilder, sweep: Sweeps
) -> None:
    account = organization.account("dev")
    touched, lost, other = organization.instances(account, FRANKFURT, 3, DEV)
    stopped = sweep(regions=(FRANKFURT,))

    def confirm(_: object) -> ConsentHow | None:
        key = {"Key": "stop-orchestrator:stopped-by"}
        organization.act("create_tags", account, FRANKFURT, Resources=[touched], Tags=[{**key, "Value": "another"}])
        organization.act("delete_tags", account, FRANKFURT, Resources=[lost], Tags=[key])
        return ConsentHow.YES

    undo_id = app.new_sweep_id(app.now())
    ended = coordination.undo(sweep.hub(), stopped.sweep_id, undo_id, UndoFilter(), Runtime(confirm=confirm))
    assert isinstance(ended, coordination.Ended)
    assert set(swept(ended).outcomes) == {lost, other}
    assert organization.down(account, FRANKFURT) == {touched}


def test_an_account_that_moves_while_the_organization_is_listed_is_read_where_it_is_now(
    organization: OrganizationBuilder, sweep: Sweeps
) -> None:
    """Into an OU whose list was made already: the walk through the OUs does not meet it."""
    first, second = organization.unit("/First"), organization.unit("/Second")
    account = organization.account("dev", "/First")
    ids = organization.instances(account, FRANKFURT, 1, DEV)
    listed: list[str] = []
    client = organization.client("organizations")

    def move(call: Call) -> None:
        listed.append(call.json["ParentId"])
        if listed[-1] == first:
            client.move_account(AccountId=account, SourceParentId=first, DestinationParentId=second)

    organization.front.faults.add(Fault(operation="organizations:ListAccountsForParent", effect=move))
    ended = sweep(regions=(FRANKFURT,), mode=Mode.PLAN)
    assert listed[-2:] == [second, first]  # else it did not move out of sight
    assert ended.coverage[account, FRANKFURT]["ou_path"] == "/Second"
    assert ended.statuses()[account, FRANKFURT] == "scanned"
    assert set(ended.decisions) == set(ids)

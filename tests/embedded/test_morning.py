"""Starting in the morning, against the embedded AWS: what a sweep stopped in the evening, or whatever the rule owns."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator import app
from tests.support.embedded import OrganizationBuilder
from tests.support.sweeps import DEV, FRANKFURT, Sweeps, result
from tests.support.time import set_time

HALF_A_DAY = timedelta(hours=12)


def policy(start: str) -> str:
    """Its running time is half a day from now, for an hour."""
    hour = (app.now() + HALF_A_DAY).hour
    return (
        f'schedules: {{office: {{timezone: UTC, running: ["daily {hour:02}:00-{hour + 1:02}:00"]}}}}\n'
        f"rules: [{{name: office, where: {{tag: {{Environment: dev}}}}, schedule: office, start: {start}}}]\n"
    )


def states(organization: OrganizationBuilder, account: str) -> dict[str, str]:
    with organization.acting_in(account):
        found = organization.client("ec2", FRANKFURT).describe_instances()["Reservations"]
    return {one["InstanceId"]: one["State"]["Name"] for each in found for one in each["Instances"]}


@pytest.mark.full
@pytest.mark.parametrize("light_path", ["on", "off"])
def test_what_the_evening_stopped_runs_in_the_morning_and_what_a_person_stopped_only_by_everything(
    organization: OrganizationBuilder, sweep: Sweeps, monkeypatch: pytest.MonkeyPatch, light_path: str
) -> None:
    sweep.light_path = light_path
    account = organization.account("member")
    ours, by_hand = organization.instances(account, FRANKFURT, 2, DEV)
    with organization.acting_in(account):
        organization.client("ec2", FRANKFURT).stop_instances(InstanceIds=[by_hand])
    evening = policy("what_was_stopped")
    everything = policy("everything")
    assert result(sweep(evening).outcomes[ours]) == ("stopped", "")
    now = app.SYSTEM_TIME.now
    set_time(monkeypatch, now=lambda: now() + HALF_A_DAY)
    morning = sweep(evening)
    assert {one: row["status"] for one, row in morning.outcomes.items()} == {ours: "started"}
    assert morning.decisions[by_hand]["reason_code"] == "not_stopped_by_us"
    assert states(organization, account) == {ours: "running", by_hand: "stopped"}
    again = sweep(everything)
    assert {one: row["status"] for one, row in again.outcomes.items()} == {by_hand: "started"}

"""The policies in config/examples/, as whoever copied one runs them: `explain` on what is stopped, and on what is kept.

What each decides beside that is in tests/core/decide/test_example_policies.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Ran, Run
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV, FRANKFURT
from tests.support.time import set_time

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "config/examples"
NIGHT, SUNDAY = datetime(2026, 12, 1, 22, 0, tzinfo=UTC), datetime(2026, 12, 6, 12, 0, tzinfo=UTC)
TAGGED = {"Owner": "ann", "Environment": "dev", "CostCenter": "cc-7"}


@dataclass(frozen=True)
class Case:
    """Two instances of one account, at that moment; of each the verdict, the rule and the reason's code."""

    stopped: Mapping[str, str]
    why: tuple[str, str | None, str]
    kept: Mapping[str, str]
    why_kept: tuple[str, str | None, str]
    at: datetime = NIGHT
    ou: str = "/Workloads/Dev"
    account_tags: Mapping[str, str] = field(default_factory=dict)


CASES = {
    "office-hours-in-three-zones": Case(
        DEV,
        ("stop", "munich", "outside_schedule"),
        {**DEV, "Tier": "critical"},
        ("keep", None, "no_rule"),
        at=datetime(2027, 5, 27, 10, tzinfo=UTC),  # noon on Corpus Christi
        account_tags={"Office": "munich"},
    ),
    "follow-the-owners-tag": Case(
        {**DEV, "Schedule": "mon-fri 08:00-18:00 Europe/Lisbon"},
        ("stop", "as-the-owner-says", "outside_schedule"),
        {**DEV, "Schedule": "office-hour"},
        ("keep", "as-the-owner-says", "unknown_schedule"),
    ),
    "sandbox-older-than-7-days": Case(
        {},
        ("stop", "older-than-a-week", "any_time"),
        {"stop-orchestrator:opt-out": "2026-12-31", "stop-orchestrator:opt-out-reason": "trial"},
        ("keep", "older-than-a-week", "exempt"),
        ou="/Sandbox",
    ),
    "weekends-only": Case(
        {},
        ("stop", "down-at-the-weekend", "outside_schedule"),
        {"Weekend": "on"},
        ("keep", None, "no_rule"),
        at=SUNDAY,
    ),
    "everything-at-night": Case(
        DEV,
        ("stop", "machines-and-databases", "outside_schedule"),
        {"Environment": "prod"},
        ("keep", None, "no_rule"),
    ),
    "everything-but-production": Case(
        {},
        ("tag", "everything-but-production", "notice_given"),
        {"Environment": "Production"},
        ("keep", None, "no_rule"),
    ),
    "required-tags": Case(
        TAGGED,
        ("stop", "dev-and-test", "outside_schedule"),
        {**TAGGED, "Owner": ""},
        ("keep", None, "no_rule"),
    ),
}


def explained(run: Run, name: str, account: str, instance: str) -> dict[str, Any]:
    ran = run("explain", f"{account}/{FRANKFURT}/{instance}", "--policy", path_of(name), "--format", "json")
    assert ran.exit_code == 0, ran
    found: dict[str, Any] = ran.report
    return found


def path_of(name: str) -> str:
    return str(EXAMPLES / f"{name}.yaml")


def why(found: Mapping[str, Any]) -> tuple[str, str | None, str]:
    return found["verdict"], found["rule"], found["reason_code"]


@pytest.mark.parametrize("name", ["follow-the-owners-tag", *only_in_full(*sorted(CASES))])
def test_explain_says_why_one_is_stopped_and_another_is_kept(
    name: str, organization: OrganizationBuilder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    set_time(monkeypatch, now=lambda: case.at)
    month_ago = (case.at - timedelta(days=30)).replace(tzinfo=None)
    monkeypatch.setattr("moto.ec2.models.elastic_block_store.utcnow", lambda: month_ago)
    monkeypatch.setattr("moto.ec2.models.instances.utcnow", lambda: month_ago)
    account = organization.account("team", case.ou, case.account_tags)
    for unit in ("/Workloads/Prod", "/Security"):
        organization.unit(unit)  # what some of them exclude
    [stopped] = organization.instances(account, FRANKFURT, 1, case.stopped)
    [kept] = organization.instances(account, FRANKFURT, 1, case.kept)
    assert why(explained(run, name, account, stopped)) == case.why
    assert why(explained(run, name, account, kept)) == case.why_kept


def swept(run: Run, name: str) -> Ran:
    ran = run("sweep", "--policy", path_of(name), "--mode", "enforce", "--yes", "--format", "json")
    assert ran.exit_code == 0, ran
    return ran


@pytest.mark.full
def test_what_lacks_an_owner_is_announced_and_stopped_after_the_day_unless_one_is_named(
    organization: OrganizationBuilder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [NIGHT]
    set_time(monkeypatch, now=lambda: now[0])
    account = organization.account("team", "/Workloads/Dev")
    stopped, named, *_ = organization.instances(account, FRANKFURT, 20)
    swept(run, "missing-owner")
    assert organization.tags(account, FRANKFURT)[stopped]["stop-orchestrator:stop-after"] == "2026-12-04"
    owner = [{"Key": "Owner", "Value": "ann"}]
    organization.act("create_tags", account, FRANKFURT, Resources=[named], Tags=owner)
    now[0] += timedelta(days=2)
    assert why(explained(run, "missing-owner", account, stopped))[::2] == ("keep", "notice")
    now[0] += timedelta(days=2)
    assert why(explained(run, "missing-owner", account, stopped))[:2] == ("stop", "missing-owner")
    assert why(explained(run, "missing-owner", account, named))[:2] == ("untag", None)


@pytest.mark.full
def test_what_was_stopped_in_the_evening_starts_at_seven_and_what_somebody_stopped_does_not(
    organization: OrganizationBuilder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [NIGHT]
    set_time(monkeypatch, now=lambda: now[0])
    monkeypatch.setattr("moto.ec2.models.instances.utcnow", lambda: now[0].replace(tzinfo=None))
    account = organization.account("team", "/Workloads/Dev")
    [ours] = organization.instances(account, FRANKFURT, 1, DEV)
    [by_hand] = organization.instances(account, FRANKFURT, 1, DEV)
    organization.instances(account, FRANKFURT, 1, {"Environment": "prod"})
    organization.act("stop_instances", account, FRANKFURT, InstanceIds=[by_hand])
    assert why(explained(run, "start-at-seven", account, ours))[::2] == ("stop", "outside_schedule")
    swept(run, "start-at-seven")
    now[0] = datetime(2026, 12, 2, 6, 0, 30, tzinfo=UTC)  # past seven in Berlin
    assert why(explained(run, "start-at-seven", account, ours))[::2] == ("start", "in_running_time")
    assert why(explained(run, "start-at-seven", account, by_hand))[::2] == ("keep", "not_stopped_by_us")


@pytest.mark.full
def test_an_idle_gpu_is_told_by_what_cloudwatch_has_of_it(
    organization: OrganizationBuilder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_time(monkeypatch, now=lambda: NIGHT)
    account = organization.account("team", "/Workloads/Dev")
    idle, busy = organization.instances(account, FRANKFURT, 2, {"LocalDisk": "scratch"}, InstanceType="g4dn.xlarge")
    for instance, gpu in ((idle, 1.0), (busy, 90.0)):
        measured(organization, account, instance, gpu)
    assert why(explained(run, "idle-gpu", account, idle))[:2] == ("stop", "idle-and-its-local-disk-is-scratch")
    found = explained(run, "idle-gpu", account, busy)
    assert why(found) == ("keep", None, "no_rule")


def measured(organization: OrganizationBuilder, account: str, instance: str, gpu: float) -> None:
    """A day of datapoints, of EC2's own metrics and the agent's."""
    own = {"Dimensions": [{"Name": "InstanceId", "Value": instance}]}
    of_gpu = {"Dimensions": [*own["Dimensions"], {"Name": "index", "Value": "0"}]}
    times = [NIGHT - timedelta(minutes=5 * count) for count in range(1, 289)]
    with organization.acting_in(account):
        client = organization.client("cloudwatch", FRANKFURT)
        for namespace, name, dimensions, value in (
            ("AWS/EC2", "CPUUtilization", own, 2.0),
            ("AWS/EC2", "NetworkIn", own, 100.0),
            ("AWS/EC2", "NetworkOut", own, 100.0),
            ("CWAgent", "nvidia_smi_utilization_gpu", of_gpu, gpu),
        ):
            data = [{"MetricName": name, "Timestamp": at, "Value": value, **dimensions} for at in times]
            client.put_metric_data(Namespace=namespace, MetricData=data)


def test_every_example_is_explained_here() -> None:
    text = Path(__file__).read_text()
    assert [path.stem for path in EXAMPLES.glob("*.yaml") if f'"{path.stem}"' not in text] == []

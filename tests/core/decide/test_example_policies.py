"""What the policies in config/examples/ decide on a small inventory: what each is for, and what it leaves alone.

`tests/embedded/test_example_policies.py` asks `explain` about the same on the embedded AWS.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.scope import is_in_scope
from orchestrator.core.model import Account, Resource
from orchestrator.core.model.kind import StopEvidence
from orchestrator.core.model.loss import Loss
from orchestrator.core.model.measured import Measured, Series
from orchestrator.core.model.metric import MetricSpan
from orchestrator.core.model.remembered import Notice, Remembered, RememberedStop
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.builders import SWEEP_ID, a_resource, a_unit, an_account
from tests.support.policies import load

EXAMPLES = Path(__file__).parents[3] / "config/examples"
DEV = {"Environment": "dev"}


def example(name: str) -> OrgPolicy:
    return load((EXAMPLES / f"{name}.yaml").read_text(), name)


def decided(
    name: str, resource: Resource, at: str, account: Account | None = None, remembered: Remembered | None = None
) -> tuple[str, str | None, str]:
    """Verdict, rule and reason code at a moment of UTC."""
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    decision = decide(example(name), resource, account or an_account(), now, remembered=remembered or Remembered())
    return decision.verdict.value, decision.rule, decision.reason_code.value


# --- office hours in three zones --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("office", "at", "verdict"),
    [
        ("munich", "2026-12-01T06:05", "keep"),
        ("munich", "2026-12-01T18:05", "stop"),
        ("munich", "2026-11-29T12:00", "stop"),  # a Sunday
        ("munich", "2027-05-27T12:00", "stop"),  # Corpus Christi
        ("munich", "2026-12-28T12:00", "stop"),  # between the years
        ("new-york", "2026-12-01T12:55", "stop"),
        ("new-york", "2026-12-01T13:05", "keep"),
        ("new-york", "2026-11-26T15:00", "stop"),  # Thanksgiving
        ("bengaluru", "2026-12-01T03:25", "stop"),
        ("bengaluru", "2026-12-01T03:35", "keep"),
        ("bengaluru", "2027-01-25T05:00", "keep"),
        ("bengaluru", "2027-01-26T05:00", "stop"),  # Republic Day
        ("", "2026-12-01T22:00", "keep"),
    ],
)
def test_each_office_has_its_own_hours_and_holidays(office: str, at: str, verdict: str) -> None:
    account = an_account(tags={"Office": office} if office else {})
    found = decided("office-hours-in-three-zones", a_resource(tags=DEV), at, account)
    assert found[:2] == (verdict, office or None)


def test_what_is_critical_or_no_development_is_kept_in_each_of_them() -> None:
    account = an_account(tags={"Office": "munich"})
    for tags in ({**DEV, "Tier": "critical"}, {"Environment": "prod"}, {}):
        found = decided("office-hours-in-three-zones", a_resource(tags=tags), "2026-12-01T22:00", account)
        assert found == ("keep", None, "no_rule")


# --- follow the owner's tag -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "of_account", "code"),
    [
        ({}, {}, "outside_schedule"),
        ({"Schedule": "around-the-clock"}, {}, "schedule"),
        ({"schedule": "mon-fri 08:00-23:30 Europe/Lisbon"}, {}, "schedule"),
        ({"Schedule": "office-hour"}, {}, "unknown_schedule"),
        ({}, {"Schedule": "around-the-clock"}, "schedule"),
        ({"Schedule": "office-hours"}, {"Schedule": "around-the-clock"}, "outside_schedule"),
    ],
)
def test_the_nearest_tag_decides_and_a_misspelt_one_keeps(
    tag: dict[str, str], of_account: dict[str, str], code: str
) -> None:
    found = decided(
        "follow-the-owners-tag", a_resource(tags=DEV | tag), "2026-12-01T22:00", an_account(tags=of_account)
    )
    assert found == ("stop" if code == "outside_schedule" else "keep", "as-the-owner-says", code)


def test_the_tag_of_an_ou_counts_where_no_other_is() -> None:
    account = an_account(organizational_units=(a_unit("/Dev", {"Schedule": "around-the-clock"}),))
    found = decided("follow-the-owners-tag", a_resource(tags=DEV), "2026-12-01T22:00", account)
    assert found == ("keep", "as-the-owner-says", "schedule")


@pytest.mark.parametrize(("started", "verdict"), [("2026-12-01T20:00", "keep"), ("2026-12-01T18:00", "stop")])
def test_who_starts_one_in_the_evening_has_it_for_four_hours(started: str, verdict: str) -> None:
    resource = a_resource(tags=DEV, started_at=datetime.fromisoformat(started).replace(tzinfo=UTC))
    assert decided("follow-the-owners-tag", resource, "2026-12-01T22:30")[0] == verdict


# --- sandbox older than 7 days ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "tags", "code"),
    [
        ("2026-11-24T11:00", {}, "any_time"),
        ("2026-11-24T13:00", {}, "no_rule"),
        ("2026-11-01T00:00", {"stop-orchestrator:opt-out": "2026-12-01"}, "exempt"),
        ("2026-11-01T00:00", {"stop-orchestrator:opt-out": "2026-11-30"}, "any_time"),
    ],
)
def test_it_is_the_age_that_counts_until_an_opt_out(made: str, tags: dict[str, str], code: str) -> None:
    resource = a_resource(tags=tags, created_at=datetime.fromisoformat(made).replace(tzinfo=UTC))
    found = decided("sandbox-older-than-7-days", resource, "2026-12-01T12:00")
    assert found[::2] == ("stop" if code == "any_time" else "keep", code)


def test_nothing_outside_the_sandbox_is_looked_at() -> None:
    policy = example("sandbox-older-than-7-days")
    for ou, is_there in (("/Sandbox", True), ("/Sandbox/Team", True), ("/Workloads", False)):
        assert is_in_scope(policy.organization, an_account(ou=ou)) is is_there


# --- idle GPU ---------------------------------------------------------------------------------------------------------

DAY = timedelta(hours=24)
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
IDLE = {"gpu": 1.0, "cpu": 3.0, "network": 5_000.0}


def a_gpu(highest: dict[str, float], tags: dict[str, str] | None = None, **facts: object) -> Resource:
    series = tuple(Series(metric, DAY, NOON - DAY, 288, value) for metric, value in highest.items())
    asked = tuple(MetricSpan(metric, DAY) for metric in IDLE)
    resource = a_resource(tags=tags, facts={"instance_type": "g5.xlarge", **facts})
    return replace(resource, measured=Measured(NOON, asked, series, 1))


@pytest.mark.parametrize(
    ("highest", "found"),
    [
        (IDLE, ("tag", "idle")),
        ({**IDLE, "gpu": 80.0}, ("keep", None)),
        ({"cpu": 1.0, "network": 100.0}, ("keep", "idle-and-its-local-disk-is-scratch")),  # no agent: unknown
    ],
)
def test_an_idle_one_gets_notice_and_one_of_which_nothing_is_known_is_kept(
    highest: dict[str, float], found: tuple[str, str | None]
) -> None:
    tags = {} if "gpu" in highest else {"LocalDisk": "scratch"}
    assert decided("idle-gpu", a_gpu(highest, tags), "2026-12-01T12:00")[:2] == found


def test_its_local_disks_are_given_up_only_where_a_tag_says_that_they_are_scratch() -> None:
    for tags, found in (
        ({}, ("keep", "idle", "not_accepted")),
        ({"LocalDisk": "scratch"}, ("stop", "idle-and-its-local-disk-is-scratch", "any_time")),
    ):
        gpu = replace(a_gpu(IDLE, tags), losses=(Loss("instance_store_volumes", "it has instance store volumes"),))
        assert decided("idle-gpu", gpu, "2026-12-01T12:00") == found


# --- weekends only ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "at", "found"),
    [
        ({}, "2026-12-04T22:55", ("keep", "schedule")),  # Friday, 23:55 in Berlin
        ({}, "2026-12-04T23:05", ("stop", "outside_schedule")),
        ({}, "2026-12-06T12:00", ("stop", "outside_schedule")),
        ({}, "2026-12-06T23:05", ("keep", "schedule")),  # Monday there
        ({"Weekend": "on"}, "2026-12-06T12:00", ("keep", "no_rule")),
    ],
)
def test_what_runs_at_the_weekend_is_stopped_unless_its_tag_says_otherwise(
    tags: dict[str, str], at: str, found: tuple[str, str]
) -> None:
    assert decided("weekends-only", a_resource(tags=tags), at)[::2] == found


# --- everything but production ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "of_account", "verdict"),
    [
        ({}, {}, "tag"),
        ({"Environment": "dev"}, {}, "tag"),
        ({"Environment": "nonprod"}, {}, "tag"),
        ({"Environment": "prod"}, {}, "keep"),
        ({"Environment": "Production-EU"}, {}, "keep"),
        ({"Environment": "dev"}, {"Environment": "LIVE"}, "keep"),
    ],
)
def test_whatever_is_not_production_is_announced_first(
    tags: dict[str, str], of_account: dict[str, str], verdict: str
) -> None:
    account = an_account(tags=of_account)
    found = decided("everything-but-production", a_resource(tags=tags), "2026-12-01T22:00", account)
    assert found[0] == verdict
    assert decided("everything-but-production", a_resource(tags=tags), "2026-12-01T12:00", account)[0] == "keep"


def test_after_its_notice_it_is_stopped() -> None:
    resource = a_resource()
    notice = Notice(SWEEP_ID, "everything-but-production", date(2026, 11, 30))
    remembered = Remembered(notices={resource.key: notice})
    found = decided("everything-but-production", resource, "2026-12-01T22:00", remembered=remembered)
    assert found[0] == "stop"


# --- start at seven ---------------------------------------------------------------------------------------------------


def test_what_was_stopped_in_the_evening_starts_at_seven_and_on_no_holiday() -> None:
    stopped_at = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
    started_at = datetime(2026, 12, 1, 6, 0, 30, tzinfo=UTC)
    marks = {"stop-orchestrator:stopped-by": SWEEP_ID, "stop-orchestrator:stopped-at": "2026-12-01T18:00:00Z"}
    running = a_resource(tags=DEV)
    down = a_resource(
        tags=DEV | marks, state="stopped", changed_at=stopped_at + timedelta(seconds=5), started_at=started_at
    )
    by_hand = a_resource("i-2", tags=DEV, state="stopped", changed_at=stopped_at)
    stop = RememberedStop(
        SWEEP_ID,
        "nonprod",
        stopped_at,
        accepted=True,
        started_before=started_at,
        evidence=StopEvidence(timedelta(minutes=1)),
    )
    remembered = Remembered({down.key: stop})
    rule = "dev-from-seven-to-seven"
    for resource, at, found in (
        (running, "2026-12-01T18:00", ("stop", rule, "outside_schedule")),
        (down, "2026-12-02T05:55", ("keep", rule, "not_running")),
        (down, "2026-12-02T06:00", ("start", rule, "in_running_time")),
        (by_hand, "2026-12-02T06:00", ("keep", rule, "not_stopped_by_us")),
        (down, "2026-12-25T09:00", ("keep", rule, "not_running")),
    ):
        assert decided("start-at-seven", resource, at, remembered=remembered) == found


# --- everything at night ----------------------------------------------------------------------------------------------

RULES = {
    "ec2": "machines-and-databases",
    "rds": "machines-and-databases",
    "rds_cluster": "machines-and-databases",
    "redshift_cluster": "machines-and-databases",
    "asg": "groups-and-services",
    "ecs_service": "groups-and-services",
    "eks_nodegroup": "node-groups-that-may-go",
    "sagemaker_notebook": "notebooks-with-all-in-their-volume",
}
SAY_SO = {"eks_nodegroup": {"Nightly": "off"}, "sagemaker_notebook": {"LocalDisk": "scratch"}}
LOST = {"eks_nodegroup": "pods", "sagemaker_notebook": "files_outside_volume"}


def one_of(kind: str, tags: dict[str, str], **fields: Any) -> Resource:
    losses = (Loss(LOST[kind], "it loses something"),) if kind in LOST else ()
    return replace(a_resource("web", tags=tags, facts={}, **fields), kind=kind, obstacle=None, losses=losses)


def test_every_kind_that_there_is_has_a_rule_there() -> None:
    assert set(RULES) == {kind.name for kind in DESCRIPTIONS}


@pytest.mark.parametrize("kind", RULES)
def test_each_kind_is_stopped_at_night_and_by_day_it_runs(kind: str) -> None:
    resource = one_of(kind, DEV | SAY_SO.get(kind, {}))
    for at, found in (
        ("2026-12-01T18:05", ("stop", RULES[kind], "outside_schedule")),
        ("2026-12-01T12:00", ("keep", RULES[kind], "schedule")),
    ):
        assert decided("everything-at-night", resource, at) == found


@pytest.mark.parametrize("kind", RULES)
def test_no_kind_is_stopped_in_production_nor_where_something_is_lost_that_no_tag_gives_up(kind: str) -> None:
    production = one_of(kind, {"Environment": "prod"} | SAY_SO.get(kind, {}))
    assert decided("everything-at-night", production, "2026-12-01T22:00") == ("keep", None, "no_rule")
    found = decided("everything-at-night", one_of(kind, DEV), "2026-12-01T22:00")
    assert found == (("keep", None, "no_rule") if kind in SAY_SO else ("stop", RULES[kind], "outside_schedule"))


SIZES: dict[str, dict[str, Any]] = {
    "asg": {"min_size": 1, "max_size": 4, "desired_capacity": 2},
    "ecs_service": {"desired_count": 3},
    "eks_nodegroup": {"min_size": 1, "desired_size": 2},
}


@pytest.mark.parametrize(("kind", "sizes"), SIZES.items())
def test_in_the_morning_a_size_comes_back_and_without_one_nothing_is_started(kind: str, sizes: dict[str, Any]) -> None:
    policy, stopped_at = example("everything-at-night"), datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
    marks = {"stop-orchestrator:stopped-by": SWEEP_ID, "stop-orchestrator:stopped-at": "2026-12-01T18:00:00Z"}
    down = one_of(kind, DEV | SAY_SO.get(kind, {}) | marks, state="stopped")
    stop = RememberedStop(
        SWEEP_ID, policy.name, stopped_at, accepted=True, started_before=None, evidence=policy.evidence[kind]
    )
    for restore, found in ((sizes, ("start", "in_running_time")), ({}, ("keep", "unknown_size"))):
        remembered = Remembered({down.key: replace(stop, restore=restore)})
        decision = decide(policy, down, an_account(), stopped_at + timedelta(hours=12), remembered=remembered)
        assert (decision.verdict.value, decision.reason_code.value) == found
        assert decision.verdict.value == "keep" or decision.resource.restore == sizes


# --- missing owner ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "announced", "verdict"),
    [
        ({}, None, "tag"),
        ({"Owner": " "}, None, "tag"),
        ({"Owner": "ann"}, None, "keep"),
        ({"stop-orchestrator:stop-after": "2026-12-01"}, date(2026, 12, 1), "keep"),
        ({"stop-orchestrator:stop-after": "2026-11-30"}, date(2026, 11, 30), "stop"),
        ({"Owner": "ann", "stop-orchestrator:stop-after": "2026-11-30"}, date(2026, 11, 30), "untag"),
    ],
)
def test_it_is_announced_then_stopped_and_taken_back_where_an_owner_is_named(
    tags: dict[str, str], announced: date | None, verdict: str
) -> None:
    resource = a_resource(tags=tags)
    notices = {resource.key: Notice(SWEEP_ID, "missing-owner", announced)} if announced else {}
    found = decided("missing-owner", resource, "2026-12-01T12:00", remembered=Remembered(notices=notices))
    assert found[0] == verdict


# --- required tags ----------------------------------------------------------------------------------------------------

TAGGED = {"Owner": "ann", "Environment": "dev", "CostCenter": "cc-7"}


@pytest.mark.parametrize(
    ("tags", "problems", "verdict"),
    [
        (TAGGED, [], "stop"),
        ({**TAGGED, "Environment": "develop"}, ["wrong_required_tag"], "keep"),
        ({**TAGGED, "Environment": "prod-eu"}, [], "keep"),
        ({**TAGGED, "Owner": ""}, ["missing_required_tag"], "keep"),
        ({}, ["missing_required_tag"] * 3, "keep"),
    ],
)
def test_a_wrong_tag_is_listed_and_what_has_one_is_never_stopped(
    tags: dict[str, str], problems: list[str], verdict: str
) -> None:
    found = [one.problem("ec2", tags) for one in example("required-tags").required_tags]
    assert [one[0] for one in found if one is not None] == problems
    assert decided("required-tags", a_resource(tags=tags), "2026-12-01T22:00")[0] == verdict


def test_every_example_has_a_test_here() -> None:
    text = Path(__file__).read_text()
    assert [path.stem for path in EXAMPLES.glob("*.yaml") if f'"{path.stem}"' not in text] == []

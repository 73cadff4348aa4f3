"""Who is stopped and who is kept, decided from what the embedded EC2 and Organizations really answer."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from orchestrator import app
from orchestrator.cli.summary import print_summary
from orchestrator.core.policy.opt_outs import MISSPELT_KEY as MISSPELT
from orchestrator.core.report.files import report_files
from tests.support.embedded import OrganizationBuilder
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT, Sweeps
from tests.support.time import set_time

OPT_OUT, REASON, PROTECTED = (f"stop-orchestrator:{name}" for name in ("opt-out", "opt-out-reason", "protected"))
TODAY, YESTERDAY = "2026-11-25", "2026-11-24"
SPARED = {
    "true": "for good",
    TODAY: f"until the end of {TODAY}",
    "yes please": "for good, because its value is neither",
}
SERVICES = {
    "aws:autoscaling:groupName": "an Auto Scaling group",
    "kubernetes.io/cluster/dev": "an EKS or Kubernetes cluster",
    "aws:eks:cluster-name": "an EKS cluster",
    "AmazonECSManaged": "an ECS cluster",
    "aws:elasticmapreduce:job-flow-id": "an EMR cluster",
    "AWSBatchServiceTag": "an AWS Batch compute environment",
    "elasticbeanstalk:environment-name": "an Elastic Beanstalk environment",
}


@pytest.fixture
def account(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> str:
    """An account, on an evening in November."""
    set_time(monkeypatch, now=lambda: datetime(2026, 11, 25, 22, 30, tzinfo=UTC))
    return organization.account("dev", "/Workloads/Dev", {"CostCenter": "cc-1"})


# --- opting out -------------------------------------------------------------------------------------------------------


def test_an_instance_opts_out_for_good_or_through_a_day_and_a_malformed_value_is_honoured(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    def launch(**tags: str) -> str:
        return organization.instances(account, FRANKFURT, 1, {**DEV, **tags})[0]

    spared = {value: launch(**{OPT_OUT: value, REASON: "a demo"}) for value in SPARED}
    protected = launch(**{PROTECTED: ""})
    expired, plain = launch(**{OPT_OUT: YESTERDAY}), launch()
    swept = sweep()
    assert organization.down(account, FRANKFURT) == {expired, plain}
    for value, until in SPARED.items():
        decision = swept.decisions[spared[value]]
        assert decision["reason"].startswith(
            f"The tag {OPT_OUT}={value} on the resource {spared[value]} opts it out {until}"
        )
        assert decision["reason"].endswith("(reason: a demo).")
        assert decision["exemption"]["value"] == value
    assert f"The tag {PROTECTED} on the resource {protected} protects it" in swept.decisions[protected]["reason"]
    assert swept.decisions[expired]["exemption"] is None
    violations = {(row["resource_id"], row["violation"]) for row in swept.document["compliance"]}
    assert violations == {
        (spared["true"], "never_ending_opt_out"),
        (spared["yes please"], "malformed_opt_out"),
        (expired, "expired_opt_out"),
    }
    assert swept.document["totals"]["exempt"] == 4


def test_misspelt_keys_spare_instance_account_and_ou_and_report_table_and_csv_name_the_nearest_one(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    keys = ("Stop-Orchestrator:Opt-Out", "stop-orchestrator:Opt-out ", "stop-orchestrator:protect", REASON)
    spared = {organization.instances(account, FRANKFURT, 1, {**DEV, key: "2020-01-01"})[0]: key for key in keys}
    [plain] = organization.instances(account, FRANKFURT, 1, DEV)
    organization.unit("/Labs", {"stop-orchestrator:opt_out": "true"})
    whole = (organization.account("lab", "/Labs"), organization.account("shop", "/Shop", {"STOP_ORCHESTRATOR:X": ""}))
    for one in whole:
        organization.instances(one, FRANKFURT, 1, DEV)
    swept = sweep(regions=(FRANKFURT,))
    assert organization.down(account, FRANKFURT) == {plain}
    assert [organization.down(one, FRANKFURT) for one in whole] == [set(), set()]
    for one, key in spared.items():
        decision = swept.decisions[one]
        assert (decision["reason_code"], decision["exemption"]["tag"]) == ("exempt", key)
        assert repr(key) in decision["reason"]
        assert f"`{decision['exemption']['nearest_key']}`" in decision["reason"]
    rows = {row["resource_id"]: row for row in swept.document["compliance"] if row["violation"] == MISSPELT}
    assert set(rows) == {*spared, "/Labs", whole[1]}
    assert f"`{PROTECTED}`" in rows[next(one for one, key in spared.items() if key.endswith("protect"))]["detail"]
    assert {swept.coverage[one, "*"]["status"] for one in whole} == {"opted_out"}
    compliance = report_files(swept.document)["compliance.csv"].decode()
    assert compliance.count(MISSPELT) == len(rows)
    table = io.StringIO()
    print_summary(Console(width=80, file=table), swept.document)
    assert "Misspelt opt-out keys" in table.getvalue()
    assert all(one in table.getvalue() for one in rows)


@pytest.mark.parametrize("carrier", ["account", "OU"])
def test_an_account_or_an_ou_opts_out_all_that_is_in_it(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, carrier: str
) -> None:
    ids: dict[str, str] = {}
    accounts: dict[str, str] = {}
    for number, value in enumerate([*SPARED, YESTERDAY]):
        tags, ou = {OPT_OUT: value}, f"/Labs-{number}"
        if carrier == "OU":
            organization.unit(ou, tags)
        accounts[value] = organization.account(f"lab-{number}", ou, tags if carrier == "account" else {})
        [ids[value]] = organization.instances(accounts[value], FRANKFURT, 1, DEV)
    swept = sweep(regions=(FRANKFURT,))
    assert set(swept.decisions) == {ids[YESTERDAY]}
    assert organization.down(accounts[YESTERDAY], FRANKFURT) == {ids[YESTERDAY]}
    for value, until in SPARED.items():
        row = swept.coverage[accounts[value], "*"]
        assert row["status"] == "opted_out"
        assert f"{OPT_OUT}={value} on the {carrier} " in row["detail"]
        assert until in row["detail"]
    violations = {(row["account_id"], row["violation"]) for row in swept.document["compliance"]}
    assert (accounts["yes please"], "malformed_opt_out") in violations
    assert (accounts[YESTERDAY], "expired_opt_out") in violations
    assert (accounts[TODAY], "opt_out_without_reason") in violations


@pytest.mark.parametrize(("timezone", "verdict"), [("UTC", "keep"), ("Asia/Tokyo", "stop")])
def test_a_dated_opt_out_ends_with_its_day_in_the_policys_time_zone(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, timezone: str, verdict: str
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, {**DEV, OPT_OUT: TODAY})
    assert sweep(f"{DEV_RULE}timezone: {timezone}\n").decisions[one]["verdict"] == verdict


# --- what must not be stopped -----------------------------------------------------------------------------------------


def test_what_a_service_owns_is_kept_and_the_reason_names_its_owner_and_the_tag(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    ids = {key: organization.instances(account, FRANKFURT, 1, {**DEV, key: "x"})[0] for key in SERVICES}
    swept = sweep()
    assert organization.down(account, FRANKFURT) == set()
    assert {key: swept.decisions[ids[key]]["reason"] for key in SERVICES} == {
        key: f"It belongs to {owner} (tag {key}), which would replace it." for key, owner in SERVICES.items()
    }


def test_what_ec2_cannot_stop_or_another_service_manages_is_kept_with_that_reason(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    def launch(in_memory: dict[str, Any] | None = None, **options: Any) -> str:
        [one] = organization.instances(account, FRANKFURT, 1, DEV, **options)
        for name, value in (in_memory or {}).items():
            setattr(organization.in_memory(account, FRANKFURT, one), name, value)
        return one

    def request(kind: str) -> str:
        specification = {"ImageId": "ami-00000000000000000", "InstanceType": "t3.micro"}
        answer = organization.act(
            "request_spot_instances", account, FRANKFURT, Type=kind, LaunchSpecification=specification
        )
        one: str = answer["SpotInstanceRequests"][0]["InstanceId"]
        organization.act(
            "create_tags", account, FRANKFURT, Resources=[one], Tags=[{"Key": "Environment", "Value": "dev"}]
        )
        return one

    operator = {"Managed": True, "Principal": "eks.amazonaws.com"}
    kept = {
        launch({"root_device_type": "instance-store"}): "Its root device is an instance store, which AWS cannot stop.",
        launch({"operator": operator}): "It is managed by the service eks.amazonaws.com.",
        launch(InstanceMarketOptions={"MarketType": "spot"}): (
            "It is a spot instance whose request could not be read; only persistent ones are stopped."
        ),
        request("one-time"): "It is a one-time spot instance, which AWS cannot stop.",
    }
    starting, down, persistent = launch(), launch(), request("persistent")
    organization.in_memory(account, FRANKFURT, starting)._state.name = "pending"
    kept[starting] = "It is pending, not running; the next sweep looks again."
    organization.act("stop_instances", account, FRANKFURT, InstanceIds=[down])
    swept = sweep()
    assert {one: row["reason"] for one, row in swept.decisions.items() if row["verdict"] == "keep"} == kept
    assert organization.down(account, FRANKFURT) == {down, persistent}
    assert down not in swept.decisions
    assert swept.outcomes[persistent]["status"] == "stopped"


# --- rules ------------------------------------------------------------------------------------------------------------


def test_the_first_rule_that_matches_owns_the_instance_whatever_a_later_one_says(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [ci] = organization.instances(account, FRANKFURT, 1, {**DEV, "Role": "ci"})
    [web] = organization.instances(account, FRANKFURT, 1, DEV)
    [other] = organization.instances(account, FRANKFURT, 1, {"Environment": "production"})
    swept = sweep(
        "schedules: {always: {timezone: UTC, running: ['daily 00:00-24:00']}}\n"
        "rules:\n"
        "  - {name: ci, where: {tag: {Role: ci}}, schedule: always}\n"
        "  - {name: dev, where: {tag: {Environment: dev}}}\n"
        "  - {name: again, where: {tag: {Environment: dev}}}\n"
    )
    assert {one: (row["rule"], row["verdict"]) for one, row in swept.decisions.items()} == {
        ci: ("ci", "keep"),
        web: ("dev", "stop"),
        other: (None, "keep"),
    }
    assert swept.decisions[ci]["reason"] == "Rule ci owns it, but its schedule always says that it should run now."
    assert swept.decisions[web]["reason"] == "Rule dev owns it and may stop it at any time."
    assert swept.decisions[other]["reason"] == "No rule of the policy matches it."


def test_ec2s_launch_time_tells_what_was_started_after_its_running_hours_and_a_tag_whose_hours_those_are(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    tagged = {**DEV, "Schedule": "daily 00:00-24:00 Europe/Berlin"}
    by_hand, long_ago = organization.instances(account, FRANKFURT, 2, DEV)
    [own_hours] = organization.instances(account, FRANKFURT, 1, tagged)
    [misspelt] = organization.instances(account, FRANKFURT, 1, {**DEV, "Schedule": "nights"})
    organization.act("stop_instances", account, FRANKFURT, InstanceIds=[by_hand])
    organization.act("start_instances", account, FRANKFURT, InstanceIds=[by_hand])
    began, ended = (app.now() - timedelta(hours=hours) for hours in (3, 2))
    swept = sweep(
        f"schedules: {{night: {{timezone: UTC, running: ['daily {began:%H:%M}-{ended:%H:%M}']}}}}\n"
        "rules: [{name: dev, where: everything, schedule: {from_tag: [Schedule], default: night}}]\n",
        regions=(FRANKFURT,),
    )
    assert {one: (row["verdict"], row["reason_code"]) for one, row in swept.decisions.items()} == {
        by_hand: ("keep", "started_by_hand"),
        long_ago: ("stop", "outside_schedule"),
        own_hours: ("keep", "schedule"),
        misspelt: ("keep", "unknown_schedule"),
    }
    assert organization.down(account, FRANKFURT) == {long_ago}
    [row] = swept.document["compliance"]
    assert (row["resource_id"], row["violation"]) == (misspelt, "unknown_schedule")
    assert "did you mean 'night'?" in row["detail"]
    assert [(row["schedule"], row["resources"]) for row in swept.document["schedules"]] == [
        ("daily 00:00-24:00 Europe/Berlin", 1)
    ]


def test_conditions_on_account_tags_and_ous_are_read_from_the_organization(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    elsewhere = organization.account("elsewhere", "/Labs", {"CostCenter": "cc-1"})
    costly = organization.account("costly", "/Workloads/Dev/Deep", {"CostCenter": "xx-1"})
    ids = {one: organization.instances(one, FRANKFURT, 1)[0] for one in (account, elsewhere, costly)}
    where = "{all: [{account_tag: {CostCenter: 'cc-*'}}, {organizational_unit: /Workloads}]}"
    swept = sweep(f"rules: [{{name: ours, where: {where}}}]\n", regions=(FRANKFURT,))
    assert {one for one, row in swept.decisions.items() if row["verdict"] == "stop"} == {ids[account]}
    facts = swept.decisions[ids[account]]["facts"]
    assert (facts["account_tag:CostCenter"], facts["organizational_unit"]) == ("cc-1", "/Workloads/Dev")


def test_running_instances_that_lack_a_required_tag_are_listed_and_kept_or_stopped_all_the_same(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [without] = organization.instances(account, FRANKFURT, 1, {"Owner": " "})
    [full] = organization.instances(account, FRANKFURT, 1, {**DEV, "Owner": "web", "CostCenter": "cc-1"})
    swept = sweep(f"{DEV_RULE}required_tags: [Owner, CostCenter]\n")
    rows = [(row["resource_id"], row["violation"], row["detail"]) for row in swept.document["compliance"]]
    assert rows == [
        (without, "missing_required_tag", "the tag CostCenter is missing"),
        (without, "missing_required_tag", "the tag Owner is empty"),
    ]
    assert organization.down(account, FRANKFURT) == {full}

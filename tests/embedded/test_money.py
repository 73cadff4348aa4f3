"""Money in whole sweeps of the embedded AWS: its volumes and addresses, the operator's file, AWS's list after it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator import app
from orchestrator.core.model import Mode
from orchestrator.demo.calls import Answer, Call
from orchestrator.errors import PricesError
from orchestrator.settings import Settings
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.sweeps import DEV, FRANKFURT, Row, Sweeps, Swept
from tests.support.time import set_time

PRICES = """kind,item,region,type,operating_system,price,made_up
ec2,compute,eu-central-1,t3.micro,Linux/UNIX,0.0120,
ec2,volume,*,gp3,,0.0952,
ec2,volume_iops,*,gp3,,0.0060,
ec2,public_ipv4,*,,,0.005,
"""
RULE = "rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"


@pytest.fixture
def book(tmp_path: Path) -> str:
    path = tmp_path / "prices.csv"
    path.write_text(PRICES)
    return str(path)


def in_half_a_day() -> str:
    """Its running time begins in 12 hours, at a full one, and lasts one."""
    hour = (app.now().hour + 12) % 24
    schedule = f'{{office: {{timezone: UTC, running: ["daily {hour:02}:00-{hour:02}:59"]}}}}'
    return f"schedules: {schedule}\nrules: [{{name: dev, where: {{tag: {{Environment: dev}}}}, schedule: office}}]\n"


def an_instance(organization: OrganizationBuilder, account: str, instance_type: str = "t3.micro") -> str:
    """With a second volume, of 100 GB and 4,000 IOPS, and an Elastic IP."""
    [one] = organization.instances(account, FRANKFURT, 1, DEV, InstanceType=instance_type)
    with organization.acting_in(account):
        ec2 = organization.client("ec2", FRANKFURT)
        [root] = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [one]}])["Volumes"]
        ec2.modify_volume(VolumeId=root["VolumeId"], VolumeType="gp3", Size=8)
        zone = f"{FRANKFURT}a"
        volume = ec2.create_volume(AvailabilityZone=zone, Size=100, VolumeType="gp3", Iops=4000)["VolumeId"]
        ec2.attach_volume(VolumeId=volume, InstanceId=one, Device="/dev/xvdb")
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.associate_address(AllocationId=address, InstanceId=one)
    return one


def money(swept: Swept, resource_id: str) -> Row:
    return dict(swept.decisions[resource_id]["money"])


def test_what_a_night_saves_equals_what_a_person_computes_to_the_cent(
    organization: OrganizationBuilder, sweep: Sweeps, book: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = app.now().replace(minute=0, second=0, microsecond=0)
    set_time(monkeypatch, now=lambda: at)
    account = organization.account("member")
    known, other = an_instance(organization, account), an_instance(organization, account, "t3.small")
    swept = sweep(in_half_a_day(), prices=book)
    row = money(swept, known)
    # 12 h of compute are 12 x 0.0120. Volumes: 108 GB and 1,000 IOPS above 3,000, a month each; one address.
    still = 12 * (108 * 0.0952 / 730 + 1000 * 0.0060 / 730 + 0.005)
    assert (row["hours"], row["net"], row["unknown"]) == (12.0, 0.144, "")
    assert row["still_billed"] == pytest.approx(still, abs=1e-6)
    assert row["gross"] == pytest.approx(0.144 + still, abs=1e-6)
    assert money(swept, other)["net"] is None
    assert "no price of ec2 t3.small" in money(swept, other)["unknown"]
    total = swept.document["money"]["forecast"]
    assert (total["resources"], total["unknown_resources"], total["net"]) == (1, 1, 0.144)
    assert organization.front.calls["ec2:DescribeVolumes"] == 3  # two of the test's own


def test_without_a_price_book_no_volume_is_asked_about(organization: OrganizationBuilder, sweep: Sweeps) -> None:
    account = organization.account("member")
    organization.instances(account, FRANKFURT, 1, DEV)
    assert "money" not in sweep(RULE).document
    assert organization.front.calls["ec2:DescribeVolumes"] == 0


def test_a_role_that_may_not_read_volumes_leaves_the_rest_known(
    organization: OrganizationBuilder, sweep: Sweeps, book: str
) -> None:
    account = organization.account("member")
    [one] = organization.instances(account, FRANKFURT, 1, DEV)

    def refuse(call: Call) -> Answer | None:
        return call.refused("UnauthorizedOperation", "no") if call.action == "DescribeVolumes" else None

    organization.front._gates, before = (refuse, *organization.front._gates), organization.front._gates
    try:
        row = money(sweep(RULE, prices=book), one)
    finally:
        organization.front._gates = before
    assert row["hourly"] == 0.017  # with the public address that AWS takes back
    assert "its volumes could not be read (ec2:DescribeVolumes: UnauthorizedOperation: no)" in row["unknown"]


def test_what_the_file_does_not_know_awss_list_tells_once_for_14_days(
    organization: OrganizationBuilder, sweep: Sweeps, book: str
) -> None:
    account = organization.account("member")
    [one] = organization.instances(account, FRANKFURT, 1, DEV, InstanceType="t3.large")
    asked: list[Any] = []

    def price_list(call: Call) -> Answer | None:
        if call.action != "GetProducts":
            return None
        asked.append(call.json)
        dimension = {"unit": "Hrs", "pricePerUnit": {"USD": "0.0960000000"}}
        term = {"sku.term": {"priceDimensions": {"one": dimension}}}
        body = {"FormatVersion": "aws_v1", "PriceList": [json.dumps({"terms": {"OnDemand": term}})]}
        return Answer(200, "application/x-amz-json-1.1", json.dumps(body))

    organization.front._gates, before = (price_list, *organization.front._gates), organization.front._gates
    try:
        rows = [money(sweep(RULE, Mode.PLAN, prices=f"{book},price-list"), one) for _ in range(2)]
    finally:
        organization.front._gates = before
    assert [(row["hourly"], row["source"]) for row in rows] == [(0.101, "AWS Price List, prices.csv")] * 2
    of_type = {"Type": "TERM_MATCH", "Field": "instanceType", "Value": "t3.large"}
    assert [of_type in each["Filters"] for each in asked].count(True) == 1


def test_a_file_with_mistakes_makes_no_sweep_fail_and_a_command_say_all_of_them(
    organization: OrganizationBuilder, sweep: Sweeps, tmp_path: Path
) -> None:
    account = organization.account("member")
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("kind,region,type,operating_system,price\nec2,*,t3.micro,*,0.1 USD\nec3,*,*,*,1\n")
    swept = sweep(RULE, prices=str(wrong))
    assert swept.outcomes[one]["status"] == "stopped"
    assert "line 2: price '0.1 USD'" in money(swept, one)["unknown"]
    with pytest.raises(PricesError) as told:
        app.check_prices(Settings.from_env({}, prices=str(wrong)), lambda: sweep.clients[0])
    assert len(str(told.value).splitlines()) == 2


def test_a_command_tells_every_mistake_of_a_price_book_before_it_reads_anything(
    organization: OrganizationBuilder, run: Run, policy: Policy, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("kind,region,type,operating_system,price\nec2,*,t3.micro,*,0.1 USD\nec3,*,*,*,1\n")
    organization.account("member")
    organization.front.calls.clear()
    ran = run("plan", "--policy", policy(RULE), "--prices", str(wrong))
    assert ran.exit_code == 2
    assert ["line 2" in ran.stderr, "line 3" in ran.stderr] == [True, True]
    assert not any(one.startswith("organizations") for one in organization.front.calls)


def test_a_plan_for_another_moment_says_what_it_would_save_from_then_on(
    organization: OrganizationBuilder, run: Run, policy: Policy, book: str
) -> None:
    account = organization.account("member")
    organization.instances(account, FRANKFURT, 1, DEV)
    body = 'schedules: {day: {timezone: UTC, running: ["daily 07:00-19:00"]}}\n' + RULE.replace(
        "}]", ", schedule: day}]"
    )
    at = "2031-01-06T19:00Z"
    ran = run("plan", "--policy", policy(body), "--prices", book, "--at", at, "--format", "json")
    [row] = [one["money"] for one in ran.report["decisions"]]
    assert (row["hours"], row["until"], row["net"]) == (12.0, "2031-01-07T07:00:00Z", 0.204)
    assert ran.report["measured"] == []

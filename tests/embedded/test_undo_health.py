"""Whom a load balancer misses, asked of an embedded AWS in the session of a member role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from orchestrator.aws.credentials import MemberRole, MemberSessions
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, Region, Target
from orchestrator.demo.faults import Fault
from orchestrator.kinds.ec2.kind import Ec2Instances
from orchestrator.ports import TargetUnreadableError
from tests.support.builders import SWEEP_ID
from tests.support.embedded import ROLE, OrganizationBuilder
from tests.support.local_aws import closing_clients

FRANKFURT, IRELAND = "eu-central-1", "eu-west-1"


@dataclass
class Balanced:
    """Target groups in accounts of the organization, and the EC2 kind that asks for their health."""

    organization: OrganizationBuilder
    sessions: MemberSessions
    kind: Ec2Instances

    def group(self, account: str, region: str, ids: list[str], name: str = "web") -> str:
        """A target group with these instances, which must run."""
        with self.organization.acting_in(account):
            vpc = self.organization.client("ec2", region).describe_vpcs()["Vpcs"][0]["VpcId"]
            client = self.organization.client("elbv2", region)
            made = client.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc)
            arn = str(made["TargetGroups"][0]["TargetGroupArn"])
            client.register_targets(TargetGroupArn=arn, Targets=[{"Id": one} for one in ids])
        return arn

    def stop(self, account: str, region: str, ids: list[str]) -> None:
        self.organization.act("stop_instances", account, region, InstanceIds=ids)

    def missed(self, account: str, region: str, ids: list[str]) -> frozenset[str]:
        with self.sessions.bind(AccountId(account)):
            return self.kind.failed_health(Target(AccountId(account), Region(region)), ids)


def clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - moto has the machine's clock


@pytest.fixture
def balanced(organization: OrganizationBuilder) -> Iterator[Balanced]:
    retries = Retries(attempts=2, sleep=lambda _: None)
    with closing_clients() as clients:
        sessions = MemberSessions(clients, MemberRole(ROLE, None, SWEEP_ID), retries)
        yield Balanced(organization, sessions, Ec2Instances(clients, retries, clock, Pacing({})))


def test_a_stopped_instance_in_a_target_group_is_missed_and_one_that_runs_or_is_in_none_is_not(
    balanced: Balanced,
) -> None:
    account = balanced.organization.account("member")
    down, up, alone = ids = balanced.organization.instances(account, FRANKFURT, 3)
    balanced.group(account, FRANKFURT, [down, up])
    balanced.stop(account, FRANKFURT, [down, alone])
    assert balanced.missed(account, FRANKFURT, ids) == {down}


def test_it_is_missed_until_it_runs_again_or_leaves_the_group(balanced: Balanced) -> None:
    account = balanced.organization.account("member")
    started, left = ids = balanced.organization.instances(account, FRANKFURT, 2)
    group = balanced.group(account, FRANKFURT, ids)
    balanced.stop(account, FRANKFURT, ids)
    assert balanced.missed(account, FRANKFURT, ids) == set(ids)
    balanced.organization.act("start_instances", account, FRANKFURT, InstanceIds=[started])
    with balanced.organization.acting_in(account):
        client = balanced.organization.client("elbv2", FRANKFURT)
        client.deregister_targets(TargetGroupArn=group, Targets=[{"Id": left}])
    assert balanced.missed(account, FRANKFURT, ids) == set()


def test_each_account_and_region_is_asked_for_its_own_target_groups(balanced: Balanced) -> None:
    accounts = [balanced.organization.account(name) for name in ("one", "two")]
    places = [(account, region) for account in accounts for region in (FRANKFURT, IRELAND)]
    stopped = {place: balanced.organization.instances(*place, 2) for place in places}
    for number, (place, ids) in enumerate(stopped.items()):
        balanced.group(*place, ids[: number % 3], name=f"web-{number}")
        balanced.stop(*place, ids)
    every_id = [one for ids in stopped.values() for one in ids]
    missed = {place: balanced.missed(*place, every_id) for place in places}
    assert missed == {place: set(ids[: number % 3]) for number, (place, ids) in enumerate(stopped.items())}


def test_a_refusal_is_told_as_the_one_of_that_account_only(balanced: Balanced) -> None:
    denied, open_ = (balanced.organization.account(name) for name in ("denied", "open"))
    ids = balanced.organization.instances(open_, FRANKFURT)
    for account in (denied, open_):
        balanced.group(account, FRANKFURT, ids if account == open_ else [])
    balanced.stop(open_, FRANKFURT, ids)
    fault = Fault("AccessDenied", "not you", 403, account=denied, operation="elasticloadbalancing:DescribeTargetHealth")
    balanced.organization.front.faults.add(fault)
    with pytest.raises(TargetUnreadableError) as unreadable:
        balanced.missed(denied, FRANKFURT, ids)
    assert str(unreadable.value) == "elasticloadbalancing:DescribeTargetHealth: AccessDenied: not you"
    assert balanced.missed(open_, FRANKFURT, ids) == set(ids)

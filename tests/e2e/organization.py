"""A small organization in ministack: three accounts to sweep, one that nobody enrolled, one outside of the policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.e2e.server import HUB, REGION, Emulator

REGIONS = (REGION, "eu-west-1")
DEV = {"Environment": "dev"}
POLICY = """\
version: 1
name: e2e
organization: {include: ["/Workloads"]}
regions: {include: [eu-central-1, eu-west-1]}
rules:
  - name: dev
    where: {tag: {Environment: dev}}
waves: [{accounts: 1}]
guardrails: {max_stops: 20}
kill_switch: {unreadable: stop}
"""
Place = tuple[str, str]


@dataclass
class Organization:
    """What is in it, and what the sweeps should make of that."""

    emulator: Emulator
    id: str = ""
    enrolled: list[str] = field(default_factory=list)
    denied: str = ""
    outside: str = ""
    to_stop: dict[str, Place] = field(default_factory=dict)
    to_keep: dict[str, Place] = field(default_factory=dict)

    @property
    def coverage(self) -> dict[Place, str]:
        """Status by account and region, of the accounts that the policy includes."""
        scanned = {(account, region): "scanned" for account in self.enrolled for region in REGIONS}
        return {**scanned, (self.denied, "*"): "denied"}

    def states(self) -> dict[str, str]:
        """Every instance's state by its id."""
        found: dict[str, str] = {}
        for account, region in {*self.to_stop.values(), *self.to_keep.values()}:
            for reservation in self._ec2(account, region).describe_instances()["Reservations"]:
                found |= {one["InstanceId"]: one["State"]["Name"] for one in reservation["Instances"]}
        return found

    def start_again(self) -> None:
        """As their owners would, who also take the orchestrator's marks away."""
        for instance, place in self.to_stop.items():
            self._ec2(*place).start_instances(InstanceIds=[instance])
            marks = [{"Key": f"stop-orchestrator:stopped-{one}"} for one in ("by", "at")]
            self._ec2(*place).delete_tags(Resources=[instance], Tags=marks)

    def tags(self, instance: str) -> dict[str, str]:
        account, region = {**self.to_stop, **self.to_keep}[instance]
        filters = [{"Name": "resource-id", "Values": [instance]}]
        found = self._ec2(account, region).describe_tags(Filters=filters)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found if tag["ResourceId"] == instance}

    def _ec2(self, account: str, region: str) -> Any:
        return self.emulator.client("ec2", account, region)


def founded(emulator: Emulator) -> Organization:
    """The organization, its accounts and their instances."""
    client = emulator.client("organizations")
    made = Organization(emulator, client.describe_organization()["Organization"]["Id"])
    [root] = [one["Id"] for one in client.list_roots()["Roots"]]
    workloads = _unit(client, root, "Workloads")
    test = _unit(client, workloads, "Test")
    sandbox = _unit(client, root, "Sandbox")
    made.enrolled = [_account(client, name, root, unit) for name, unit in (("a", workloads), ("b", test), ("c", test))]
    made.denied = _account(client, "not-enrolled", root, workloads)
    made.outside = _account(client, "outside", root, sandbox)
    for account in made.enrolled:
        for region in REGIONS:
            _instances(made.to_stop, emulator, (account, region), DEV, 2)
    first, second, _ = made.enrolled
    _instances(made.to_keep, emulator, (first, REGION), {"Environment": "production"})
    _instances(made.to_keep, emulator, (first, REGION), {**DEV, "stop-orchestrator:opt-out": "true"})
    _instances(made.to_keep, emulator, (second, REGION), {**DEV, "stop-orchestrator:protected": "yes"})
    _instances(made.to_keep, emulator, (made.outside, REGION), DEV)
    return made


def _unit(client: Any, parent: str, name: str) -> str:
    made = client.create_organizational_unit(ParentId=parent, Name=name)
    return str(made["OrganizationalUnit"]["Id"])


def _account(client: Any, name: str, root: str, unit: str) -> str:
    asked = client.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
    account = str(asked["AccountId"])
    assert account != HUB
    client.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
    return account


def _instances(found: dict[str, Place], emulator: Emulator, place: Place, tags: dict[str, str], count: int = 1) -> None:
    made = emulator.client("ec2", *place).run_instances(
        ImageId="ami-12345678",
        InstanceType="t3.micro",
        MinCount=count,
        MaxCount=count,
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        ],
    )
    found.update((one["InstanceId"], place) for one in made["Instances"])

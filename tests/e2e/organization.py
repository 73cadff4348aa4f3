"""A small organization in ministack: three accounts to sweep, one that nobody enrolled, one outside of the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from orchestrator.core.model import ReasonCode
from tests.e2e.resources import KINDS, Clusters, Databases, Groups, Instances, Kind, Services
from tests.e2e.server import HUB, REGION, Emulator

REGIONS = (REGION, "eu-west-1")
DEV = {"Environment": "dev"}
POLICY = f"""\
version: 1
name: e2e
organization: {{include: ["/Workloads"]}}
regions: {{include: [eu-central-1, eu-west-1]}}
rules:
  - name: dev
    kinds: [{", ".join(KINDS)}]
    where: {{tag: {{Environment: dev}}}}
waves: [{{accounts: 1}}]
guardrails: {{max_stops: 30}}
kill_switch: {{unreadable: stop}}
"""
MARKS = ("stop-orchestrator:stopped-by", "stop-orchestrator:stopped-at")
_Kind = TypeVar("_Kind", bound=Kind)


class Place(NamedTuple):
    """Where a resource is, and of which kind it is."""

    account: str
    region: str
    kind: str


@dataclass
class Organization:
    """What is in it, and what the sweeps should make of that. Resources are named by their ids."""

    emulator: Emulator
    id: str = ""
    enrolled: list[str] = field(default_factory=list)
    denied: str = ""
    outside: str = ""
    to_stop: dict[str, Place] = field(default_factory=dict)
    to_keep: dict[str, Place] = field(default_factory=dict)
    why_kept: dict[str, ReasonCode] = field(default_factory=dict)
    """Of those in `to_keep` that the policy looks at."""

    @property
    def coverage(self) -> dict[tuple[str, str], str]:
        """Status by account and region, of the accounts that the policy includes."""
        scanned = {(account, region): "scanned" for account in self.enrolled for region in REGIONS}
        return {**scanned, (self.denied, "*"): "denied"}

    def states(self) -> dict[str, str]:
        """Every resource's state by its id."""
        found: dict[str, str] = {}
        for place in {*self.to_stop.values(), *self.to_keep.values()}:
            found |= self._kind(place).states()
        return found

    def start_again(self) -> None:
        """As their owners would, who also take the orchestrator's marks away."""
        for one, place in self.to_stop.items():
            self._kind(place).start(one)
            self._kind(place).untag(one, MARKS)

    def tags(self, one: str) -> dict[str, str]:
        place = {**self.to_stop, **self.to_keep}[one]
        return self._kind(place).tags(one)

    def _kind(self, place: Place) -> Kind:
        return self.of(KINDS[place.kind], place.account, place.region)

    def of(self, kind: type[_Kind], account: str, region: str = REGION) -> _Kind:
        return kind(self.emulator.client(kind.service, account, region))


def founded(emulator: Emulator) -> Organization:
    """The organization, its accounts and their resources."""
    client = emulator.client("organizations")
    made = Organization(emulator, client.describe_organization()["Organization"]["Id"])
    [root] = [one["Id"] for one in client.list_roots()["Roots"]]
    workloads = _unit(client, root, "Workloads")
    test = _unit(client, workloads, "Test")
    sandbox = _unit(client, root, "Sandbox")
    made.enrolled = [_account(client, name, root, unit) for name, unit in (("a", workloads), ("b", test), ("c", test))]
    made.denied = _account(client, "not-enrolled", root, workloads)
    made.outside = _account(client, "outside", root, sandbox)
    _make_instances(made)
    _make_databases(made, made.enrolled[0])
    _make_groups(made, made.enrolled[1])
    _make_services(made, made.enrolled[2])
    return made


_OPTED_OUT = {**DEV, "stop-orchestrator:opt-out": "true"}
_PROTECTED = {**DEV, "stop-orchestrator:protected": "yes"}


def _make_instances(made: Organization) -> None:
    for account in made.enrolled:
        for region in REGIONS:
            for one in made.of(Instances, account, region).make(DEV, 2):
                made.to_stop[one] = Place(account, region, "ec2")
    first, second, _ = made.enrolled
    kept: tuple[tuple[str, Mapping[str, str], ReasonCode | None], ...] = (
        (first, {"Environment": "production"}, ReasonCode.NO_RULE),
        (first, _OPTED_OUT, ReasonCode.EXEMPT),
        (second, _PROTECTED, ReasonCode.EXEMPT),
        (made.outside, DEV, None),
    )
    for account, tags, reason in kept:
        [one] = made.of(Instances, account).make(tags, 1)
        made.to_keep[one] = Place(account, REGION, "ec2")
        if reason is not None:
            made.why_kept[one] = reason


def _make_databases(made: Organization, account: str) -> None:
    alone, clusters = made.of(Databases, account), made.of(Clusters, account)
    alone.make("dev-db", DEV)
    alone.make("dev-db-opted-out", _OPTED_OUT)
    clusters.make("dev-aurora", "aurora-postgresql", DEV)
    clusters.make("dev-documents", "docdb", DEV)
    clusters.make("dev-aurora-protected", "aurora-mysql", _PROTECTED)
    made.to_stop |= {"dev-db": Place(account, REGION, "rds")}
    made.to_stop |= {one: Place(account, REGION, "rds_cluster") for one in ("dev-aurora", "dev-documents")}
    _keep(made, "dev-db-opted-out", Place(account, REGION, "rds"), ReasonCode.EXEMPT)
    _keep(made, "dev-aurora-protected", Place(account, REGION, "rds_cluster"), ReasonCode.EXEMPT)
    stopped = ("dev-aurora", "dev-documents")
    made.why_kept |= {f"{one}-1": ReasonCode.STOPS_WITH_OWNER for one in stopped}
    made.why_kept["dev-aurora-protected-1"] = ReasonCode.EXEMPT


def _make_groups(made: Organization, account: str) -> None:
    groups, place = made.of(Groups, account), Place(account, REGION, "asg")
    groups.make("dev-group", DEV)
    groups.make("dev-nodes", {**DEV, "eks:cluster-name": "dev"})
    made.to_stop["dev-group"] = place
    _keep(made, "dev-nodes", place, ReasonCode.OWNED)


def _make_services(made: Organization, account: str) -> None:
    services, place = made.of(Services, account), Place(account, REGION, "ecs_service")
    made.to_stop[services.make("web", DEV)] = place
    _keep(made, services.make("agent", DEV, "DAEMON"), place, ReasonCode.CANNOT_STOP)


def _keep(made: Organization, one: str, place: Place, reason: ReasonCode) -> None:
    made.to_keep[one] = place
    made.why_kept[one] = reason


def _unit(client: Any, parent: str, name: str) -> str:
    made = client.create_organizational_unit(ParentId=parent, Name=name)
    return str(made["OrganizationalUnit"]["Id"])


def _account(client: Any, name: str, root: str, unit: str) -> str:
    asked = client.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
    account = str(asked["AccountId"])
    assert account != HUB
    client.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
    return account

"""StartInstances of the embedded AWS, and a stop, a start and an interruption of each against it, by the EC2 kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from botocore.credentials import ReadOnlyCredentials

from orchestrator.aws.clients import bound_to
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, Action, OutcomeStatus, Region, Resource, Target
from orchestrator.kinds.ec2.kind import Ec2Instances
from orchestrator.kinds.shared.marks import STOPPED_BY_TAG
from tests.support.builders import SWEEP_ID
from tests.support.embedded import ROLE, OrganizationBuilder, refused
from tests.support.fake_ec2 import RecordingGuard
from tests.support.local_aws import closing_clients

FRANKFURT = "eu-central-1"


@pytest.mark.parametrize("state", ["stopping", "shutting-down", "terminated"])
@pytest.mark.parametrize("place", [0, 2])
def test_one_instance_that_cannot_be_started_and_nothing_of_the_batch_is(
    organization: OrganizationBuilder, state: str, place: int
) -> None:
    account = organization.account("member", role=False)
    ids = organization.instances(account, FRANKFURT, 3)
    organization.act("stop_instances", account, FRANKFURT, InstanceIds=ids)
    organization.in_memory(account, FRANKFURT, ids[place])._state.name = state
    with refused("IncorrectInstanceState", f"'{ids[place]}' is not in a state from which it can be started"):
        organization.act("start_instances", account, FRANKFURT, InstanceIds=ids)
    assert organization.down(account, FRANKFURT) >= set(ids) - {ids[place]}


@pytest.mark.parametrize(
    ("added", "code", "words"),
    [
        ("i-nothing", "InvalidInstanceID.Malformed", 'Invalid id: "i-nothing"'),
        ("i-0123456789abcdef0", "InvalidInstanceID.NotFound", "The instance ID 'i-0123456789abcdef0' does not exist"),
    ],
)
def test_ids_that_are_none_are_refused_before_anything_is_started(
    organization: OrganizationBuilder, added: str, code: str, words: str
) -> None:
    account = organization.account("member", role=False)
    ids = organization.instances(account, FRANKFURT)
    organization.act("stop_instances", account, FRANKFURT, InstanceIds=ids)
    with refused(code, words):
        organization.act("start_instances", account, FRANKFURT, InstanceIds=[*ids, added])
    assert organization.down(account, FRANKFURT) == set(ids)


def test_a_start_renews_the_launch_time_and_starting_what_runs_does_not(organization: OrganizationBuilder) -> None:
    account = organization.account("member", role=False)
    down, up = organization.instances(account, FRANKFURT, 2)
    long_ago = datetime(2020, 1, 1)  # noqa: DTZ001 - as moto keeps it
    for one in (down, up):
        organization.in_memory(account, FRANKFURT, one).launch_time = long_ago
    organization.act("stop_instances", account, FRANKFURT, InstanceIds=[down])
    organization.act("start_instances", account, FRANKFURT, InstanceIds=[down, up])
    launched = {one: raw["LaunchTime"].year for one, raw in organization.described(account, FRANKFURT).items()}
    assert launched[up] == long_ago.year < launched[down]


def test_a_dry_run_starts_nothing(organization: OrganizationBuilder) -> None:
    account = organization.account("member", role=False)
    ids = organization.instances(account, FRANKFURT)
    organization.act("stop_instances", account, FRANKFURT, InstanceIds=ids)
    with refused("DryRunOperation"):
        organization.act("start_instances", account, FRANKFURT, InstanceIds=ids, DryRun=True)
    assert organization.down(account, FRANKFURT) == set(ids)


# --- the EC2 kind against it ------------------------------------------------------------------------------------------


@dataclass
class Member:
    """An account with three running instances, and the EC2 kind bound to it by its member role."""

    organization: OrganizationBuilder
    kind: Ec2Instances
    account: str
    ids: list[str]

    @property
    def target(self) -> Target:
        return Target(AccountId(self.account), Region(FRANKFURT))

    def wanted(self, action: Action) -> list[tuple[Resource, Action]]:
        return [(resource, action) for resource in self.kind.look(self.target, self.ids).values()]

    def intents(self, action: Action, at: datetime) -> list[tuple[Resource, Action, datetime]]:
        return [(resource, action, at) for resource, action in self.wanted(action)]

    def act(self, action: Action) -> set[OutcomeStatus]:
        outcomes = self.kind.act(self.target, self.wanted(action), SWEEP_ID, RecordingGuard())
        return {outcome.status for outcome in outcomes}

    def recover(self, action: Action, at: datetime) -> set[OutcomeStatus]:
        return {
            outcome.status for outcome in self.kind.recover_intents(self.target, self.intents(action, at), SWEEP_ID)
        }

    def someone(self, operation: str) -> None:
        self.organization.act(operation, self.account, FRANKFURT, InstanceIds=self.ids)

    def tags(self) -> list[dict[str, str]]:
        return list(self.organization.tags(self.account, FRANKFURT).values())


@dataclass
class Assumed:
    frozen: ReadOnlyCredentials

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self.frozen

    def renew(self, expired: ReadOnlyCredentials) -> None:
        raise AssertionError(f"{expired.access_key} does not expire")


def clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - moto has the machine's clock


@pytest.fixture
def member(organization: OrganizationBuilder) -> Iterator[Member]:
    account = organization.account("member")
    ids = organization.instances(account, FRANKFURT, 3, tags={"Owner": "me"})
    got = organization.client("sts").assume_role(RoleArn=f"arn:aws:iam::{account}:role/{ROLE}", RoleSessionName="test")
    keys = got["Credentials"]
    frozen = ReadOnlyCredentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], account)
    retries = Retries(attempts=2, sleep=lambda _: None)
    with closing_clients() as clients, bound_to(Assumed(frozen)):
        yield Member(organization, Ec2Instances(clients, retries, clock, Pacing({})), account, ids)


def test_a_stop_and_a_start_leave_an_instance_as_it_was(member: Member) -> None:
    assert member.act(Action.STOP) == {OutcomeStatus.STOPPED}
    assert [tags[STOPPED_BY_TAG] for tags in member.tags()] == [SWEEP_ID] * 3
    assert member.act(Action.START) == {OutcomeStatus.STARTED}
    assert member.tags() == [{"Owner": "me"}] * 3
    assert member.organization.down(member.account, FRANKFURT) == set()


def test_the_embedded_aws_tells_when_an_instance_was_stopped(member: Member) -> None:
    before = clock()
    member.someone("stop_instances")
    for resource, _ in member.wanted(Action.START):
        told = resource.changed_at
        assert told is not None
        assert abs(told - before) < timedelta(seconds=5)


def test_who_started_it_is_told_by_when_it_happened(member: Member) -> None:
    member.someone("stop_instances")
    before = clock()
    assert member.recover(Action.START, before) == set(), "nothing has happened yet"
    member.someone("start_instances")
    assert member.recover(Action.START, clock() + timedelta(minutes=6)) == {OutcomeStatus.ALREADY_RUNNING}
    assert member.recover(Action.START, before) == {OutcomeStatus.STARTED}


def test_a_stop_without_the_sweeps_mark_is_someone_elses_whenever_it_happened(member: Member) -> None:
    before = clock()
    assert member.recover(Action.STOP, before) == set(), "nothing has happened yet"
    member.someone("stop_instances")
    assert member.recover(Action.STOP, before) == {OutcomeStatus.ALREADY_STOPPED}
    assert member.tags() == [{"Owner": "me"}] * 3

"""What a stop of an EC2 instance would lose, and what is asked of EC2 to know it; what cannot be known is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Semaphore

import pytest

from orchestrator.aws.clients import bound_to
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, Loss, Region, Resource, Target
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.ec2.kind import Ec2Instances
from tests.support.builders import AT
from tests.support.local_aws import (
    Answer,
    Fixed,
    LocalAws,
    Request,
    closing_clients,
    in_threads,
    instances_answer,
    refusal,
    serving,
    types_answer,
)
from tests.support.made_up_ec2 import asked_for

FRANKFURT, IRELAND = Region("eu-central-1"), Region("eu-west-1")
ACCOUNTS = AccountId("111111111111"), AccountId("222222222222")
AUTO = "<association><publicIp>3.120.1.2</publicIp><ipOwnerId>amazon</ipOwnerId></association>"
ELASTIC = "<association><publicIp>3.120.1.3</publicIp><ipOwnerId>111111111111</ipOwnerId></association>"


def an_instance(
    instance_id: str = "i-1", instance_type: str = "t3.micro", state: str = "running", interfaces: str = ""
) -> str:
    return (
        f"<item><instanceId>{instance_id}</instanceId><instanceState><name>{state}</name></instanceState>"
        f"<instanceType>{instance_type}</instanceType><rootDeviceType>ebs</rootDeviceType>"
        f"<networkInterfaceSet>{interfaces}</networkInterfaceSet></item>"
    )


@dataclass
class Ec2:
    """The same instances in every account and region, and what it knows of types."""

    instances: list[str] = field(default_factory=list)
    stores: dict[str, bool] = field(default_factory=lambda: {"t3.micro": False, "m5d.large": True, "mac2.metal": False})
    refused: list[Answer] = field(default_factory=list)
    """Answers to the first questions about types."""
    owner: str = ACCOUNTS[0]
    waits: bool = False
    """Whether an answer about types waits for a second question."""
    arrived: Semaphore = field(default_factory=lambda: Semaphore(0))

    def __call__(self, request: Request) -> Answer:
        if request.operation == "DescribeInstances":
            return instances_answer("".join(self.instances), owner=self.owner)
        self.arrived.release()
        if self.waits:
            self.arrived.acquire()
            self.arrived.acquire(timeout=0.1)  # for another question
        if self.refused:
            return self.refused.pop(0)
        return types_answer(asked_for(request), {name: str(one).lower() for name, one in self.stores.items()})


@pytest.fixture
def ec2() -> Ec2:
    return Ec2()


@pytest.fixture
def aws(ec2: Ec2, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    with serving(ec2, monkeypatch) as server:
        yield server


@pytest.fixture
def kind(aws: LocalAws) -> Iterator[Ec2Instances]:
    with closing_clients() as clients:
        yield Ec2Instances(clients, Retries(attempts=2, sleep=lambda _: None), lambda: AT, Pacing({}))


def read(kind: Ec2Instances, region: Region = FRANKFURT, account: AccountId = ACCOUNTS[0]) -> tuple[Resource, ...]:
    with bound_to(Fixed(account)):
        return kind.read(Target(account, region))


def lost(kind: Ec2Instances) -> list[list[str]]:
    return [[loss.text for loss in one.losses] for one in read(kind)]


def types_asked(aws: LocalAws) -> list[list[str]]:
    return [sorted(asked_for(request)) for request in aws.of("DescribeInstanceTypes")]


def test_a_type_with_instance_store_volumes_and_a_mac_are_lost_only_where_that_is_accepted(
    ec2: Ec2, kind: Ec2Instances
) -> None:
    ec2.instances = [an_instance("i-1"), an_instance("i-2", "m5d.large"), an_instance("i-3", "mac2.metal")]
    plain, stored, mac = read(kind)
    assert plain.losses == ()
    [erased], [scrubbed] = stored.losses, mac.losses
    assert (erased.word, scrubbed.word) == ("instance_store_volumes", "mac")
    assert erased.why_kept == "A stop erases the data on the instance-store volumes of its type m5d.large"
    assert "24 h" in scrubbed.why_kept
    assert "scrubbed for 1 to 3 h" in scrubbed.why_kept
    assert [one.facts["instance_storage_supported"] for one in (plain, stored, mac)] == [False, True, False]


@pytest.mark.parametrize("instance_type", ["mac1.metal", "mac2-m2pro.metal", "mac-m4.metal"])
def test_every_mac_type_is_known_by_its_name_also_where_its_type_is_not_told(
    ec2: Ec2, kind: Ec2Instances, instance_type: str
) -> None:
    ec2.instances = [an_instance("i-1", instance_type)]
    assert lost(kind) == [["instance_store_volumes?", "mac"]]


@pytest.mark.parametrize(
    ("interfaces", "is_lost"),
    [
        (f"<item>{AUTO}</item>", True),
        (f"<item>{ELASTIC}</item>", False),
        (f"<item>{ELASTIC}</item><item>{AUTO}</item>", True),
        ("<item/>", False),
        ("", False),
    ],
)
def test_an_address_that_ec2_assigned_is_lost_and_an_elastic_one_is_not(
    ec2: Ec2, kind: Ec2Instances, interfaces: str, is_lost: bool
) -> None:
    ec2.instances = [an_instance(interfaces=interfaces)]
    [one] = read(kind)
    assert one.losses == ((Loss("public_ipv4"),) if is_lost else ())
    assert one.facts["auto_assigned_public_ipv4"] is is_lost


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([refusal("UnauthorizedOperation", "not you", 403)], "ec2:DescribeInstanceTypes: UnauthorizedOperation"),
        ([refusal("RequestLimitExceeded", "slow", 503)] * 2, "ec2:DescribeInstanceTypes: RequestLimitExceeded"),
        ([Answer("<html>a proxy</html>")] * 2, "ec2:DescribeInstanceTypes: ResponseParserError"),
        ([Answer("no XML at all <")] * 2, "ec2:DescribeInstanceTypes: ResponseParserError"),
    ],
)
def test_a_type_that_could_not_be_read_is_unknown_with_the_permission_and_awss_code(
    ec2: Ec2, kind: Ec2Instances, answers: list[Answer], told: str
) -> None:
    ec2.instances, ec2.refused = [an_instance()], [*answers]
    [one] = read(kind)
    [loss] = one.losses
    assert (loss.text, loss.is_unknown) == ("instance_store_volumes?", True)
    assert told in loss.why_kept
    assert one.facts["instance_storage_supported"] is None


def test_a_type_that_ec2_does_not_tell_of_costs_no_other_its_answer(ec2: Ec2, kind: Ec2Instances) -> None:
    ec2.instances = [an_instance("i-1", "x99.new"), an_instance("i-2", "m5d.large"), an_instance("i-3")]
    assert lost(kind) == [["instance_store_volumes?"], ["instance_store_volumes"], []]


def test_each_type_is_asked_for_once_in_each_region_whatever_the_account(
    ec2: Ec2, kind: Ec2Instances, aws: LocalAws
) -> None:
    ec2.instances = [an_instance("i-1"), an_instance("i-2"), an_instance("i-3", "m5d.large")]
    read(kind)
    ec2.owner = ACCOUNTS[1]
    read(kind, account=ACCOUNTS[1])
    assert types_asked(aws) == [["m5d.large", "t3.micro"]]
    read(kind, IRELAND, ACCOUNTS[1])
    assert types_asked(aws) == [["m5d.large", "t3.micro"]] * 2


def test_what_two_threads_look_for_at_once_is_asked_for_once(ec2: Ec2, kind: Ec2Instances, aws: LocalAws) -> None:
    ec2.instances, ec2.waits = [an_instance("i-1", "m5d.large")], True
    found: list[list[list[str]]] = []
    in_threads(2, lambda _: found.append(lost(kind)))
    assert found == [[["instance_store_volumes"]]] * 2
    assert types_asked(aws) == [["m5d.large"]]


def test_what_was_refused_or_not_told_is_asked_again_by_the_next_account(
    ec2: Ec2, kind: Ec2Instances, aws: LocalAws
) -> None:
    ec2.instances, ec2.refused = [an_instance("i-1", "m5d.large")], [refusal("UnauthorizedOperation", status=403)]
    assert lost(kind) == [["instance_store_volumes?"]]
    assert lost(kind) == [["instance_store_volumes"]]
    assert len(types_asked(aws)) == 2


def test_a_hundred_types_are_asked_for_in_a_call(ec2: Ec2, kind: Ec2Instances, aws: LocalAws) -> None:
    ec2.stores = {f"t{number}.micro": bool(number % 2) for number in range(250)}
    ec2.instances = [an_instance(f"i-{number}", one) for number, one in enumerate(ec2.stores)]
    assert lost(kind) == [["instance_store_volumes"] if has_store else [] for has_store in ec2.stores.values()]
    assert [len(some) for some in types_asked(aws)] == [100, 100, 50]


def test_nothing_is_asked_of_what_is_not_stopped_in_any_case(ec2: Ec2, kind: Ec2Instances, aws: LocalAws) -> None:
    owned = an_instance("i-2", "m5d.large").replace(
        "</networkInterfaceSet>", "</networkInterfaceSet><tagSet>{}</tagSet>"
    )
    tag = "<item><key>eks:cluster-name</key><value>x</value></item>"
    ec2.instances = [an_instance("i-1", "mac1.metal", "pending"), owned.format(tag), an_instance("i-3", "", "stopping")]
    assert lost(kind) == [[], [], []]
    assert types_asked(aws) == []


def test_the_look_before_a_stop_tells_the_same(ec2: Ec2, kind: Ec2Instances) -> None:
    ec2.instances = [an_instance("i-1", "m5d.large", interfaces=f"<item>{AUTO}</item>")]
    [read_before] = read(kind)
    with bound_to(Fixed(ACCOUNTS[0])):
        assert kind.look(Target(ACCOUNTS[0], FRANKFURT), ["i-1"])["i-1"].losses == read_before.losses
    assert [one.word for one in read_before.losses] == ["public_ipv4", "instance_store_volumes"]


def test_every_word_that_it_tells_is_declared_and_is_kept_for_where_it_has_to_be_accepted(
    ec2: Ec2, kind: Ec2Instances
) -> None:
    kinds = ("m5d.large", "mac2.metal", "x99.new")
    ec2.instances = [an_instance(f"i-{one}", one, interfaces=f"<item>{AUTO}</item>") for one in kinds]
    declared = {one.word: one.must_be_accepted for one in EC2.losses}
    told = {loss.word: bool(loss.why_kept) for one in read(kind) for loss in one.losses}
    assert told == declared

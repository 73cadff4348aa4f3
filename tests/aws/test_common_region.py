"""A hub in a region that accounts have to opt into, and in whatever partition: who is asked where."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader

from orchestrator.aws.clients import Clients, bound_to
from orchestrator.aws.credentials import MemberRole, MemberSessions
from orchestrator.aws.partitions import ENABLED_BY_DEFAULT, always_enabled, common_region, dns_suffix
from orchestrator.aws.retries import Retries
from orchestrator.errors import SettingsError
from orchestrator.settings import Settings
from tests.aws.test_regions import regions_answer
from tests.support.cloudformation import resolved
from tests.support.local_aws import Answering, Fixed, LocalAws, closing_clients, refusal

OPT_IN = ["af-south-1", "eu-south-1", "ap-east-1", "me-central-1", "mx-central-1"]
ELSEWHERE = [
    ("us-gov-east-1", "aws-us-gov"),
    ("us-gov-west-1", "aws-us-gov"),
    ("cn-north-1", "aws-cn"),
    ("cn-northwest-1", "aws-cn"),
    ("eusc-de-east-1", "aws-eusc"),
]
LISTED = regions_answer(("eu-west-1", "opt-in-not-required"))


@pytest.fixture
def answers() -> Answering:
    return lambda _: LISTED


def sessions_of(clients: Clients) -> MemberSessions:
    role = MemberRole("member", external_id=None, source_identity="20261123T190000Z-7f3a9c")
    return MemberSessions(clients, role, Retries(attempts=1, sleep=lambda _: None))


def asked(aws: LocalAws, monkeypatch: pytest.MonkeyPatch, region: str, **settings: str) -> list[str]:
    """The regions in which a hub of that region asks for the list of regions, for itself and for a member."""
    monkeypatch.setenv("AWS_REGION", region)
    with closing_clients(**settings) as clients, bound_to(Fixed("111111111111")):
        sessions_of(clients).hub_regions()
        sessions_of(clients).regions()
    assert {one.operation for one in aws.requests} == {"DescribeRegions"}
    return [one.region for one in aws.requests]


@pytest.mark.parametrize("region", OPT_IN)
def test_a_hub_in_an_opt_in_region_asks_where_every_account_may_be_asked(region: str) -> None:
    assert common_region(region, "aws") == "us-east-1"


@pytest.mark.parametrize("partition", sorted({"aws", *(partition for _, partition in ELSEWHERE)}))
def test_no_region_that_has_to_be_opted_into_and_none_of_another_partition_is_called_always_enabled(
    partition: str,
) -> None:
    mine = {one for one, where in ELSEWHERE if where == partition} or ENABLED_BY_DEFAULT
    assert always_enabled(partition) == mine


@pytest.mark.parametrize(("region", "partition"), [*ELSEWHERE, *((one, "aws") for one in sorted(ENABLED_BY_DEFAULT))])
def test_any_other_hub_asks_in_its_own_region(region: str, partition: str) -> None:
    assert common_region(region, partition) == region


def test_the_list_of_regions_is_asked_for_in_a_region_that_every_account_has(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(aws, monkeypatch, "eu-south-1") == ["us-east-1", "us-east-1"]


def test_a_setting_names_another_region(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(aws, monkeypatch, "eu-south-1", common_region="eu-west-1") == ["eu-west-1", "eu-west-1"]


def test_where_the_organization_denies_that_region_the_hub_s_own_is_asked(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    no = refusal("UnauthorizedOperation", "with an explicit deny in a service control policy", 403)
    aws.answering = lambda request: no if request.region == "us-east-1" else LISTED
    assert asked(aws, monkeypatch, "eu-south-1") == ["us-east-1", "eu-south-1"] * 2


@pytest.mark.parametrize("region", ["us-east-1", "af-south-1", *(one for one, _ in ELSEWHERE)])
def test_the_setting_takes_a_region_of_any_partition(region: str) -> None:
    assert Settings.from_env({"STOP_ORCHESTRATOR_COMMON_REGION": region}).common_region == region


@pytest.mark.parametrize("wrong", ["Frankfurt", "eu-central", "eu-central-1a", "*"])
def test_what_is_no_region_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="STOP_ORCHESTRATOR_COMMON_REGION"):
        Settings.from_env({"STOP_ORCHESTRATOR_COMMON_REGION": wrong})


def test_endpoints_have_their_partition_s_name() -> None:
    names = {"aws": "com", "aws-us-gov": "com", "aws-cn": "com.cn", "aws-eusc": "eu"}
    assert {one: dns_suffix(one) for one in names} == {one: f"amazonaws.{name}" for one, name in names.items()}


def test_the_stack_set_uses_the_region_that_the_hub_would() -> None:
    partitions = {one["id"]: one["regions"] for one in Loader().load_data("partitions")["partitions"]}
    regions = [(one, name) for name in ("aws", "aws-us-gov", "aws-cn", "aws-eusc") for one in partitions[name]]
    own = [(region, partition) for region, partition in regions if not region.endswith("-global")]
    assert len(own) > 35
    for region, partition in own:
        stack_set = resolved("member-stackset", {"AWS::Region": region, "AWS::Partition": partition})
        [group] = stack_set["Resources"]["MemberRoles"]["Properties"]["StackInstancesGroup"]
        assert group["Regions"] == [common_region(region, partition)], region


def test_a_parameter_names_another_region_in_both_templates() -> None:
    [group] = resolved("member-stackset", CommonRegion="eu-west-1")["Resources"]["MemberRoles"]["Properties"][
        "StackInstancesGroup"
    ]
    assert group["Regions"] == ["eu-west-1"]
    variables = resolved("hub", CommonRegion="eu-west-1")["Resources"]["Sweep"]["Properties"]["Environment"][
        "Variables"
    ]
    assert Settings.from_env({name: str(value) for name, value in variables.items()}).common_region == "eu-west-1"

"""StopInstances, pages and faults of the embedded AWS: as AWS would answer, or as a test wants it to."""

from __future__ import annotations

from typing import Any
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.parsers import ResponseParserError

from orchestrator.demo.faults import Fault
from tests.support.embedded import OrganizationBuilder, refused
from tests.support.sweeps import FRANKFURT, IRELAND, MILAN

# --- tags -------------------------------------------------------------------------------------------------------------


NOTE = {"Key": "Note", "Value": "a\x01b"}


def test_ec2_answers_a_control_character_in_a_tag_by_what_is_not_well_formed(organization: OrganizationBuilder) -> None:
    account = organization.account("member", role=False)
    [one] = organization.instances(account, FRANKFURT)
    organization.act("create_tags", account, FRANKFURT, Resources=[one], Tags=[NOTE])
    with pytest.raises(ResponseParserError, match="not well-formed"):
        organization.described(account, FRANKFURT)


def test_rds_answers_a_control_character_in_a_tag_by_what_is_not_well_formed(organization: OrganizationBuilder) -> None:
    made = {"DBInstanceIdentifier": "one", "DBInstanceClass": "db.t3.micro", "Engine": "postgres", "Tags": [NOTE]}
    with organization.acting_in(organization.account("member", role=False)):
        client = organization.client("rds", FRANKFURT)
        with pytest.raises(ResponseParserError, match="not well-formed"):
            client.create_db_instance(**made)
        with pytest.raises(ResponseParserError, match="not well-formed"):
            client.describe_db_instances()


# --- StopInstances ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made_bad", "code", "words"),
    [
        ({"_state": "pending"}, "IncorrectInstanceState", "is not in a state from which it can be stopped"),
        ({"_state": "terminated"}, "IncorrectInstanceState", "is not in a state from which it can be stopped"),
        ({"root_device_type": "instance-store"}, "UnsupportedOperation", "does not have an 'ebs' root device type"),
        ({"lifecycle": "spot"}, "UnsupportedOperation", "one-time Spot Instance request"),
        ({"disable_api_stop": True}, "OperationNotPermitted", "Modify its 'disableApiStop' instance attribute"),
        ({"id": "forgotten"}, "InvalidInstanceID.NotFound", "does not exist"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_instance_and_nothing_of_the_batch_is_stopped(
    organization: OrganizationBuilder, made_bad: dict[str, Any], code: str, words: str, place: int
) -> None:
    account = organization.account("member", role=False)
    ids = organization.instances(account, FRANKFURT, 3)
    bad = organization.in_memory(account, FRANKFURT, ids[place])
    for name, value in made_bad.items():
        if name == "_state":
            bad._state.name = value
        elif value == "forgotten":
            organization.forget(account, FRANKFURT, bad.id)
        else:
            setattr(bad, name, value)
    with refused(code, words) as refusal:
        organization.act("stop_instances", account, FRANKFURT, InstanceIds=ids)
    assert ids[place] in str(refusal.value)
    assert organization.down(account, FRANKFURT) == set()


@pytest.mark.parametrize(
    ("added", "code", "words"),
    [
        (["i-xyz"], "InvalidInstanceID.Malformed", 'Invalid id: "i-xyz"'),
        (
            ["i-0123456789abcdef0", "i-0123456789abcdef1"],
            "InvalidInstanceID.NotFound",
            "The instance IDs 'i-0123456789abcdef0, i-0123456789abcdef1' do not exist",
        ),
    ],
)
def test_ids_that_are_none_are_refused_before_anything_is_stopped(
    organization: OrganizationBuilder, added: list[str], code: str, words: str
) -> None:
    account = organization.account("member", role=False)
    ids = organization.instances(account, FRANKFURT, 2)
    with refused(code, words):
        organization.act("stop_instances", account, FRANKFURT, InstanceIds=[*ids, *added])
    assert organization.down(account, FRANKFURT) == set()


def test_hibernation_wants_instances_that_are_configured_for_it(organization: OrganizationBuilder) -> None:
    account = organization.account("member", role=False)
    [plain] = organization.instances(account, FRANKFURT)
    [ready] = organization.instances(account, FRANKFURT, HibernationOptions={"Configured": True})
    with refused("UnsupportedHibernationConfiguration", plain):
        organization.act("stop_instances", account, FRANKFURT, InstanceIds=[ready, plain], Hibernate=True)
    organization.act("stop_instances", account, FRANKFURT, InstanceIds=[ready], Hibernate=True)
    assert organization.down(account, FRANKFURT) == {ready}


def test_a_dry_run_stops_nothing(organization: OrganizationBuilder) -> None:
    account = organization.account("member", role=False)
    [one] = organization.instances(account, FRANKFURT)
    with refused("DryRunOperation"):
        organization.act("stop_instances", account, FRANKFURT, InstanceIds=[one], DryRun=True)
    assert organization.down(account, FRANKFURT) == set()


@pytest.mark.parametrize("operation", ["stop_instances", "start_instances", "create_tags", "delete_tags"])
def test_a_dry_run_changes_nothing_and_knows_which_ids_there_are(
    organization: OrganizationBuilder, operation: str
) -> None:
    account = organization.account("member", role=False)
    (there,) = organization.instances(account, FRANKFURT, 1)
    before = organization.described(account, FRANKFURT)
    for one, code in ((there, "DryRunOperation"), ("i-00000000000000000", "InvalidInstanceID.NotFound")):
        tags = {"Resources": [one], "Tags": [{"Key": "a", "Value": "b"}]}
        with refused(code):
            arguments = tags if operation.endswith("tags") else {"InstanceIds": [one]}
            organization.act(operation, account, FRANKFURT, DryRun=True, **arguments)
    assert organization.described(account, FRANKFURT) == before


# --- pages ------------------------------------------------------------------------------------------------------------


def test_accounts_come_in_pages_of_at_most_twenty(organization: OrganizationBuilder) -> None:
    for number in range(40):
        organization.account(f"account-{number}", role=False)
    client = organization.client("organizations")
    pages = [page["Accounts"] for page in client.get_paginator("list_accounts").paginate()]
    assert [len(page) for page in pages] == [20, 20, 1]
    assert len({account["Id"] for page in pages for account in page}) == 41
    root = client.list_roots()["Roots"][0]["Id"]
    assert len(client.list_accounts_for_parent(ParentId=root, MaxResults=7)["Accounts"]) == 7
    for call, arguments in ((client.list_accounts, {}), (client.list_accounts_for_parent, {"ParentId": root})):
        with refused("InvalidInputException", "MaxResults"):
            call(MaxResults=21, **arguments)


# --- faults -----------------------------------------------------------------------------------------------------------


def test_a_fault_hits_the_account_the_operation_the_region_and_so_many_calls_as_it_says(
    organization: OrganizationBuilder,
) -> None:
    hit, spared = organization.account("hit"), organization.account("spared")
    fault = Fault("UnauthorizedOperation", "no", 403, hit, "ec2:DescribeInst*", FRANKFURT, times=2)
    organization.front.faults.add(fault)

    def describe(account: str, region: str) -> None:
        organization.act("describe_instances", account, region)

    describe(spared, FRANKFURT)
    describe(hit, IRELAND)
    organization.act("describe_tags", hit, FRANKFURT)
    for _ in range(2):
        with refused("UnauthorizedOperation", "no"):
            organization.act("describe_instances", hit, FRANKFURT)
    describe(hit, FRANKFURT)


def test_a_fault_can_hit_one_instance_only(organization: OrganizationBuilder) -> None:
    account = organization.account("member", role=False)
    one, other = organization.instances(account, FRANKFURT, 2)
    organization.front.faults.add(Fault("UnauthorizedOperation", operation="ec2:StopInstances", instance=one))
    with refused("UnauthorizedOperation"):
        organization.act("stop_instances", account, FRANKFURT, InstanceIds=[other, one])
    organization.act("stop_instances", account, FRANKFURT, InstanceIds=[other])
    assert organization.down(account, FRANKFURT) == {other}


def test_a_share_of_the_calls_is_hit_and_the_same_share_after_a_reset(organization: OrganizationBuilder) -> None:
    def hits() -> list[bool]:
        organization.front.clear()
        organization.front.faults.add(Fault("UnauthorizedOperation", operation="ec2:DescribeVpcs", share=0.5))
        return [is_refused(organization) for _ in range(20)]

    first = hits()
    assert 3 < sum(first) < 17
    assert hits() == first


def is_refused(organization: OrganizationBuilder) -> bool:
    try:
        organization.client("ec2", FRANKFURT).describe_vpcs()
    except ClientError:
        return True
    return False


@pytest.mark.parametrize("carried_out", [False, True])
def test_an_answer_can_get_lost_before_or_after_aws_did_what_was_asked(
    organization: OrganizationBuilder, carried_out: bool
) -> None:
    account = organization.account("member", role=False)
    [one] = organization.instances(account, FRANKFURT)
    fault = Fault(hangs_up=True, operation="ec2:StopInstances", carried_out=carried_out)
    organization.front.faults.add(fault)
    with pytest.raises(ConnectionClosedError):
        organization.act("stop_instances", account, FRANKFURT, InstanceIds=[one])
    assert organization.down(account, FRANKFURT) == ({one} if carried_out else set())


def test_a_slow_call_is_answered_all_the_same(organization: OrganizationBuilder) -> None:
    organization.front.faults.add(Fault(operation="ec2:DescribeVpcs", delay_seconds=0.05))
    assert organization.client("ec2", FRANKFURT).describe_vpcs()["Vpcs"]


# --- the server -------------------------------------------------------------------------------------------------------


def test_a_reset_over_http_empties_the_front_too(organization: OrganizationBuilder) -> None:
    account = organization.account("member")
    organization.client("account").enable_region(AccountId=account, RegionName=MILAN)
    organization.front.faults.add(Fault("UnauthorizedOperation", operation="ec2:*"))
    organization.front.instances_a_page = 1
    urlopen(Request(f"{organization.environment['AWS_ENDPOINT_URL']}/moto-api/reset", method="POST")).close()
    assert organization.act("describe_instances", account, FRANKFURT)["Reservations"] == []
    assert not organization.front.regions.is_enabled(account, MILAN)
    assert organization.front.instances_a_page is None
    assert organization.front.calls == {"ec2:DescribeInstances": 1}
    with refused("AWSOrganizationsNotInUseException"):
        organization.client("organizations").describe_organization()


def test_a_body_that_comes_in_chunks_arrives_whole(organization: OrganizationBuilder) -> None:
    organization.hub()
    client = organization.client("s3")
    url = client.generate_presigned_url("put_object", Params={"Bucket": "stop-orchestrator-demo", "Key": "k"})
    kind = {"Content-Type": "application/octet-stream"}
    urlopen(Request(url, data=iter([b"one ", b"two"]), method="PUT", headers=kind)).close()
    assert client.get_object(Bucket="stop-orchestrator-demo", Key="k")["Body"].read() == b"one two"


# --- CreateTags -------------------------------------------------------------------------------------------------------


def tags(count: int, first: int = 0) -> list[dict[str, str]]:
    return [{"Key": f"key-{number}", "Value": ""} for number in range(first, first + count)]


def test_one_instance_with_full_tags_and_none_of_the_batch_gets_any_and_ec2_names_nobody(
    organization: OrganizationBuilder,
) -> None:
    account = organization.account("member", role=False)
    full, other = organization.instances(account, FRANKFURT, 2)
    organization.act("create_tags", account, FRANKFURT, Resources=[full], Tags=tags(49))
    with refused("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.") as refusal:
        organization.act("create_tags", account, FRANKFURT, Resources=[other, full], Tags=tags(2, first=49))
    assert full not in str(refusal.value)
    assert organization.tags(account, FRANKFURT)[other] == {}


def test_a_key_that_is_there_takes_no_room_and_neither_do_those_of_aws(organization: OrganizationBuilder) -> None:
    account = organization.account("member", role=False)
    [one] = organization.instances(account, FRANKFURT, 1)
    organization.in_memory(account, FRANKFURT, one).ec2_backend.tags[one]["aws:cloudformation:stack-name"] = "a"
    organization.act("create_tags", account, FRANKFURT, Resources=[one], Tags=tags(50))
    organization.act("create_tags", account, FRANKFURT, Resources=[one], Tags=tags(2))
    with refused("TagLimitExceeded", "The maximum number of Tags"):
        organization.act("create_tags", account, FRANKFURT, Resources=[one], Tags=tags(2, first=49))

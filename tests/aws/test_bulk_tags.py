"""One listing of all tags is believed only where it proves to be whole and of this organization; else it says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.app import now
from orchestrator.aws.bulk_tags import PERMISSIONS, BulkTagsReader
from orchestrator.aws.clients import Clients
from orchestrator.aws.credentials import MemberRole, MemberSessions
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AwsError
from orchestrator.core.model.bulk_tags import BulkTags
from tests.support.local_aws import Answer, LocalAws, Request, json_answer, sts_refusal

MANAGEMENT, TOOLING, MEMBER = "999999999999", "888888888888", "111111111111"
HERE, ELSEWHERE = "o-example000", "o-another000"
RETRIES = Retries(attempts=3, sleep=lambda _: None)
OPT_OUT = {"stop-orchestrator:opt-out": "true"}
STS = "https://sts.amazonaws.com/doc/2011-06-15/"


def row(what: str, tags: dict[str, str], organization: str = HERE, management: str = MANAGEMENT) -> dict[str, Any]:
    kind, _, name = what.partition("/")
    return {
        "ResourceARN": f"arn:aws:organizations::{management}:{kind}/{organization}/{name}",
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


CANARY = row("root/r-ab12", {"stop-orchestrator:canary": HERE, "Team": "platform"})
ACCOUNT, UNIT = row(f"account/{MEMBER}", {"Env": "dev"}), row("ou/ou-ab12-12345678", OPT_OUT)


class Tagging:
    """GetResources of the management account, in pages as given; the hub is in the account `hub`."""

    def __init__(self) -> None:
        self.hub = MANAGEMENT
        self.pages: list[Any] = [[ACCOUNT, UNIT, CANARY]]
        self.organization = {"Id": HERE, "MasterAccountId": MANAGEMENT}
        self.refusals: dict[str, list[Answer]] = {}
        self.token: Callable[[int], str] = lambda page: str(page) if page < len(self.pages) else ""

    def __call__(self, request: Request) -> Answer:
        if self.refusals.get(request.operation):
            return self.refusals[request.operation].pop(0)
        if request.operation == "GetCallerIdentity":
            return Answer(
                f'<GetCallerIdentityResponse xmlns="{STS}"><GetCallerIdentityResult><Account>{self.hub}</Account>'
                f"<Arn>arn:aws:sts::{self.hub}:assumed-role/hub/a</Arn></GetCallerIdentityResult>"
                "</GetCallerIdentityResponse>"
            )
        if request.operation == "AssumeRole":
            account = request.form["RoleArn"].split(":")[4]
            return Answer(
                f'<AssumeRoleResponse xmlns="{STS}"><AssumeRoleResult><Credentials><AccessKeyId>ASIA{account}'
                "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>"
                f"{now().replace(year=now().year + 1):%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials><AssumedRoleUser>"
                f"<Arn>arn:aws:sts::{account}:assumed-role/tags/a</Arn><AssumedRoleId>A:a</AssumedRoleId>"
                "</AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
            )
        if request.operation == "DescribeOrganization":
            return json_answer({"Organization": self.organization})
        page = int(request.json.get("PaginationToken") or 0)
        found = self.pages[page]
        answer = {"ResourceTagMappingList": found} if isinstance(found, list) else found
        return json_answer({**answer, "PaginationToken": self.token(page + 1)})


@pytest.fixture
def tagging() -> Tagging:
    return Tagging()


@pytest.fixture
def answers(tagging: Tagging) -> Tagging:
    return tagging


@pytest.fixture
def reader(clients: Clients) -> BulkTagsReader:
    return BulkTagsReader(clients, None, RETRIES)


@pytest.fixture
def outside(clients: Clients) -> BulkTagsReader:
    """Of a hub that is not the management account."""
    role = MemberRole("tags", "an-id", "20261123T190000Z-7f3a9c", PERMISSIONS)
    return BulkTagsReader(clients, MemberSessions(clients, role, RETRIES), RETRIES)


def why_not(reader: BulkTagsReader) -> AwsError:
    found = reader.read(HERE)
    assert isinstance(found, AwsError)
    return found


def refused(code: str, message: str = "no") -> Answer:
    return json_answer({"__type": code, "Message": message}, status=400)


def test_tags_of_accounts_and_ous_are_known_by_their_ids(reader: BulkTagsReader) -> None:
    found = reader.read(HERE)
    assert found == BulkTags({MEMBER: {"Env": "dev"}, "ou-ab12-12345678": OPT_OUT})


def test_a_hundred_are_asked_for_at_once_of_the_three_types_where_organizations_is(
    reader: BulkTagsReader, aws: LocalAws
) -> None:
    reader.read(HERE)
    [asked] = aws.of("GetResources")
    assert (asked.region, asked.service) == ("us-east-1", "tagging")
    assert asked.json == {
        "ResourcesPerPage": 100,
        "ResourceTypeFilters": ["organizations:account", "organizations:ou", "organizations:root"],
    }


def test_it_is_counted_by_the_name_of_its_permission(reader: BulkTagsReader, clients: Clients) -> None:
    reader.read(HERE)
    assert clients.calls()["tag:GetResources"] == 1
    assert [*PERMISSIONS] == ["tag:GetResources"]


def test_every_page_is_read_also_an_empty_one(reader: BulkTagsReader, tagging: Tagging) -> None:
    tagging.pages = [[ACCOUNT], [], [CANARY], [UNIT]]
    assert reader.read(HERE) == BulkTags({MEMBER: {"Env": "dev"}, "ou-ab12-12345678": OPT_OUT})


# --- what is not believed


def test_an_empty_answer_as_another_account_or_region_gives_it_proves_nothing(
    reader: BulkTagsReader, tagging: Tagging
) -> None:
    tagging.pages = [[]]
    assert "lacks the tag stop-orchestrator:canary=o-example000" in why_not(reader).message
    assert "make deploy-management" in why_not(reader).message


@pytest.mark.parametrize(
    "rows",
    [
        [ACCOUNT, UNIT],
        [ACCOUNT, row("root/r-ab12", {"Team": "platform"})],
        [ACCOUNT, row("root/r-ab12", {"stop-orchestrator:canary": ELSEWHERE})],
        [row(f"account/{MEMBER}", {"stop-orchestrator:canary": HERE})],
        [row("ou/ou-ab12-12345678", {"stop-orchestrator:canary": HERE})],
    ],
    ids=["no root", "no canary", "another's canary", "on an account", "on an OU"],
)
def test_without_the_canary_on_the_root_nothing_is_believed(
    reader: BulkTagsReader, tagging: Tagging, rows: list[Any]
) -> None:
    tagging.pages = [rows]
    assert "lacks the tag" in why_not(reader).message


@pytest.mark.parametrize(
    "stranger",
    [
        row(f"account/{MEMBER}", {}, organization=ELSEWHERE),
        row(f"account/{MEMBER}", {}, management=MEMBER),
        row(f"account/{MEMBER}/more", {}),
        row("account/11111111111", {}),
        row("policy/p-12345678", {}),
        {"ResourceARN": f"arn:aws-cn:organizations::{MANAGEMENT}:account/{HERE}/{MEMBER}", "Tags": []},
        {"ResourceARN": "arn:aws:ec2:us-east-1:111111111111:instance/i-1", "Tags": []},
        {"ResourceARN": "", "Tags": []},
    ],
    ids=["organization", "management", "longer", "short id", "policy", "partition", "instance", "none"],
)
def test_one_arn_that_is_not_of_this_organization_makes_all_of_it_doubtful(
    reader: BulkTagsReader, tagging: Tagging, stranger: Any
) -> None:
    tagging.pages = [[ACCOUNT, CANARY, stranger]]
    assert "which is nothing of the organization o-example000" in why_not(reader).message


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"ResourceTagMappingList": None},
        [CANARY, {"Tags": []}],
        [CANARY, {"ResourceARN": ACCOUNT["ResourceARN"]}],
        [CANARY, {**ACCOUNT, "Tags": [{"Key": "Env"}]}],
        {"ResourceTagMappingList": "all"},
    ],
    ids=["no list", "null", "no ARN", "no tags", "no value", "a text"],
)
def test_an_answer_of_another_form_is_a_reason_and_no_error(
    reader: BulkTagsReader, tagging: Tagging, page: Any
) -> None:
    tagging.pages = [page]
    assert why_not(reader).message


def test_one_that_is_named_twice_with_different_tags_makes_all_of_it_doubtful(
    reader: BulkTagsReader, tagging: Tagging
) -> None:
    tagging.pages = [[ACCOUNT, CANARY], [row(f"account/{MEMBER}", OPT_OUT)]]
    assert "twice" in why_not(reader).message
    tagging.pages = [[ACCOUNT, CANARY], [ACCOUNT]]
    assert isinstance(reader.read(HERE), BulkTags)


def test_pages_that_lead_back_end(reader: BulkTagsReader, tagging: Tagging, aws: LocalAws) -> None:
    tagging.pages = [[CANARY], [ACCOUNT]]
    tagging.token = lambda _: "1"
    assert "was read already" in why_not(reader).message
    assert len(aws.of("GetResources")) == 2


def test_an_answer_about_another_organization_is_not_asked_further(
    reader: BulkTagsReader, tagging: Tagging, aws: LocalAws
) -> None:
    tagging.organization = {"Id": ELSEWHERE, "MasterAccountId": MANAGEMENT}
    assert "the hub is in o-another000" in why_not(reader).message
    assert aws.of("GetResources") == []


@pytest.mark.parametrize("operation", ["GetResources", "DescribeOrganization"])
def test_a_refusal_is_the_reason(reader: BulkTagsReader, tagging: Tagging, operation: str) -> None:
    tagging.refusals[operation] = [refused("AccessDeniedException", "not you")]
    assert why_not(reader) == AwsError("AccessDeniedException", "not you")


def test_a_partition_of_which_it_is_not_known_where_it_keeps_them_is_not_asked(
    reader: BulkTagsReader, aws: LocalAws
) -> None:
    reader.clients.partition = "aws-iso"
    assert "the partition aws-iso" in why_not(reader).message
    assert aws.requests == []


# --- a hub outside of the management account


def test_a_hub_elsewhere_asks_by_the_role_in_the_management_account_and_by_no_other_permission(
    outside: BulkTagsReader, tagging: Tagging, aws: LocalAws
) -> None:
    tagging.hub = TOOLING
    assert isinstance(outside.read(HERE), BulkTags)
    [assumed], [asked] = aws.of("AssumeRole"), aws.of("GetResources")
    assert assumed.form["RoleArn"] == f"arn:aws:iam::{MANAGEMENT}:role/tags"
    assert assumed.form["ExternalId"] == "an-id"
    [statement] = json.loads(assumed.form["Policy"])["Statement"]
    assert statement["Action"] == ["ec2:DescribeRegions", "tag:GetResources"]
    assert asked.access_key == f"ASIA{MANAGEMENT}"


def test_a_hub_in_the_management_account_needs_no_role(outside: BulkTagsReader, aws: LocalAws) -> None:
    assert isinstance(outside.read(HERE), BulkTags)
    assert aws.of("AssumeRole") == []


def test_a_hub_elsewhere_without_a_role_says_which_setting_it_lacks(reader: BulkTagsReader, tagging: Tagging) -> None:
    tagging.hub = TOOLING
    assert "STOP_ORCHESTRATOR_MANAGEMENT_ROLE" in why_not(reader).message


def test_a_role_that_lets_nobody_in_is_the_reason(outside: BulkTagsReader, tagging: Tagging) -> None:
    tagging.hub = TOOLING
    tagging.refusals["AssumeRole"] = [sts_refusal("AccessDenied", "not authorized") for _ in range(3)]
    assert why_not(outside).code == "AccessDenied"
    assert why_not(outside).message.startswith("sts:AssumeRole in the management account: ")


def test_throttling_by_the_role_is_retried(outside: BulkTagsReader, tagging: Tagging) -> None:
    tagging.hub = TOOLING
    tagging.refusals["GetResources"] = [refused("ThrottledException")]
    assert isinstance(outside.read(HERE), BulkTags)


def test_a_listing_that_has_no_end_is_given_up(tagging: Tagging, clients: Clients) -> None:
    tagging.pages = [[]] * 2000
    error = BulkTagsReader(clients, None, RETRIES).read(HERE)
    assert isinstance(error, AwsError)
    assert "has no end after 1000 pages" in error.message


def test_once_no_more_work_is_handed_out_no_further_page_is_asked_for(tagging: Tagging, clients: Clients) -> None:
    tagging.pages = [[ACCOUNT], [UNIT], [CANARY]]
    asked: list[int] = []
    tagging.token = lambda page: asked.append(page) or str(page)  # type: ignore[func-returns-value]  # it is told of pages
    error = BulkTagsReader(clients, None, replace(RETRIES, out_of_time=lambda: len(asked) == 2)).read(HERE)
    assert isinstance(error, AwsError)
    assert asked == [1, 2]

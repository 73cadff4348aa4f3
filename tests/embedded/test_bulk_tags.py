"""A tagging API that lies: nothing is stopped that AWS Organizations' own tags spare."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.core.model import Mode
from orchestrator.demo.faults import Fault
from orchestrator.demo.gates.tagging import INDEX
from orchestrator.demo.organization import plant_canary
from tests.support.embedded import MANAGEMENT, OrganizationBuilder
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV, FRANKFURT, Sweeps

OPT_OUT = {"stop-orchestrator:opt-out": "true"}
BY_TAG = "rules: [{name: nightly, where: {account_tag: {Night: 'off'}}}]"
NIGHT = {"Night": "off"}
HERE = (FRANKFURT,)


@pytest.fixture
def canary(organization: OrganizationBuilder) -> OrganizationBuilder:
    plant_canary(organization.client("organizations"), organization.id)
    return organization


def running(organization: OrganizationBuilder, account: str) -> str:
    [instance] = organization.instances(account, FRANKFURT, 1, DEV)
    return instance


def tag(organization: OrganizationBuilder, carrier: str, tags: dict[str, str]) -> None:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    organization.client("organizations").tag_resource(ResourceId=carrier, Tags=pairs)


def test_a_plan_of_many_accounts_lists_their_tags_in_one_call(canary: OrganizationBuilder, sweep: Sweeps) -> None:
    spared = canary.account("spared", tags=OPT_OUT)
    below = canary.account("below", "/Spared")
    tag(canary, canary.unit("/Spared"), OPT_OUT)
    dev = canary.account("dev", "/Dev")
    running(canary, dev)
    ended = sweep(mode=Mode.PLAN, regions=HERE)
    assert ended.statuses() | {(dev, FRANKFURT): "scanned"} == ended.statuses()
    assert ended.coverage[spared, "*"]["status"] == ended.coverage[below, "*"]["status"] == "opted_out"
    assert ended.document["calls"]["tag:GetResources"] == 1
    assert "organizations:ListTagsForResource" not in ended.document["calls"]


def test_small_pages_are_read_to_the_end(canary: OrganizationBuilder, sweep: Sweeps) -> None:
    spared = [canary.account(f"spared-{number}", tags=OPT_OUT) for number in range(3)]
    INDEX.a_page = 1
    ended = sweep(mode=Mode.PLAN, regions=HERE)
    assert {ended.coverage[one, "*"]["status"] for one in spared} == {"opted_out"}
    assert ended.document["calls"]["tag:GetResources"] == 4


def test_before_its_first_action_each_account_and_each_ou_is_asked_for_its_tags_once(
    canary: OrganizationBuilder, sweep: Sweeps
) -> None:
    accounts = [canary.account(f"dev-{number}", "/Dev") for number in range(3)]
    for account in accounts:
        running(canary, account)
    ended = sweep(regions=HERE)
    assert {row["status"] for row in ended.outcomes.values()} == {"stopped"}
    assert ended.document["calls"]["organizations:ListTagsForResource"] == len(accounts) + 1


def lacks_everything(organization: OrganizationBuilder, account: str) -> None:
    del account
    organization.front.faults.add(
        Fault(operation="tagging:GetResources", status=200, body='{"ResourceTagMappingList":[]}')
    )


def is_of_another(organization: OrganizationBuilder, account: str) -> None:
    INDEX.freeze(MANAGEMENT)
    assert INDEX.stale is not None
    INDEX.stale = [
        {**one, "ResourceARN": one["ResourceARN"].replace(organization.id, "o-another000")} for one in INDEX.stale
    ]
    del account


def is_stale(organization: OrganizationBuilder, account: str) -> None:
    del organization, account
    INDEX.freeze(MANAGEMENT)


def lacks_what_is_concerned(organization: OrganizationBuilder, account: str) -> None:
    INDEX.lacks = {account, organization.unit("/Dev")}


def is_refused(organization: OrganizationBuilder, account: str) -> None:
    del account
    organization.front.faults.add(Fault("AccessDeniedException", operation="tagging:GetResources"))


def leads_back(organization: OrganizationBuilder, account: str) -> None:
    del account
    body = '{"ResourceTagMappingList":[],"PaginationToken":"again"}'
    organization.front.faults.add(Fault(operation="tagging:GetResources", status=200, body=body))


LIES = [lacks_everything, is_of_another, is_stale, lacks_what_is_concerned, is_refused, leads_back]


@pytest.mark.parametrize("lie", LIES)
def test_what_a_listing_that_lies_does_not_say_spares_all_the_same(
    canary: OrganizationBuilder, sweep: Sweeps, lie: Callable[[OrganizationBuilder, str], None]
) -> None:
    spared, below, other = canary.account("spared"), canary.account("below", "/Dev"), canary.account("other")
    running(canary, spared)
    running(canary, below)
    down = running(canary, other)
    lie(canary, spared)
    tag(canary, spared, OPT_OUT)
    tag(canary, canary.unit("/Dev"), OPT_OUT)
    ended = sweep(regions=HERE)
    assert canary.down(spared, FRANKFURT) == canary.down(below, FRANKFURT) == set()
    assert canary.down(other, FRANKFURT) == {down} == set(ended.outcomes)
    assert ended.document["calls"]["tag:GetResources"] >= 1


@pytest.mark.parametrize("lie", [is_stale, *only_in_full(*(one for one in LIES if one is not is_stale))])
def test_no_rule_decides_by_what_a_listing_that_lies_says(
    canary: OrganizationBuilder, sweep: Sweeps, lie: Callable[[OrganizationBuilder, str], None]
) -> None:
    by_day, by_night = canary.account("by-day", "/Dev", tags=NIGHT), canary.account("by-night", tags={"Night": "on"})
    running(canary, by_day)
    down = running(canary, by_night)
    lie(canary, by_day)
    tag(canary, by_day, {"Night": "on"})
    tag(canary, by_night, NIGHT)
    ended = sweep(BY_TAG, regions=HERE)
    assert canary.down(by_day, FRANKFURT) == set()
    assert set(ended.outcomes) == {down}


def test_an_opt_out_that_was_deleted_since_spares_until_the_listing_hears_of_it(
    canary: OrganizationBuilder, sweep: Sweeps
) -> None:
    account = canary.account("dev", tags=OPT_OUT)
    running(canary, account)
    INDEX.freeze(MANAGEMENT)
    canary.client("organizations").untag_resource(ResourceId=account, TagKeys=[*OPT_OUT])
    ended = sweep(regions=HERE)
    assert ended.outcomes == {}
    assert ended.coverage[account, "*"]["status"] == "opted_out"


def test_without_the_canary_tags_are_read_one_by_one(organization: OrganizationBuilder, sweep: Sweeps) -> None:
    account = organization.account("dev", tags=OPT_OUT)
    ended = sweep(mode=Mode.PLAN, regions=HERE)
    assert ended.coverage[account, "*"]["status"] == "opted_out"
    assert ended.document["calls"]["organizations:ListTagsForResource"] == 1

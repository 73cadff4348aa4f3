"""The regions of an account, as EC2 lists them for it; what is no list is a refusal and never an empty one."""

from __future__ import annotations

import pytest

from orchestrator.aws.clients import Clients, bound_to
from orchestrator.aws.credentials import MemberRole, MemberSessions
from orchestrator.aws.retries import Retries
from orchestrator.ports import RegionStatus, TargetUnreadableError
from tests.support.local_aws import EC2_NAMESPACE, Answer, Answering, Fixed, LocalAws, refusal


def regions_answer(*regions: tuple[str, str]) -> Answer:
    items = "".join(
        f"<item><regionName>{name}</regionName><optInStatus>{status}</optInStatus></item>" for name, status in regions
    )
    info = f"<regionInfo>{items}</regionInfo>"
    return Answer(f'<DescribeRegionsResponse xmlns="{EC2_NAMESPACE}">{info}</DescribeRegionsResponse>')


@pytest.fixture
def answers() -> Answering:
    return lambda _: regions_answer(("eu-west-1", "opt-in-not-required"))


@pytest.fixture
def sessions(clients: Clients) -> MemberSessions:
    role = MemberRole("member", external_id=None, source_identity="20261123T190000Z-7f3a9c")
    return MemberSessions(clients, role, Retries(attempts=2, sleep=lambda _: None))


def test_regions_that_an_account_did_not_opt_in_to_are_listed_as_disabled(
    aws: LocalAws, sessions: MemberSessions
) -> None:
    aws.answering = lambda _: regions_answer(
        ("eu-west-1", "opt-in-not-required"), ("me-south-1", "opted-in"), ("af-south-1", "not-opted-in")
    )
    with bound_to(Fixed("111111111111")):
        found = sessions.regions()
    assert found[:2] == (RegionStatus("eu-west-1", enabled=True), RegionStatus("me-south-1", enabled=True))
    assert (found[2].region, found[2].enabled) == ("af-south-1", False)
    assert "not-opted-in" in found[2].detail


def test_all_regions_are_asked_for_as_the_bound_account_sees_them(aws: LocalAws, sessions: MemberSessions) -> None:
    with bound_to(Fixed("111111111111")):
        sessions.regions()
    (asked,) = aws.requests
    assert (asked.operation, asked.form["AllRegions"]) == ("DescribeRegions", "true")
    assert (asked.access_key, asked.region) == ("ASIA111111111111", "eu-central-1")


def test_the_hubs_own_regions_need_no_member_account(aws: LocalAws, sessions: MemberSessions) -> None:
    assert [status.region for status in sessions.hub_regions()] == ["eu-west-1"]
    assert [request.access_key for request in aws.requests] == ["AKIATESTTESTTESTTEST"]


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "AuthFailure"])
def test_where_the_hubs_region_refuses_the_list_the_named_regions_are_asked_one_after_the_other(
    aws: LocalAws, sessions: MemberSessions, code: str
) -> None:
    listed = regions_answer(("eu-west-1", "opt-in-not-required"))
    aws.answering = lambda request: listed if request.region == "eu-west-1" else refusal(code, "in this region", 403)
    with bound_to(Fixed("111111111111")):
        assert sessions.regions(("us-east-1", "eu-west-1", "eu-west-2")) == (RegionStatus("eu-west-1", enabled=True),)
    assert list(dict.fromkeys(one.region for one in aws.requests)) == ["eu-central-1", "us-east-1", "eu-west-1"]


def test_where_every_region_refuses_the_list_the_first_refusal_is_raised(
    aws: LocalAws, sessions: MemberSessions
) -> None:
    aws.answering = lambda request: refusal("UnauthorizedOperation", f"not in {request.region}", 403)
    with bound_to(Fixed("111111111111")), pytest.raises(TargetUnreadableError) as refused:
        sessions.regions(("us-east-1",))
    assert refused.value.error.message == "not in eu-central-1"


def test_what_is_no_refusal_is_not_asked_of_another_region(aws: LocalAws, sessions: MemberSessions) -> None:
    aws.answering = lambda _: refusal("RequestLimitExceeded", "slow down", 503)
    with bound_to(Fixed("111111111111")), pytest.raises(TargetUnreadableError):
        sessions.regions(("us-east-1",))
    assert {one.region for one in aws.requests} == {"eu-central-1"}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refusal("UnauthorizedOperation", "explicit deny"), "UnauthorizedOperation"),
        (regions_answer(), "NoRegions"),
        (Answer("<html><body>Sign in</body></html>"), "ResponseParserError"),
        (Answer("<!DOCTYPE html><p>Sign in"), "ResponseParserError"),
    ],
)
def test_regions_that_cannot_be_listed_are_data(
    aws: LocalAws, sessions: MemberSessions, answer: Answer, code: str
) -> None:
    aws.answering = lambda _: answer
    for regions in (sessions.regions, sessions.hub_regions):
        with bound_to(Fixed("111111111111")), pytest.raises(TargetUnreadableError) as refused:
            regions()
        assert refused.value.error.code == code
        assert refused.value.operation == "ec2:DescribeRegions"

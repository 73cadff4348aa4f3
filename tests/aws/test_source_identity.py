"""An operator whose session has a source identity already: it is kept, and a refusal for another reason is told."""

from __future__ import annotations

import pytest

from orchestrator.aws.clients import Clients
from orchestrator.aws.credentials import MemberSessions
from orchestrator.ports import TargetUnreadableError
from tests.aws.test_credentials import ACCOUNT, OTHER, RETRIES, SWEEP_ID, Sts, a_role
from tests.support.local_aws import LocalAws, sts_refusal

TEXT = "User: arn:aws:sts::1:assumed-role/hub/alice is not authorized to perform: {} on resource: arn:aws:iam::2:role/r"
NAMING, ASSUMING = (
    sts_refusal("AccessDenied", TEXT.format(one)) for one in ("sts:SetSourceIdentity", "sts:AssumeRole")
)


@pytest.fixture
def sts() -> Sts:
    return Sts()


@pytest.fixture
def answers(sts: Sts) -> Sts:
    return sts


@pytest.fixture
def sessions(clients: Clients) -> MemberSessions:
    return MemberSessions(clients, a_role(), RETRIES)


def identities(aws: LocalAws) -> list[str | None]:
    return [request.form.get("SourceIdentity") for request in aws.of("AssumeRole")]


def test_a_session_that_has_one_keeps_it_and_is_asked_no_more_for_another(
    aws: LocalAws, sts: Sts, sessions: MemberSessions
) -> None:
    sts.refusals = [NAMING]
    for account in (ACCOUNT, OTHER):
        with sessions.bind(account):
            pass
    assert identities(aws) == [SWEEP_ID, None, None]


def test_everything_else_of_the_request_stays_as_it_was(aws: LocalAws, sts: Sts, clients: Clients) -> None:
    sts.refusals = [NAMING]
    actions = frozenset({"ec2:DescribeInstances"})
    with MemberSessions(clients, a_role(external_id="our-id", session_policy_actions=actions), RETRIES).bind(ACCOUNT):
        first, second = (dict(request.form) for request in aws.of("AssumeRole"))
    assert first.pop("SourceIdentity") == SWEEP_ID
    assert first == second


def test_a_refusal_of_the_second_try_is_what_is_told(aws: LocalAws, sts: Sts, sessions: MemberSessions) -> None:
    sts.refusals = [NAMING, ASSUMING]
    with pytest.raises(TargetUnreadableError, match="perform: sts:AssumeRole"), sessions.bind(ACCOUNT):
        pytest.fail("it was bound")
    with sessions.bind(OTHER):
        pass
    assert identities(aws) == [SWEEP_ID, None, SWEEP_ID]


def test_a_trust_that_does_not_hold_is_told_at_once(aws: LocalAws, sts: Sts, sessions: MemberSessions) -> None:
    sts.refusals = [ASSUMING]
    with pytest.raises(TargetUnreadableError, match="perform: sts:AssumeRole"), sessions.bind(ACCOUNT):
        pytest.fail("it was bound")
    assert identities(aws) == [SWEEP_ID]


@pytest.mark.parametrize(
    "why",
    [
        "because no identity-based policy allows the sts:SetSourceIdentity action",
        "with an explicit deny in an identity-based policy",
        "with an explicit deny in a service control policy",
        "because no service control policy allows the sts:SetSourceIdentity action",
    ],
)
def test_a_permission_that_is_missing_is_told_and_got_round_by_nothing(
    aws: LocalAws, sts: Sts, sessions: MemberSessions, why: str
) -> None:
    sts.refusals = [sts_refusal("AccessDenied", f"{TEXT.format('sts:SetSourceIdentity')} {why}")]
    with pytest.raises(TargetUnreadableError, match=why), sessions.bind(ACCOUNT):
        pytest.fail("it was bound")
    assert identities(aws) == [SWEEP_ID]


def test_one_account_that_lets_no_sweep_be_named_is_told_where_another_let_it(
    aws: LocalAws, sts: Sts, sessions: MemberSessions
) -> None:
    with sessions.bind(OTHER):
        pass
    sts.refusals = [NAMING]
    with pytest.raises(TargetUnreadableError, match="perform: sts:SetSourceIdentity"), sessions.bind(ACCOUNT):
        pytest.fail("it was bound")
    assert identities(aws) == [SWEEP_ID, SWEEP_ID]

"""An operator who became the hub's role with a source identity of their own: it persists in every account."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.embedded import MANAGEMENT, ROLE, OrganizationBuilder, refused, session
from tests.support.sweeps import Sweeps, assert_done

HUB_ROLE = "stop-orchestrator-hub"


@pytest.fixture
def operator(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Credentials of the hub's role, in the environment too, of a session whose source identity is alice."""
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = organization.client("iam").create_role(RoleName=HUB_ROLE, AssumeRolePolicyDocument=document)["Role"]
    given = organization.client("sts").assume_role(
        RoleArn=role["Arn"], RoleSessionName="alice", SourceIdentity="alice"
    )["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", given["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", given["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", given["SessionToken"])
    return session(given).client("sts")


def test_a_sweep_of_theirs_does_what_any_other_does(
    organization: OrganizationBuilder, operator: Any, sweep: Sweeps, healthy: str
) -> None:
    del operator
    others = [organization.account(f"other-{number}") for number in range(3)]
    swept = sweep()
    assert {swept.coverage[one, "eu-central-1"]["status"] for one in others} == {"scanned"}
    assert_done(swept, organization, healthy)


def test_a_wrong_external_id_is_still_told_as_such(
    organization: OrganizationBuilder, operator: Any, sweep: Sweeps, healthy: str
) -> None:
    del operator
    denied = organization.account("denied", external_id="another-id")
    swept = sweep()
    assert swept.coverage[denied, "*"]["status"] == "denied"
    assert "perform: sts:AssumeRole on resource" in swept.coverage[denied, "*"]["detail"]
    assert_done(swept, organization, healthy)


def test_the_front_lets_a_session_s_identity_be_set_again_and_never_changed(
    organization: OrganizationBuilder, operator: Any
) -> None:
    asked = {"RoleArn": f"arn:aws:iam::{organization.account('one')}:role/{ROLE}", "RoleSessionName": "sweep"}
    for named in ({}, {"SourceIdentity": "alice"}):
        assert operator.assume_role(**asked, **named)["Credentials"]
    with refused("AccessDenied", "perform: sts:SetSourceIdentity on resource"):
        operator.assume_role(**asked, SourceIdentity="20261123T190000Z-7f3a9c")


def test_the_front_lets_no_identity_into_a_role_whose_trust_does_not_name_it(
    organization: OrganizationBuilder, operator: Any
) -> None:
    account = organization.account("one", role=False)
    trust = {"Effect": "Allow", "Principal": {"AWS": MANAGEMENT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    with organization.acting_in(account):
        organization.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)
    asked = {"RoleArn": f"arn:aws:iam::{account}:role/{ROLE}", "RoleSessionName": "sweep"}
    with refused("AccessDenied", "perform: sts:SetSourceIdentity on resource"):
        operator.assume_role(**asked)
    assert organization.client("sts").assume_role(**asked)["Credentials"]

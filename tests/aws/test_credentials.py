"""Getting into member accounts: one AssumeRole each, renewed in time, and a refusal that is data."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.app import now
from orchestrator.aws.clients import Clients, bound_credentials, renew_bound_credentials
from orchestrator.aws.credentials import MemberRole, MemberSessions
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, Region, Target
from orchestrator.errors import UnboundAccountError
from orchestrator.kinds.ec2.describe import running_instances
from orchestrator.ports import TargetUnreadableError
from tests.support.local_aws import (
    Answer,
    LocalAws,
    Request,
    in_threads,
    instances_answer,
    refusal,
    sts_refusal,
)

ACCOUNT, OTHER = AccountId("111111111111"), AccountId("222222222222")
SWEEP_ID = "20261123T190000Z-7f3a9c"
RETRIES = Retries(attempts=3, sleep=lambda _: None, on_expired=renew_bound_credentials)


class Sts:
    """Gives each account numbered keys; `refusals` come first; other calls get `otherwise`."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.later = timedelta()
        self.refusals: list[Answer] = []
        self.arn = "arn:aws:sts::{account}:assumed-role/member/session"
        self.otherwise: Callable[[Request], Answer] = lambda _: instances_answer()

    def __call__(self, request: Request) -> Answer:
        if request.operation != "AssumeRole":
            return self.otherwise(request)
        if self.refusals:
            return self.refusals.pop(0)
        account = request.form["RoleArn"].split(":")[4]
        key = f"ASIA{account}N{len(self.given)}"
        self.given.append(key)
        expires = f"{now() + self.later + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
        return Answer(
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t-{key}</SessionToken>"
            f"<Expiration>{expires}</Expiration></Credentials>"
            f"<AssumedRoleUser><Arn>{self.arn.format(account=account)}</Arn></AssumedRoleUser>"
            "</AssumeRoleResult></AssumeRoleResponse>"
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


def a_role(**fields: Any) -> MemberRole:
    return MemberRole(**{"name": "member", "external_id": None, "source_identity": SWEEP_ID, **fields})


def read(clients: Clients) -> list[Any]:
    return list(running_instances(clients, RETRIES, Target(ACCOUNT, Region("eu-west-1"))))


def minutes_later(sts: Sts, sessions: MemberSessions, minutes: float) -> None:
    """For STS, and for the credentials that the account has now."""
    sts.later = timedelta(minutes=minutes)
    credentials = sessions._accounts[ACCOUNT]._credentials
    assert credentials is not None
    credentials._time_fetcher = lambda: now() + sts.later


def test_a_role_is_assumed_once_however_many_threads_use_the_account(aws: LocalAws, sessions: MemberSessions) -> None:
    def use(_: int) -> None:
        for _again in range(5):
            with sessions.bind(ACCOUNT):
                assert bound_credentials().access_key == f"ASIA{ACCOUNT}N0"

    in_threads(32, use)
    assert aws.operations() == ["AssumeRole"]


def test_each_account_has_credentials_of_its_own(aws: LocalAws, sessions: MemberSessions) -> None:
    with sessions.bind(ACCOUNT):
        first = bound_credentials()
        with sessions.bind(OTHER):
            assert bound_credentials().access_key == f"ASIA{OTHER}N1"
        assert bound_credentials() == first
    assert [request.form["RoleArn"] for request in aws.requests] == [
        f"arn:aws:iam::{ACCOUNT}:role/member",
        f"arn:aws:iam::{OTHER}:role/member",
    ]


@pytest.mark.parametrize(("minutes", "key"), [(49, "N0"), (51, "N1"), (59, "N1"), (61, "N1")])
def test_credentials_are_renewed_before_they_expire(sts: Sts, sessions: MemberSessions, minutes: int, key: str) -> None:
    with sessions.bind(ACCOUNT):
        minutes_later(sts, sessions, minutes)
        assert bound_credentials().access_key == f"ASIA{ACCOUNT}{key}"


def test_while_they_are_still_good_for_a_while_a_refused_renewal_changes_nothing(
    sts: Sts, sessions: MemberSessions
) -> None:
    with sessions.bind(ACCOUNT):
        minutes_later(sts, sessions, 51)
        sts.refusals = [sts_refusal("AccessDenied")]
        assert bound_credentials().access_key == f"ASIA{ACCOUNT}N0"


def test_a_refused_renewal_of_credentials_that_are_about_to_end_is_awss_refusal(
    sts: Sts, sessions: MemberSessions
) -> None:
    with sessions.bind(ACCOUNT):
        minutes_later(sts, sessions, 57)
        sts.refusals = [sts_refusal("AccessDenied", "the role is gone")] * 2
        with pytest.raises(TargetUnreadableError, match="the role is gone"), sessions.bind(ACCOUNT):
            pytest.fail("it was bound")


def test_the_session_says_which_sweep_it_is(aws: LocalAws, sessions: MemberSessions) -> None:
    with sessions.bind(ACCOUNT):
        asked = aws.requests[0].form
    assert asked["SourceIdentity"] == SWEEP_ID
    assert asked["RoleSessionName"] == f"stop-orchestrator-{SWEEP_ID}"
    assert "ExternalId" not in asked
    assert "Policy" not in asked


def test_the_role_is_assumed_by_the_processs_own_credentials_and_with_the_external_id(
    aws: LocalAws, clients: Clients
) -> None:
    with MemberSessions(clients, a_role(external_id="our-secret"), RETRIES).bind(ACCOUNT):
        assert aws.requests[0].form["ExternalId"] == "our-secret"
    assert aws.requests[0].access_key == "AKIATESTTESTTESTTEST"


def test_a_session_name_is_never_longer_than_aws_takes() -> None:
    asked = a_role(source_identity="s" * 64).assume_role_arguments("aws", ACCOUNT)
    assert len(asked["RoleSessionName"]) == 64
    assert len(asked["SourceIdentity"]) == 64


def test_the_role_is_looked_for_in_the_hubs_partition() -> None:
    asked = a_role(name="path/member").assume_role_arguments("aws-cn", ACCOUNT)
    assert asked["RoleArn"] == f"arn:aws-cn:iam::{ACCOUNT}:role/path/member"


def test_a_session_for_a_plan_can_describe_and_nothing_else(aws: LocalAws, clients: Clients) -> None:
    actions = frozenset({"ec2:DescribeInstances", "ec2:DescribeSpotInstanceRequests"})
    with MemberSessions(clients, a_role(session_policy_actions=actions), RETRIES).bind(ACCOUNT):
        text = aws.requests[0].form["Policy"]
    assert len(text) <= 2048
    (statement,) = json.loads(text)["Statement"]
    assert statement["Effect"] == "Allow"
    assert set(statement["Action"]) == {*actions, "ec2:DescribeRegions"}


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (sts_refusal("ValidationError", "Value 'our/secret' at 'externalId' failed", 400), "Value '(withheld)' at"),
        (sts_refusal("AccessDenied", "it was ExternalId=our%2Fsecret&amp;Action=AssumeRole"), "ExternalId=(withheld)&"),
        (sts_refusal("AccessDenied", "ExternalId=our%2fsecret&amp;Action=AssumeRole"), "ExternalId=(withheld)&"),
        (sts_refusal("AccessDenied", "ExternalId=%6Fur%252fsecre%74&amp;Action=AssumeRole"), "ExternalId=(withheld)&"),
        (Answer("<html>ExternalId=our/secret<br>", 200, "text/html"), "HTTP status 200 and an HTML page"),
    ],
)
def test_the_external_id_is_in_no_refusal(clients: Clients, sts: Sts, answer: Answer, said: str) -> None:
    sts.refusals = [answer] * 3
    sessions = MemberSessions(clients, a_role(external_id="our/secret"), RETRIES)
    with pytest.raises(TargetUnreadableError) as refused, sessions.bind(ACCOUNT):
        pytest.fail("it was bound")
    told = "".join(traceback.format_exception(refused.value))
    assert said in str(refused.value)
    assert not [one for one in ("our/secret", "our%2fsecret", "secre%74") if one in told.replace("%2F", "%2f")]
    assert "secret" not in repr(a_role(external_id="our/secret"))


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("arn", [f"arn:aws:sts::{OTHER}:assumed-role/member/session", "arn:aws:sts", ""])
def test_credentials_of_another_account_are_refused_and_never_used(
    sts: Sts, sessions: MemberSessions, arn: str
) -> None:
    sts.arn = arn
    with pytest.raises(TargetUnreadableError) as refused, sessions.bind(ACCOUNT):
        pytest.fail("it was bound")
    assert (refused.value.error.code, refused.value.operation) == ("WrongAccount", "sts:AssumeRole")
    assert str(ACCOUNT) in refused.value.error.message
    assert len(sts.given) == 1, "no retry"


def test_a_renewal_that_gives_credentials_of_another_account_is_refused(
    aws: LocalAws, sts: Sts, clients: Clients, sessions: MemberSessions
) -> None:
    sts.otherwise = lambda request: refusal("ExpiredToken") if request.access_key.endswith("N0") else instances_answer()
    with sessions.bind(ACCOUNT):
        sts.arn = f"arn:aws:sts::{OTHER}:assumed-role/member/session"
        with pytest.raises(ClientError, match="WrongAccount"):
            read(clients)
    assert [request.access_key for request in aws.of("DescribeInstances")] == [f"ASIA{ACCOUNT}N0"]


@pytest.mark.usefixtures("aws")
def test_a_refused_role_is_data_with_awss_code_and_message(sts: Sts, sessions: MemberSessions) -> None:
    words = "User: arn:aws:sts::1:assumed-role/hub is not authorized to perform: sts:AssumeRole"
    sts.refusals = [sts_refusal("AccessDenied", words)]
    with pytest.raises(TargetUnreadableError) as refused, sessions.bind(ACCOUNT):
        pytest.fail("it was bound")
    assert (refused.value.error.code, refused.value.error.message) == ("AccessDenied", words)
    assert refused.value.operation == "sts:AssumeRole"
    with pytest.raises(UnboundAccountError):
        bound_credentials()


def test_a_throttled_role_is_assumed_after_all(aws: LocalAws, sts: Sts, sessions: MemberSessions) -> None:
    sts.refusals = [sts_refusal("Throttling", status=400), Answer("", 503)]
    with sessions.bind(ACCOUNT):
        assert aws.operations() == ["AssumeRole"] * 3


@pytest.mark.parametrize("code", ["ExpiredToken", "RequestExpired"])
def test_when_aws_calls_the_token_expired_it_is_renewed_and_the_call_tried_again(
    aws: LocalAws, sts: Sts, clients: Clients, sessions: MemberSessions, code: str
) -> None:
    sts.otherwise = lambda request: refusal(code) if request.access_key.endswith("N0") else instances_answer()
    with sessions.bind(ACCOUNT):
        assert read(clients) == []
    assert [request.access_key for request in aws.of("DescribeInstances")] == [f"ASIA{ACCOUNT}N0", f"ASIA{ACCOUNT}N1"]
    assert len(sts.given) == 2


def test_one_renewal_serves_all_threads_whose_token_had_expired(
    aws: LocalAws, sts: Sts, clients: Clients, sessions: MemberSessions
) -> None:
    threads = 16
    all_asked_with_the_old_one = threading.Barrier(threads)
    the_new_one_is_in_use = threading.Event()

    def answer(request: Request) -> Answer:
        if request.access_key.endswith("N0"):
            if all_asked_with_the_old_one.wait(timeout=30) > 0:  # all but one hear late that it had expired
                assert the_new_one_is_in_use.wait(timeout=30)
            return refusal("RequestExpired")
        the_new_one_is_in_use.set()
        return instances_answer()

    sts.otherwise = answer

    def use(_: int) -> None:
        with sessions.bind(ACCOUNT):
            assert read(clients) == []

    in_threads(threads, use)
    assert len(aws.of("AssumeRole")) == 2
    assert len(aws.of("DescribeInstances")) == threads * 2


@pytest.mark.usefixtures("aws")
def test_a_hub_whose_own_token_expired_during_a_renewal_is_refused_and_does_not_hang(
    sts: Sts, clients: Clients, sessions: MemberSessions
) -> None:
    sts.otherwise = lambda _: refusal("RequestExpired")
    with sessions.bind(ACCOUNT):
        sts.refusals = [sts_refusal("ExpiredToken", "the hub's")] * 50
        errors: list[str] = []

        def use() -> None:
            try:
                with sessions.bind(ACCOUNT):
                    read(clients)
            except Exception as error:  # noqa: BLE001 - looked at below
                errors.append(str(error))

        thread = threading.Thread(target=use, daemon=True)
        thread.start()
        thread.join(timeout=20)
    assert not thread.is_alive()
    assert "ExpiredToken" in errors[0]

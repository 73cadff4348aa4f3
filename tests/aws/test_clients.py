"""Shared clients: every request is signed for the account that its task is bound to, or is never sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.aws.clients import Clients, bound_credentials, bound_to, renew_bound_credentials
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, Region, Target
from orchestrator.errors import UnboundAccountError
from orchestrator.kinds.ec2.describe import running_instances
from tests.support.local_aws import (
    Answer,
    Answering,
    Fixed,
    LocalAws,
    Request,
    closing_clients,
    in_threads,
    instances_answer,
    json_answer,
    refusal,
)
from tests.support.suites import only_in_full

REGION = Region("eu-west-1")
THREADS, ACCOUNTS = 64, 40
VISITS = pytest.mark.parametrize("visits", [6, *only_in_full(ACCOUNTS)])
"""By each thread: so many accounts, one after the other."""
NO_WAIT = Retries(attempts=3, sleep=lambda _: None)


def account(number: int) -> str:
    return f"{number % ACCOUNTS:012d}"


def signed_instance(request: Request) -> Answer:
    """One instance, whose id is the access key that the request was signed with."""
    owner = request.access_key.removeprefix("ASIA")
    return instances_answer(f"<item><instanceId>{request.access_key}</instanceId></item>", owner=owner)


@pytest.fixture
def answers() -> Answering:
    return signed_instance


@VISITS
def test_every_request_of_64_threads_in_40_accounts_carries_its_own_accounts_credentials(
    aws: LocalAws, clients: Clients, visits: int
) -> None:
    client = clients.ec2(REGION)

    def visit_all(thread: int) -> None:
        for step in range(visits):
            owner = account(thread + step)
            with bound_to(Fixed(owner)):
                answer = client.describe_instances(Filters=[{"Name": "owner-id", "Values": [owner]}])
            assert answer["Reservations"][0]["Instances"][0]["InstanceId"] == f"ASIA{owner}"

    in_threads(THREADS, visit_all)
    assert len(aws.requests) == THREADS * visits
    for request in aws.requests:
        owner = request.form["Filter.1.Value.1"]
        assert (request.access_key, request.token) == (f"ASIA{owner}", f"token-{owner}")


@VISITS
def test_the_hot_path_signs_for_its_own_account_in_64_threads_and_40_accounts_too(
    aws: LocalAws, clients: Clients, visits: int
) -> None:
    def visit_all(thread: int) -> None:
        for step in range(visits):
            owner = account(thread * 7 + step)
            with bound_to(Fixed(owner)):
                found = list(running_instances(clients, NO_WAIT, Target(AccountId(owner), REGION)))
            assert [one["InstanceId"] for one in found] == [f"ASIA{owner}"]

    in_threads(THREADS, visit_all)
    assert len(aws.requests) == THREADS * visits
    assert all(request.token.removeprefix("token-") == request.access_key[4:] for request in aws.requests)
    assert {(request.service, request.region) for request in aws.requests} == {("ec2", REGION)}


def test_a_call_that_no_account_is_bound_to_raises_and_is_never_sent(aws: LocalAws, clients: Clients) -> None:
    with pytest.raises(UnboundAccountError, match="nothing was sent"):
        clients.ec2(REGION).describe_instances()
    with pytest.raises(UnboundAccountError):
        list(running_instances(clients, NO_WAIT, Target(AccountId(account(1)), REGION)))
    assert aws.requests == []
    assert clients.calls() == {}


def test_a_binding_ends_with_its_block(aws: LocalAws, clients: Clients) -> None:
    with bound_to(Fixed(account(1))):
        list(running_instances(clients, NO_WAIT, Target(AccountId(account(1)), REGION)))
    with pytest.raises(UnboundAccountError):
        list(running_instances(clients, NO_WAIT, Target(AccountId(account(1)), REGION)))
    assert len(aws.requests) == 1


def test_a_new_thread_does_not_inherit_the_binding_of_the_one_that_started_it() -> None:
    seen: list[type[BaseException]] = []

    def look() -> None:
        try:
            bound_credentials()
        except UnboundAccountError as error:
            seen.append(type(error))

    with bound_to(Fixed(account(1))):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [UnboundAccountError]


def test_a_nested_binding_gives_back_the_outer_one() -> None:
    with bound_to(Fixed("1")):
        with bound_to(Fixed("2")):
            assert bound_credentials().access_key == "ASIA2"
        assert bound_credentials().access_key == "ASIA1"


def test_a_block_that_fails_gives_back_the_binding_before_it() -> None:
    with bound_to(Fixed("1")):
        with pytest.raises(RuntimeError, match="inside"), bound_to(Fixed("2")):
            raise RuntimeError("inside")
        assert bound_credentials().access_key == "ASIA1"
    with pytest.raises(UnboundAccountError):
        bound_credentials()


def test_renewing_names_the_credentials_that_the_last_request_was_signed_with() -> None:
    credentials = Fixed("1")
    renew_bound_credentials()
    with bound_to(credentials):
        renew_bound_credentials()
        assert credentials.renewed == []
        used = bound_credentials()
        renew_bound_credentials()
    assert credentials.renewed == [used]


def test_a_hub_client_uses_the_processs_own_credentials_whatever_is_bound(aws: LocalAws, clients: Clients) -> None:
    with bound_to(Fixed(account(1))):
        clients.hub_ec2().describe_regions()
    assert [request.access_key for request in aws.requests] == ["AKIATESTTESTTESTTEST"]


@pytest.mark.parametrize(
    "operation", ["terminate_instances", "reboot_instances", "run_instances", "modify_instance_attribute"]
)
def test_an_ec2_client_has_no_operation_that_a_sweep_does_not_need(clients: Clients, operation: str) -> None:
    for client in (clients.ec2(REGION), clients.hub_ec2()):
        assert not hasattr(client, operation)
        assert hasattr(client, "stop_instances")
        assert hasattr(client, "start_instances")  # an undo needs it


def test_sts_and_organizations_are_narrowed_too(clients: Clients) -> None:
    assert not hasattr(clients.sts(), "get_federation_token")
    assert not hasattr(clients.organizations(), "close_account")
    assert not hasattr(clients.organizations(), "move_account")


def test_every_request_is_counted_by_service_and_operation(aws: LocalAws, clients: Clients) -> None:
    with bound_to(Fixed(account(1))):
        clients.ec2(REGION).describe_instances()
        clients.ec2("us-east-1").describe_instances()
        list(running_instances(clients, NO_WAIT, Target(AccountId(account(1)), REGION)))
    clients.hub_ec2().describe_regions()
    assert clients.calls() == {"ec2:DescribeInstances": 3, "ec2:DescribeRegions": 1}
    assert len(aws.requests) == 4


def test_a_hub_client_retries_by_itself_and_each_try_is_counted(
    aws: LocalAws, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [json_answer({"__type": "InternalServerError"}, 500)] * 2 + [json_answer({"Roots": []})]
    aws.answering = lambda _: answers.pop(0)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert clients.organizations().list_roots()["Roots"] == []
    assert clients.calls() == {"organizations:ListRoots": 3}
    assert len(aws.requests) == 3


def test_the_ledgers_client_tries_nine_times_within_thirteen_seconds(
    aws: LocalAws, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.answering = lambda _: json_answer({"__type": "ProvisionedThroughputExceededException"}, 400)
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    with pytest.raises(ClientError):
        clients.dynamodb().list_tables()
    assert clients.calls() == {"dynamodb:ListTables": 9}
    assert waits == [0.05 * 2**number for number in range(8)]


def test_the_client_for_reports_tries_eight_times(clients: Clients) -> None:
    assert clients.s3().meta.config.retries == {"mode": "standard", "total_max_attempts": 8}


@pytest.mark.parametrize(
    "call",
    [
        lambda clients: clients.ec2(REGION).describe_regions(),
        lambda clients: clients.hub_ec2().describe_regions(),
        lambda clients: clients.sts().assume_role(RoleArn="arn:aws:iam::111111111111:role/m", RoleSessionName="test"),
    ],
)
def test_botocores_own_retries_are_off_where_ours_are_on(
    aws: LocalAws, clients: Clients, call: Callable[[Clients], object]
) -> None:
    aws.answering = lambda _: refusal("RequestLimitExceeded", status=503)
    with bound_to(Fixed(account(1))), pytest.raises(ClientError, match="RequestLimitExceeded"):
        call(clients)
    assert len(aws.requests) == 1


def test_tries_of_the_hot_path_are_counted(aws: LocalAws, clients: Clients) -> None:
    answers = [refusal("RequestLimitExceeded", status=503), instances_answer()]
    aws.answering = lambda _: answers.pop(0)
    with bound_to(Fixed(account(1))):
        assert list(running_instances(clients, NO_WAIT, Target(AccountId(account(1)), REGION))) == []
    assert clients.calls() == {"ec2:DescribeInstances": 2}


def test_the_pace_is_given_the_client_of_organizations_and_no_other(aws: LocalAws) -> None:
    given: list[str] = []
    aws.answering = lambda request: json_answer({"Roots": []}) if request.service == "organizations" else Answer("<a/>")
    with closing_clients(pace_organizations=lambda one: given.append(one.meta.service_model.service_name)) as clients:
        clients.organizations().list_roots()
        clients.hub_ec2().describe_regions()
        clients.organizations().list_roots()
    assert given == ["organizations"]


def test_one_client_is_made_per_service_and_region_however_many_threads_ask_first(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, str, str]] = []
    make = clients._make

    def slow_make(role: str, service: str, region: str) -> object:
        made.append((role, service, region))
        time.sleep(0.01)
        return make(role, service, region)

    monkeypatch.setattr(clients, "_make", slow_make)
    got: list[tuple[object, object]] = []
    in_threads(16, lambda number: got.append((clients.ec2(("eu-west-1", "us-east-1")[number % 2]), clients.sts())))
    assert sorted(made) == [
        ("hub-once", "sts", "eu-central-1"),
        *(("member", "ec2", one) for one in ("eu-west-1", "us-east-1")),
    ]
    assert len({id(client) for client, _ in got}) == 2
    assert len({id(sts) for _, sts in got}) == 1


def test_aws_region_names_the_hubs_region_also_where_boto3_would_not_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert Clients().region == "eu-west-1"


@pytest.mark.parametrize("how", ["environment", "config file", "profile"])
@pytest.mark.parametrize(
    ("region", "asked"),
    [("us-east-1", "us-east-1"), ("eu-central-1", "eu-central-1"), ("eu-south-1", "us-east-1")],
)
def test_sts_is_asked_in_a_region_that_every_account_has_whatever_is_configured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str, region: str, asked: str
) -> None:
    config = tmp_path / "config"
    config.write_text(f"[{'profile mine' if how == 'profile' else 'default'}]\nsts_regional_endpoints = legacy\n")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_REGION", region)
    if how == "environment":
        monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    else:
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
        monkeypatch.setenv("AWS_PROFILE", "mine" if how == "profile" else "default")

    def send_nothing(request: Any, **_: object) -> None:
        raise AssertionError(request.url)

    with closing_clients() as clients:
        client = clients.sts()
        client.meta.events.register_first("before-send.sts", send_nothing)
        with pytest.raises(AssertionError, match=f"^https://sts.{asked}.amazonaws.com/$"):
            client.assume_role(RoleArn="arn:aws:iam::111111111111:role/r", RoleSessionName="session")

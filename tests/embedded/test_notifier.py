"""The channels over the embedded AWS: a topic, an event bus, webhooks whose URLs are kept in SSM and in a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from time import monotonic
from typing import Any

import pytest

from orchestrator.aws.clients import Clients
from orchestrator.core.model.notification import Channel, ChannelKind
from orchestrator.core.report.messages.message import Event, Message
from orchestrator.core.report.messages.parcel import Parcel
from orchestrator.demo.faults import Fault
from orchestrator.notify import delivery
from orchestrator.notify.notifier import Notifier
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.raw_server import Act, RawServer, raw_server
from tests.support.suites import only_in_full

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
MESSAGE = Message("Two \u2028 lines\nand <img>", ("hello",))
PARAMETER, SECRET = "ssm:/sweeps/slack", "secretsmanager:sweeps/teams"


@pytest.fixture
def webhook() -> Iterator[RawServer]:
    with raw_server() as server:
        server.script = [[OK]]
        yield server


def url_of(server: RawServer, path: str = "the-secret") -> str:
    return f"http://127.0.0.1:{server.port}/{path}"


def kept(organization: OrganizationBuilder, url: str) -> None:
    organization.client("ssm").put_parameter(Name="/sweeps/slack", Value=url, Type="SecureString")
    organization.client("secretsmanager").create_secret(Name="sweeps/teams", SecretString=json.dumps({"url": url}))


def delivered(*parcels: Parcel, seconds: float = 20.0, loopback: bool = True) -> Mapping[str, str]:
    return Notifier(Clients(), monotonic, loopback=loopback, seconds=seconds).deliver(parcels, lambda _parcel: None)


def to(kind: ChannelKind, address: str, owner: str = "") -> Parcel:
    return Parcel(Channel(kind, address), MESSAGE, f"owner {owner}", owner)


def test_a_topic_hears_a_subject_that_sns_takes_and_whose_message_it_is(organization: OrganizationBuilder) -> None:
    topic = organization.client("sns").create_topic(Name="owners")["TopicArn"]
    sqs = organization.client("sqs")
    queue = sqs.create_queue(QueueName="mail")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    organization.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    assert delivered(to(ChannelKind.SNS, topic, "payments")) == {}
    [got] = sqs.receive_message(QueueUrl=queue)["Messages"]
    told = json.loads(got["Body"])
    assert told["Subject"] == "Two \\u2028 lines\\nand <img>"
    assert told["Message"] == "hello\n"
    assert told["MessageAttributes"]["owner"]["Value"] == "payments"


def test_a_topic_that_is_not_there_is_told_with_snss_words(organization: OrganizationBuilder) -> None:
    topic = f"arn:aws:sns:eu-central-1:{'1' * 12}:nobody"
    [why] = delivered(to(ChannelKind.SNS, topic)).values()
    assert why.startswith("sns:Publish: NotFound")


def test_an_event_bus_hears_a_type_and_a_detail(organization: OrganizationBuilder) -> None:
    events, sqs = organization.client("events"), organization.client("sqs")
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["stop-orchestrator"]}))
    events.put_targets(Rule="all", Targets=[{"Id": "q", "Arn": arn}])
    event = Event("Sweep Held", {"status": "held", "error": "\u202e"})
    assert delivered(Parcel(Channel(ChannelKind.EVENTBRIDGE, "default"), event, "event")) == {}
    [got] = sqs.receive_message(QueueUrl=queue)["Messages"]
    told = json.loads(got["Body"])
    assert (told["detail-type"], told["detail"]) == ("Sweep Held", event.detail)


def test_a_bus_that_takes_the_call_and_not_the_event_has_not_heard_it(organization: OrganizationBuilder) -> None:
    event = Event("Sweep Held", {})
    refused = json.dumps({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "no"}]})
    organization.front.faults.add(Fault(operation="events:PutEvents", body=refused, status=200))
    [why] = delivered(Parcel(Channel(ChannelKind.EVENTBRIDGE, "default"), event, "event")).values()
    assert why == "events:PutEvents: InternalFailure: no"


@pytest.mark.parametrize(("kind", "source"), [(ChannelKind.SLACK, PARAMETER), (ChannelKind.TEAMS, SECRET)])
def test_a_webhook_is_found_where_its_url_is_kept_and_that_is_read_once(
    organization: OrganizationBuilder, webhook: RawServer, kind: ChannelKind, source: str
) -> None:
    kept(organization, url_of(webhook))
    assert delivered(*(to(kind, source, f"team-{number}") for number in range(5))) == {}
    assert len(webhook.requests) == 5
    calls = organization.front.calls
    assert calls["ssm:GetParameter"] + calls["secretsmanager:GetSecretValue"] == 1


def test_a_url_that_is_not_there_or_may_not_be_read_is_told_by_its_place(organization: OrganizationBuilder) -> None:
    whys = delivered(to(ChannelKind.SLACK, PARAMETER), to(ChannelKind.TEAMS, SECRET)).values()
    assert {one.partition(": ")[0] for one in whys} == {
        "ssm:GetParameter /sweeps/slack",
        "secretsmanager:GetSecretValue sweeps/teams",
    }


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/the-secret",
        "http://hooks.slack.com/the-secret",
        "ftp://hooks.slack.com/the-secret",
        "https:///the-secret",
        "file:///etc/passwd",
        "https://hooks.slack.com/the-secret\nX: y",
        "the-secret",
        "https://[the-secret",
    ],
)
def test_what_is_kept_there_and_is_no_https_url_is_refused_and_not_quoted(
    organization: OrganizationBuilder, url: str
) -> None:
    kept(organization, url)
    for parcel in (to(ChannelKind.SLACK, PARAMETER), to(ChannelKind.TEAMS, SECRET)):
        [why] = delivered(parcel, loopback=False).values()
        assert why.startswith(f"what is kept at {parcel.channel.address} is no https:// URL")
        assert "the-secret" not in why


RULES = """rules: [{name: dev, where: {tag: {Environment: dev}}}]
notify: [{slack: "ssm:/sweeps/slack"}, {sns: "%s"}]
"""


@pytest.mark.parametrize("seconds", [0.5, *only_in_full(5.0)])
def test_a_webhook_that_hangs_costs_a_sweep_the_deadline_and_nothing_else(
    organization: OrganizationBuilder,
    webhook: RawServer,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
) -> None:
    made = partial(Notifier, loopback=True, seconds=seconds)
    monkeypatch.setattr("orchestrator.notify.notifier.Notifier", made)
    topic = organization.client("sns").create_topic(Name="platform")["TopicArn"]
    webhook.script = [[Act.STALL]]
    kept(organization, url_of(webhook))
    organization.instances(organization.account("a"), "eu-central-1", tags={"Environment": "dev"})
    waited: list[float] = []
    real = delivery.deliver

    def timed(*arguments: Any) -> Mapping[str, str]:
        before = monotonic()
        untold = real(*arguments)
        waited.append(monotonic() - before)
        return untold

    monkeypatch.setattr("orchestrator.notify.notifier.deliver", timed)
    ran = run("sweep", "--policy", policy(RULES % topic), "--mode", "enforce", "--yes", "--format", "json")
    assert (ran.exit_code, ran.report["totals"]["stopped"]) == (0, 1)
    [spent] = waited
    assert spent < seconds + 1
    [row] = json.loads(run("history", "--format", "json").stdout)
    assert row["status"] == "complete"
    assert "slack ssm:/sweeps/slack: no answer within" in row["warning"]
    for text in (ran.stdout, ran.stderr, json.dumps(row)):
        assert "the-secret" not in text

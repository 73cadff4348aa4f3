"""DescribeInstances on the hot path: the same as botocore reads from the same bytes, and nothing where EC2 said no."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import pytest
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import ResponseParserError
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.clients import Clients, bound_to
from orchestrator.aws.failures import AWS_FAILURES, Failure, classify, error_of
from orchestrator.aws.retries import Retries
from orchestrator.aws.xml_answers import RepairingParsers
from orchestrator.core.model import AccountId, Region, Target
from orchestrator.core.model.unreadable import UNREADABLE_CHARACTER
from orchestrator.kinds.ec2.answer import read_instances
from orchestrator.kinds.ec2.describe import instances_by_id, running_instances
from orchestrator.kinds.ec2.rules import resource_of
from tests.support.local_aws import (
    EC2_NAMESPACE,
    Answer,
    Answering,
    Fixed,
    LocalAws,
    instances_answer,
    refusal,
)

REGION = Region("eu-west-1")
TARGET = Target(AccountId("111111111111"), REGION)
SHAPES = ServiceModel(Loader().load_service_model("ec2", "service-2"))
RETRIES = Retries(attempts=3, sleep=lambda _: None)

FULL = """<item>
  <instanceId>i-0aaaaaaaaaaaaaaaa</instanceId>
  <instanceState><code>16</code><name>running</name></instanceState>
  <instanceType>m7g.large</instanceType>
  <launchTime>2026-11-20T08:15:30.000Z</launchTime>
  <placement><availabilityZone>eu-west-1b</availabilityZone><tenancy>default</tenancy></placement>
  <rootDeviceType>ebs</rootDeviceType>
  <imageId>ami-0123</imageId><vpcId>vpc-0123</vpcId><subnetId>subnet-0123</subnetId><keyName>team-a</keyName>
  <platformDetails>Linux/UNIX</platformDetails><architecture>arm64</architecture>
  <blockDeviceMapping>
    <item><deviceName>/dev/xvda</deviceName><ebs><attachTime>2026-11-01T08:15:31.000Z</attachTime></ebs></item>
    <item><deviceName>/dev/xvdb</deviceName><ebs><status>attached</status></ebs></item>
  </blockDeviceMapping>
  <networkInterfaceSet>
    <item><attachment><attachTime>2026-11-01T08:15:30.000Z</attachTime></attachment></item>
    <item><networkInterfaceId>eni-2</networkInterfaceId></item>
  </networkInterfaceSet>
  <tagSet>
    <item><key>Name</key><value>Käse &amp; Brot &lt;1&gt;</value></item>
    <item><key>Empty</key><value/></item>
    <item><key>Blank</key><value> </value></item>
  </tagSet>
  <hibernationOptions><configured>true</configured></hibernationOptions>
  <operator><managed>false</managed></operator>
</item>"""
SPOT = """<item>
  <instanceId>i-0bbbbbbbbbbbbbbbb</instanceId>
  <instanceState><code>0</code><name>pending</name></instanceState>
  <instanceType>c7i.xlarge</instanceType>
  <launchTime>2026-11-23T18:59:59Z</launchTime>
  <placement><availabilityZone>eu-west-1a</availabilityZone></placement>
  <rootDeviceType>ebs</rootDeviceType>
  <instanceLifecycle>spot</instanceLifecycle>
  <spotInstanceRequestId>sir-abcdefgh</spotInstanceRequestId>
  <hibernationOptions><configured>false</configured></hibernationOptions>
</item>"""
OPERATED = """<item>
  <instanceId>i-0cccccccccccccccc</instanceId>
  <instanceState><code>16</code><name>running</name></instanceState>
  <instanceType>t3.micro</instanceType>
  <launchTime>2026-11-01T00:00:00.000Z</launchTime>
  <placement><availabilityZone>eu-west-1c</availabilityZone></placement>
  <rootDeviceType>instance-store</rootDeviceType>
  <operator><managed>true</managed><principal>eks.amazonaws.com</principal></operator>
  <hibernationOptions><configured>false</configured></hibernationOptions>
</item>"""
BARE = "<item><instanceId>i-0dddddddddddddddd</instanceId></item>"
FIELDS = ("InstanceId", "InstanceType", "InstanceLifecycle", "SpotInstanceRequestId", "RootDeviceType", "LaunchTime")


@pytest.fixture
def answers() -> Answering:
    return lambda _: instances_answer()


def read(clients: Clients) -> list[dict[str, Any]]:
    with bound_to(Fixed("111111111111")):
        return list(running_instances(clients, RETRIES, Target(AccountId("111111111111"), REGION)))


def read_by_botocore(clients: Clients) -> list[Any]:
    with bound_to(Fixed("111111111111")):
        answer = clients.ec2(REGION).describe_instances()
    return [instance for reservation in answer["Reservations"] for instance in reservation["Instances"]]


def used(instance: dict[str, Any]) -> dict[str, Any]:
    """What decisions use, with one word for what is missing."""
    operator = instance.get("Operator", {})
    return {
        **{name: instance.get(name) for name in FIELDS},
        "state": instance.get("State", {}).get("Name"),
        "zone": instance.get("Placement", {}).get("AvailabilityZone"),
        "managed": bool(operator.get("Managed")),
        "operator": operator.get("Principal"),
        "hibernation": bool(instance.get("HibernationOptions", {}).get("Configured")),
        "tags": {tag["Key"]: tag["Value"] for tag in instance.get("Tags", ())},
    }


@pytest.mark.parametrize("instance", [FULL, SPOT, OPERATED, BARE, FULL + SPOT + OPERATED + BARE, ""])
def test_what_is_read_is_what_botocores_own_parser_reads(aws: LocalAws, clients: Clients, instance: str) -> None:
    aws.answering = lambda _: instances_answer(instance)
    ours = [used(one) for one in read(clients)]
    assert ours == [used(one) for one in read_by_botocore(clients)]
    assert len(ours) == instance.count("<instanceId>")


TEXTS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=8)
WORDS = st.sampled_from(["running", "true", "false", "ebs", "spot", "t3.micro", "amazon", "sir-1", ""])
TIMES = st.sampled_from(["2026-11-20T08:15:30.000Z", "2026-11-20T08:15:30Z", "2026-11-20T08:15:30+02:00"])


def _element(name: str, content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.just("") | content.map(lambda inner: f"<{name}>{inner}</{name}>" if inner else f"<{name}/>")


def _item(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.permutations(parts).flatmap(lambda some: st.tuples(*some)).map("".join)


def _set(name: str, item: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return _element(name, st.lists(item.map(lambda one: f"<item>{one}</item>"), max_size=2).map("".join))


def _timed(name: str) -> st.SearchStrategy[str]:
    """With a time or without one; an empty one is no answer of AWS's."""
    return st.just("") | TIMES.map(lambda time: f"<{name}>{time}</{name}>")


INSTANCES = _item(
    st.integers(0, 99).map(lambda number: f"<instanceId>i-{number}</instanceId>"),
    *(_element(name, WORDS) for name in ("instanceType", "instanceLifecycle", "spotInstanceRequestId", "unknown")),
    _element("rootDeviceType", WORDS),
    _element("reason", TEXTS.map(escape)),
    _element("launchTime", TIMES),
    _element("instanceState", _item(_element("code", st.just("16")), _element("name", WORDS))),
    _element("stateReason", _item(_element("code", WORDS), _element("message", TEXTS.map(escape)))),
    _element("placement", _item(_element("availabilityZone", WORDS), _element("tenancy", WORDS))),
    _element("operator", _item(_element("managed", st.sampled_from(["true", "false"])), _element("principal", WORDS))),
    _element("hibernationOptions", _element("configured", st.sampled_from(["true", "false"]))),
    *(_element(name, WORDS) for name in ("imageId", "vpcId", "subnetId", "keyName", "platformDetails")),
    _element("architecture", WORDS),
    _set(
        "networkInterfaceSet",
        _item(
            _element("association", _element("ipOwnerId", WORDS)),
            _element("attachment", _timed("attachTime")),
        ),
    ),
    _set("blockDeviceMapping", _element("ebs", _timed("attachTime"))),
    _set("tagSet", _item(TEXTS.map(lambda key: f"<key>{escape(key)}</key>"), _element("value", TEXTS.map(escape)))),
)


@pytest.mark.full
@given(instances=st.lists(INSTANCES, max_size=3))
def test_whatever_an_instance_is_like_it_becomes_the_resource_that_botocores_parser_makes_of_it(
    instances: list[str],
) -> None:
    body = str(instances_answer("".join(f"<item>{one}</item>" for one in instances)).body).encode()
    shape = SHAPES.operation_model("DescribeInstances").output_shape
    answer = {"body": body, "headers": {}, "status_code": 200}
    parsed = RepairingParsers().create_parser("ec2").parse(answer, shape)
    botocores = [one for reservation in parsed["Reservations"] for one in reservation["Instances"]]
    ours = read_instances(TARGET.account_id, body).instances
    assert [resource_of(one, TARGET, "aws", {}) for one in ours] == [
        resource_of(one, TARGET, "aws", {}) for one in botocores
    ]


def test_an_instance_is_as_old_as_its_first_attachment_and_has_the_details_that_conditions_ask_for(
    aws: LocalAws, clients: Clients
) -> None:
    aws.answering = lambda _: instances_answer(FULL + BARE)
    full, bare = (resource_of(one, TARGET, "aws", {}) for one in read(clients))
    assert full.created_at == datetime(2026, 11, 1, 8, 15, 30, tzinfo=UTC)
    assert full.details == {
        "image": "ami-0123",
        "vpc": "vpc-0123",
        "subnet": "subnet-0123",
        "key_name": "team-a",
        "platform": "Linux/UNIX",
        "architecture": "arm64",
        "managed_by": "",
        "tenancy": "default",
        "elastic_ips": 0,
    }
    assert not full.details.keys() & full.facts.keys()
    assert bare.created_at is None
    assert {*bare.details.values()} == {None, "", 0}


@pytest.mark.parametrize("text", ["soon", ""])
def test_an_attach_time_that_is_none_fails_no_target(aws: LocalAws, clients: Clients, text: str) -> None:
    device = f"<item><ebs><attachTime>{text}</attachTime></ebs></item>"
    item = f"<item><instanceId>i-1</instanceId><blockDeviceMapping>{device}</blockDeviceMapping></item>"
    aws.answering = lambda _: instances_answer(item)
    [raw] = read(clients)
    assert resource_of(raw, TARGET, "aws", {}).created_at is None


@pytest.mark.parametrize("text", ["soon", ""])
def test_a_launch_time_that_is_none_makes_no_instance_that_was_never_started(
    aws: LocalAws, clients: Clients, text: str
) -> None:
    item = f"<item><instanceId>i-1</instanceId><launchTime>{text}</launchTime></item>"
    aws.answering = lambda _: instances_answer(item)
    with pytest.raises(ResponseParserError, match="a launch time that is none"):
        read(clients)


def test_a_look_goes_through_botocores_client_and_sees_what_a_read_sees(
    aws: LocalAws, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.answering = lambda _: instances_answer(FULL + SPOT + OPERATED + BARE)
    listed = read(clients)
    monkeypatch.setattr("orchestrator.aws.light_path.LightPath.ask", lambda *_: pytest.fail("by the light path"))
    sent: list[Any] = []
    clients.ec2(REGION).meta.events.register("before-send.ec2.DescribeInstances", lambda **_: sent.append(1))
    with bound_to(Fixed("111111111111")):
        looked = list(instances_by_id(clients, TARGET, ["i-1"], lambda _, function: function()))
    seen = [resource_of(one, TARGET, "aws", {}) for one in looked]
    assert seen == [resource_of(one, TARGET, "aws", {}) for one in listed]
    assert sent == [1]


@pytest.mark.parametrize("owner", ["222222222222", ""])
def test_a_look_at_another_account_is_refused_too(aws: LocalAws, clients: Clients, owner: str) -> None:
    aws.answering = lambda _: instances_answer(BARE, owner=owner)
    with bound_to(Fixed("111111111111")), pytest.raises(ClientError, match="WrongAccount"):
        list(instances_by_id(clients, TARGET, ["i-1"], lambda _, function: function()))


@pytest.mark.parametrize("owner", ["222222222222", ""])
def test_an_answer_about_another_account_is_refused_as_a_whole(aws: LocalAws, clients: Clients, owner: str) -> None:
    pages = [instances_answer(BARE, "2"), instances_answer(BARE, owner=owner)]
    aws.answering = lambda _: pages.pop(0)
    with pytest.raises(ClientError, match=rf"WrongAccount.*111111111111.*{owner}"):
        read(clients)
    assert len(aws.requests) == 2


def test_tags_keep_their_letters_and_an_empty_value_is_a_value(aws: LocalAws, clients: Clients) -> None:
    aws.answering = lambda _: instances_answer(FULL)
    assert used(read(clients)[0])["tags"] == {"Name": "Käse & Brot <1>", "Empty": "", "Blank": " "}


def test_a_tag_without_any_value_has_an_empty_one(aws: LocalAws, clients: Clients) -> None:
    tags = "<tagSet><item><key>stop-orchestrator:protected</key></item></tagSet>"
    aws.answering = lambda _: instances_answer(BARE.replace("</item>", f"{tags}</item>"))
    assert used(read(clients)[0])["tags"] == {"stop-orchestrator:protected": ""}


def test_a_launch_time_has_a_time_zone(aws: LocalAws, clients: Clients) -> None:
    aws.answering = lambda _: instances_answer(FULL)
    assert read(clients)[0]["LaunchTime"] == datetime(2026, 11, 20, 8, 15, 30, tzinfo=UTC)


def test_instances_of_all_reservations_are_read(aws: LocalAws, clients: Clients) -> None:
    two = f"{BARE}{BARE}</instancesSet></item><item><ownerId>111111111111</ownerId><instancesSet>{SPOT}"
    aws.answering = lambda _: instances_answer(two)
    assert [one["InstanceId"][:4] for one in read(clients)] == ["i-0d", "i-0d", "i-0b"]


@pytest.mark.parametrize("namespace", [EC2_NAMESPACE.rstrip("/"), "http://ec2.amazonaws.com/doc/2020-01-01/"])
def test_the_namespace_of_the_answer_does_not_matter(aws: LocalAws, clients: Clients, namespace: str) -> None:
    body = str(instances_answer(FULL).body).replace(EC2_NAMESPACE, namespace)
    aws.answering = lambda _: Answer(body)
    assert [one["InstanceId"] for one in read(clients)] == ["i-0aaaaaaaaaaaaaaaa"]


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "utf-16"])
def test_an_answer_is_read_as_botocore_reads_it_whatever_encoding_it_names(
    aws: LocalAws, clients: Clients, encoding: str
) -> None:
    body = str(instances_answer(FULL).body)
    declared = f'<?xml version="1.0" encoding="{encoding}"?>'
    aws.answering = lambda _: Answer(f"{declared}{body[body.index('<Describe') :]}")
    assert used(read(clients)[0])["tags"]["Name"] == "Käse & Brot <1>"


def test_a_tag_that_looks_like_a_namespace_stays_as_it_is(aws: LocalAws, clients: Clients) -> None:
    odd = FULL.replace("Blank", ' xmlns="q" ')
    aws.answering = lambda _: Answer(str(instances_answer(odd).body).replace(f' xmlns="{EC2_NAMESPACE}"', ""))
    assert ' xmlns="q" ' in used(read(clients)[0])["tags"]


def test_every_page_is_read_and_an_empty_one_is_not_the_end(aws: LocalAws, clients: Clients) -> None:
    token = "a+b/c=="
    pages = [instances_answer(BARE, "one"), instances_answer("", token), instances_answer(SPOT)]
    aws.answering = lambda _: pages.pop(0)
    assert len(read(clients)) == 2
    assert [request.form.get("NextToken") for request in aws.requests] == [None, "one", token]


def test_a_page_that_is_named_twice_is_an_error_and_not_read_for_ever(aws: LocalAws, clients: Clients) -> None:
    tokens = iter(["one", "two", "one"])
    aws.answering = lambda _: instances_answer(BARE, next(tokens))
    with pytest.raises(ResponseParserError, match="a next page that was read already"):
        read(clients)
    assert len(aws.requests) == 3


def test_only_what_is_running_or_about_to_is_asked_for_on_every_page(aws: LocalAws, clients: Clients) -> None:
    pages = [instances_answer(BARE, "one"), instances_answer(BARE)]
    aws.answering = lambda _: pages.pop(0)
    read(clients)
    for request in aws.requests:
        asked = {key: value for key, value in request.form.items() if key.startswith(("Filter", "Max"))}
        assert asked == {
            "Filter.1.Name": "instance-state-name",
            "Filter.1.Value.1": "pending",
            "Filter.1.Value.2": "running",
            "Filter.1.Value.3": "stopping",
            "MaxResults": "1000",
        }


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "InvalidParameterValue"])
def test_a_refusal_is_raised_with_awss_code_and_message_and_is_not_tried_again(
    aws: LocalAws, clients: Clients, code: str
) -> None:
    aws.answering = lambda _: refusal(code, "AWS was not able to validate", status=403)
    with pytest.raises(ClientError) as refused:
        read(clients)
    assert refused.value.response["Error"] == {"Code": code, "Message": "AWS was not able to validate"}
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert len(aws.requests) == 1


@pytest.mark.parametrize(
    "passing", [refusal("RequestLimitExceeded", status=503), refusal("InternalError", status=500), Answer("", 502)]
)
def test_a_passing_fault_is_tried_again_on_the_page_where_it_came(
    aws: LocalAws, clients: Clients, passing: Answer
) -> None:
    pages = [instances_answer(BARE, "one"), passing, instances_answer(SPOT)]
    aws.answering = lambda _: pages.pop(0)
    assert len(read(clients)) == 2
    assert [request.form.get("NextToken") for request in aws.requests] == [None, "one", "one"]


@pytest.mark.parametrize(
    "body",
    [
        "<!DOCTYPE html><html><head><meta charset=utf-8><p>Sign in",
        "<html><body>Sign in</body></html>",
        '<?xml version="1.0" encoding="gb2312"?><html><body>Sign in</body></html>',
        "",
        "not even a tag",
        f'<DescribeVolumesResponse xmlns="{EC2_NAMESPACE}"><volumeSet/></DescribeVolumesResponse>',
        f'<DescribeInstancesResponse xmlns="{EC2_NAMESPACE}"><requestId>r</requestId></DescribeInstancesResponse>',
        str(instances_answer(FULL).body)[:-40],
    ],
)
def test_what_is_no_answer_is_never_taken_for_an_empty_target(aws: LocalAws, clients: Clients, body: str) -> None:
    aws.answering = lambda _: Answer(body, content_type="text/html")
    with pytest.raises(ResponseParserError) as unreadable:
        read(clients)
    assert classify(unreadable.value) is Failure.TRANSIENT
    assert len(aws.requests) == RETRIES.attempts


@pytest.mark.parametrize("written", ["\x01", "&#x1;", "\ufffe"])
def test_an_instance_with_a_forbidden_character_in_a_tag_costs_one_call_and_no_other_instance(
    aws: LocalAws, clients: Clients, written: str
) -> None:
    culprit = BARE.replace("</item>", f"<tagSet><item><key>Note</key><value>a{written}b</value></item></tagSet></item>")
    aws.answering = lambda _: instances_answer(FULL + culprit)
    whole, marked = read(clients)
    assert len(aws.requests) == 1
    assert marked["Tags"] == [{"Key": "Note", "Value": f"a{UNREADABLE_CHARACTER}b"}]
    assert [used(whole), used(marked)] == [used(one) for one in read_by_botocore(clients)]


def test_a_forbidden_character_on_a_later_page_and_credentials_refused_there_cost_no_page_before(
    aws: LocalAws, clients: Clients
) -> None:
    culprit = BARE.replace("</item>", "<tagSet><item><key>Note</key><value>&#xD800;</value></item></tagSet></item>")
    answers = [instances_answer(FULL, "two"), refusal("AuthFailure", status=401), instances_answer(culprit)]
    aws.answering = lambda _: answers.pop(0)
    whole, marked = read(clients)
    assert (whole["Tags"] != [], marked["Tags"]) == (True, [{"Key": "Note", "Value": UNREADABLE_CHARACTER}])
    assert [request.form.get("NextToken") for request in aws.requests] == [None, "two", "two"]


@pytest.mark.parametrize("status", [203, 302, 403, 404, 500, 503])
def test_an_html_page_with_another_status_than_200_is_a_failure_too(
    aws: LocalAws, clients: Clients, status: int
) -> None:
    aws.answering = lambda _: Answer("<html><body>Denied by the proxy</body></html>", status, "text/html")
    with pytest.raises(AWS_FAILURES) as ours:
        read(clients)
    with pytest.raises(AWS_FAILURES) as botocores:
        read_by_botocore(clients)
    assert [type(ours.value), error_of(ours.value)] == [type(botocores.value), error_of(botocores.value)]

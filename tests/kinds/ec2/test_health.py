"""Whom a load balancer misses: the health that every target group of the target tells, and nothing guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from orchestrator.aws.clients import Clients, bound_to
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, Region, Target
from orchestrator.core.model.aws_error_codes import coverage_of
from orchestrator.kinds.ec2.kind import Ec2Instances
from orchestrator.ports import TargetUnreadableError
from tests.support.builders import AT
from tests.support.fake_ec2 import RecordingPacing
from tests.support.local_aws import Answer, Fixed, LocalAws, Request, closing_clients, serving, sts_refusal

TARGET = Target(AccountId("111111111111"), Region("eu-west-1"))
STOPPED = ("unused", "Target.InvalidState")
NAMESPACE = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"
GROUPS, HEALTH = "DescribeTargetGroups", "DescribeTargetHealth"
PROXY_PAGE = Answer("<html><body>busy</body></html>")


@dataclass
class MadeUpElb:
    """Target groups in pages, each with the state and reason of its targets; `refused` answers come first."""

    pages: list[list[str]] = field(default_factory=lambda: [["web"]])
    health: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    """`instance` where nothing else is said."""
    refused: dict[str, list[Answer]] = field(default_factory=dict)

    def __call__(self, request: Request) -> Answer:
        if self.refused.get(request.operation):
            return self.refused[request.operation].pop(0)
        if request.operation == GROUPS:
            return self._groups(int(request.form.get("Marker", "0")))
        described = self.health.get(request.form["TargetGroupArn"], {}).items()
        members = "".join(_member(one, state, reason) for one, (state, reason) in described)
        return _answer(HEALTH, f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>")

    def _groups(self, page: int) -> Answer:
        members = "".join(
            f"<member><TargetGroupArn>{one}</TargetGroupArn>"
            f"<TargetType>{self.types.get(one, 'instance')}</TargetType></member>"
            for one in self.pages[page]
        )
        is_last = page + 1 == len(self.pages)
        marker = "" if is_last else f"<NextMarker>{page + 1}</NextMarker>"
        return _answer(GROUPS, f"<TargetGroups>{members}</TargetGroups>{marker}")


def _member(instance_id: str, state: str, reason: str) -> str:
    why = f"<Reason>{reason}</Reason>" if reason else ""
    return (
        f"<member><Target><Id>{instance_id}</Id><Port>80</Port></Target>"
        f"<TargetHealth><State>{state}</State>{why}</TargetHealth></member>"
    )


def _answer(operation: str, result: str) -> Answer:
    result = f"<{operation}Result>{result}</{operation}Result>"
    return Answer(f'<{operation}Response xmlns="{NAMESPACE}">{result}</{operation}Response>')


@pytest.fixture
def elb() -> MadeUpElb:
    return MadeUpElb()


@pytest.fixture
def aws(elb: MadeUpElb, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    with serving(elb, monkeypatch) as server:
        yield server


@pytest.fixture
def clients(aws: LocalAws) -> Iterator[Clients]:
    with closing_clients() as made, bound_to(Fixed(TARGET.account_id)):
        yield made


@pytest.fixture
def kind(clients: Clients) -> Ec2Instances:
    retries = Retries(attempts=2, sleep=lambda _: None)
    return Ec2Instances(clients, retries, lambda: AT, RecordingPacing())  # type: ignore[arg-type]  # a fake


@pytest.mark.parametrize(
    ("state", "reason", "is_missed"),
    [
        (*STOPPED, True),
        ("unhealthy", "Target.Timeout", True),
        ("unhealthy", "Target.FailedHealthChecks", True),
        ("unhealthy.draining", "Target.FailedHealthChecks", True),
        ("unavailable", "Target.HealthCheckDisabled", True),
        ("something.new", "", True),
        ("healthy", "", False),
        ("initial", "Elb.RegistrationInProgress", False),
        ("unused", "Target.NotInUse", False),
        ("unused", "Target.NotRegistered", False),
        ("draining", "Target.DeregistrationInProgress", False),
    ],
)
def test_a_target_is_missed_unless_it_is_well_or_no_load_balancer_would_send_it_anything(
    elb: MadeUpElb, kind: Ec2Instances, state: str, reason: str, is_missed: bool
) -> None:
    elb.health = {"web": {"i-1": (state, reason)}}
    assert kind.failed_health(TARGET, ["i-1"]) == ({"i-1"} if is_missed else set())


def test_only_instances_that_were_asked_for_are_told(elb: MadeUpElb, kind: Ec2Instances) -> None:
    elb.health = {"web": {"i-1": STOPPED, "i-2": STOPPED}}
    assert kind.failed_health(TARGET, ["i-2", "i-3"]) == {"i-2"}


def test_one_group_that_misses_an_instance_is_enough(elb: MadeUpElb, kind: Ec2Instances) -> None:
    elb.pages = [["web", "admin", "old"]]
    elb.health = {"web": {"i-1": ("healthy", "")}, "admin": {"i-1": STOPPED}, "old": {"i-1": ("healthy", "")}}
    assert kind.failed_health(TARGET, ["i-1"]) == {"i-1"}


def test_every_page_of_target_groups_is_read(elb: MadeUpElb, kind: Ec2Instances, aws: LocalAws) -> None:
    elb.pages = [["a", "b"], [], ["c"]]
    elb.health = {"a": {"i-1": STOPPED}, "c": {"i-2": STOPPED}}
    assert kind.failed_health(TARGET, ["i-1", "i-2", "i-3"]) == {"i-1", "i-2"}
    asked = [(request.form.get("Marker"), request.form["PageSize"]) for request in aws.of(GROUPS)]
    assert asked == [(None, "400"), ("1", "400"), ("2", "400")]
    assert [request.form["TargetGroupArn"] for request in aws.of(HEALTH)] == ["a", "b", "c"]


def test_groups_whose_targets_are_no_instances_are_not_asked(elb: MadeUpElb, kind: Ec2Instances, aws: LocalAws) -> None:
    elb.pages = [["web", "ips", "function", "alb"]]
    elb.types = {"ips": "ip", "function": "lambda", "alb": "alb"}
    elb.health = {"ips": {"i-1": STOPPED}}
    assert kind.failed_health(TARGET, ["i-1"]) == set()
    assert [request.form["TargetGroupArn"] for request in aws.of(HEALTH)] == ["web"]


def test_nothing_asked_for_asks_nothing_and_a_region_without_groups_misses_nobody(
    elb: MadeUpElb, kind: Ec2Instances, aws: LocalAws
) -> None:
    elb.pages = [[]]
    assert kind.failed_health(TARGET, []) == set()
    assert aws.requests == []
    assert kind.failed_health(TARGET, ["i-1"]) == set()
    assert aws.operations() == [GROUPS]


def test_every_call_is_signed_for_the_bound_account_in_the_targets_region_and_counted(
    elb: MadeUpElb, kind: Ec2Instances, aws: LocalAws, clients: Clients
) -> None:
    kind.failed_health(TARGET, ["i-1"])
    signed = {(one.access_key, one.token, one.region, one.service) for one in aws.requests}
    assert signed == {("ASIA111111111111", "token-111111111111", "eu-west-1", "elasticloadbalancing")}
    assert clients.calls() == {f"elasticloadbalancing:{GROUPS}": 1, f"elasticloadbalancing:{HEALTH}": 1}
    assert set(clients.calls()) <= kind.description.act_permissions


def test_the_client_can_ask_for_groups_and_health_and_change_nothing(clients: Clients) -> None:
    operations = set(clients.member("elbv2", "eu-west-1").meta.method_to_api_mapping.values())
    assert operations == {GROUPS, HEALTH}


@pytest.mark.parametrize("operation", [GROUPS, HEALTH])
@pytest.mark.parametrize("passing", [sts_refusal("Throttling", status=400), PROXY_PAGE])
def test_a_throttled_call_or_an_answer_without_its_list_is_tried_again(
    elb: MadeUpElb, kind: Ec2Instances, aws: LocalAws, operation: str, passing: Answer
) -> None:
    elb.health, elb.refused = {"web": {"i-1": STOPPED}}, {operation: [passing]}
    assert kind.failed_health(TARGET, ["i-1"]) == {"i-1"}
    assert len(aws.of(operation)) == 2
    assert len(aws.requests) == 3


@pytest.mark.parametrize("operation", [GROUPS, HEALTH])
def test_a_refused_call_makes_the_target_unreadable_with_awss_words(
    elb: MadeUpElb, kind: Ec2Instances, operation: str
) -> None:
    elb.refused = {operation: [sts_refusal("AccessDenied", "AWS's words")]}
    with pytest.raises(TargetUnreadableError) as unreadable:
        kind.failed_health(TARGET, ["i-1"])
    assert str(unreadable.value) == f"elasticloadbalancing:{operation}: AccessDenied: AWS's words"
    assert coverage_of(unreadable.value.error, unreadable.value.operation)[0].value == "denied"


@pytest.mark.parametrize(
    ("operation", "page"),
    [(GROUPS, PROXY_PAGE), (HEALTH, PROXY_PAGE), (GROUPS, _answer(GROUPS, "")), (HEALTH, _answer(HEALTH, ""))],
)
def test_an_answer_that_stays_without_its_list_is_no_empty_one(
    elb: MadeUpElb, kind: Ec2Instances, operation: str, page: Answer
) -> None:
    elb.refused = {operation: [page] * 2}
    with pytest.raises(TargetUnreadableError, match=f"elasticloadbalancing:{operation}: ResponseParserError"):
        kind.failed_health(TARGET, ["i-1"])


def test_a_refused_group_is_not_left_out_although_another_one_answers(elb: MadeUpElb, kind: Ec2Instances) -> None:
    elb.pages, elb.health = [["web", "admin"]], {"web": {"i-1": STOPPED}, "admin": {"i-1": STOPPED}}
    elb.refused = {HEALTH: [sts_refusal("AccessDenied")]}
    with pytest.raises(TargetUnreadableError):
        kind.failed_health(TARGET, ["i-1"])


def test_a_group_that_was_deleted_since_it_was_listed_misses_nobody(elb: MadeUpElb, kind: Ec2Instances) -> None:
    elb.pages, elb.health = [["deleted", "web"]], {"web": {"i-1": STOPPED}}
    elb.refused = {HEALTH: [sts_refusal("TargetGroupNotFound", status=400)]}
    assert kind.failed_health(TARGET, ["i-1", "i-2"]) == {"i-1"}


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_target_groups_whose_pages_go_in_a_circle_make_the_target_unreadable(
    kind: Ec2Instances, aws: LocalAws, pages: int
) -> None:
    markers = iter([number % pages for number in range(pages + 1)])
    aws.answering = lambda _: _answer(GROUPS, f"<TargetGroups/><NextMarker>{next(markers)}</NextMarker>")
    with pytest.raises(TargetUnreadableError, match=f"elasticloadbalancing:{GROUPS}: .* a next page that was read"):
        kind.failed_health(TARGET, ["i-1"])

"""Each kind's permissions: what it declares is what it calls, and IAM holds the last line whatever the code does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from orchestrator.aws.retries import Retries
from orchestrator.core.model import Action, OutcomeStatus
from orchestrator.core.model.marks import MARKS, STOPPED_BY_TAG
from orchestrator.core.model.metric import MetricSpan
from orchestrator.kinds import registry
from orchestrator.ports import TargetBilling, TargetHealth, TargetMetrics
from tests.kinds.contract.harness import EmbeddedAws
from tests.support.builders import SWEEP_ID
from tests.support.permissions import Permissions, policy_of
from tests.support.suites import only_in_full

PROTECTED, OPT_OUT = "stop-orchestrator:protected", "stop-orchestrator:opt-out"
STOPS_TOO = {"ecs:UpdateService", "eks:UpdateNodegroupConfig"}
"""Starts of which IAM cannot tell that they are no stops: docs/security.md."""


@pytest.fixture
def permissions(embedded_aws: EmbeddedAws) -> Iterator[Permissions]:
    """From here on the member role may do what its template allows for this kind alone, and nothing else."""
    kind = embedded_aws.words.entry.description.name
    held = Permissions(policy_of("member-role", "MemberRole", Kinds=kind), policy_of("hub", "HubRole"))
    front = embedded_aws.organization.front
    gates = front._gates
    front._gates = (lambda call: held(call) if call.access_key.startswith("ASIA") else None, *gates)
    yield held
    front._gates = gates


def test_what_it_declares_is_what_it_calls(embedded_aws: EmbeddedAws) -> None:
    aws, description = embedded_aws, embedded_aws.words.entry.description
    aws.seed_everything()
    ids = aws.add(2)
    found = aws.read()
    if isinstance(aws.kind, TargetMetrics):
        spans = [MetricSpan(one, timedelta(hours=1)) for one in description.metrics]
        with aws.binding():
            aws.kind.measure(aws.target, [(one, spans) for one in found.values()])
    if isinstance(aws.kind, TargetBilling):
        with aws.binding():
            aws.kind.billed(aws.target, [*found.values()])
    reading = set(aws.clients.calls())
    assert reading == description.read_permissions
    aws.act(Action.STOP, ids)
    aws.look(*ids)
    started = aws.act(Action.START, ids)
    for one in ids:
        aws.put(one, aws.words.running)
    aws.see(list(started.values()), timedelta(minutes=1))
    if isinstance(aws.kind, TargetHealth):
        with aws.binding():
            aws.kind.failed_health(aws.target, ids)
    assert set(aws.clients.calls()) - {"sts:AssumeRole"} == description.permissions


def test_its_client_can_be_asked_for_what_kinds_declare_and_nothing_else(embedded_aws: EmbeddedAws) -> None:
    description = embedded_aws.words.entry.description
    assert description.operations.keys() <= registry.services()
    for service, operations in description.operations.items():
        client = embedded_aws.clients.member(service, embedded_aws.target.region)
        callable_ones = set(client.meta.method_to_api_mapping.values())
        assert operations <= registry.member_operations()[service] == callable_ones - {"DescribeRegions"}


def test_the_member_role_allows_all_that_a_stop_and_an_undo_take(
    embedded_aws: EmbeddedAws, permissions: Permissions
) -> None:
    aws = embedded_aws
    ids = aws.add(2, {"Environment": "dev"})
    assert OutcomeStatus.FAILED not in {outcome.status for outcome in aws.act(Action.STOP, ids).values()}
    aws.look(*ids)
    assert OutcomeStatus.FAILED not in {outcome.status for outcome in aws.act(Action.START, ids).values()}
    assert permissions.refused == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (PROTECTED, ""),
        (OPT_OUT, "true"),
        (OPT_OUT, "keep-me-on"),
        *only_in_full(
            (PROTECTED, "legal"),
            (OPT_OUT, "yes please"),
            (OPT_OUT, "prod-is-on"),
            (OPT_OUT, "9999-99-99"),
            (OPT_OUT, "2020-13-01"),
            (OPT_OUT, "2020-12-41"),
        ),
    ],
)
def test_what_is_protected_or_opted_out_iam_never_lets_stop(
    embedded_aws: EmbeddedAws, permissions: Permissions, key: str, value: str
) -> None:
    aws = embedded_aws
    [other], [spared] = aws.add(), aws.add(1, {key: value})
    outcomes = aws.act(Action.STOP, [other, spared])
    assert [outcomes[one].status is OutcomeStatus.FAILED for one in (other, spared)] == [False, True]
    assert "explicit deny" in outcomes[spared].message
    assert aws.word(spared) == aws.words.running
    assert aws.tags(spared) == {key: value}


def test_an_opt_out_that_is_over_iam_lets_stop(embedded_aws: EmbeddedAws, permissions: Permissions) -> None:
    aws = embedded_aws
    [one] = aws.add(1, {OPT_OUT: "2020-12-31"})
    assert aws.act(Action.STOP, [one])[one].status is not OutcomeStatus.FAILED
    assert permissions.refused == []


def test_what_has_no_mark_iam_never_lets_start(embedded_aws: EmbeddedAws, permissions: Permissions) -> None:
    aws = embedded_aws
    [one] = aws.add()
    aws.restores[one] = aws.look(one)[one].restore  # such as the sizes that a ledger would have
    aws.someone(Action.STOP, [one])
    aws.look(one)
    start = _permission(aws, aws.words.profile.start)
    assert (aws.act(Action.START, [one])[one].status is OutcomeStatus.FAILED) is (start not in STOPS_TOO)
    assert permissions.refused == [("member", start)] * (start not in STOPS_TOO)


def test_what_lost_its_mark_iam_lets_start_once_it_is_marked_again(
    embedded_aws: EmbeddedAws, permissions: Permissions
) -> None:
    aws = embedded_aws
    [one] = aws.add()
    aws.act(Action.STOP, [one])
    aws.look(one)
    aws.untag(one, MARKS)
    outcome = aws.act(Action.START, [one], restore={STOPPED_BY_TAG: SWEEP_ID})[one]
    if "cannot be marked again" in outcome.message:  # a service that takes no tags while it is down
        assert outcome.status is OutcomeStatus.FAILED
        assert permissions.refused[0] == ("member", _permission(aws, aws.words.profile.start))
    else:
        assert outcome.status is not OutcomeStatus.FAILED
        assert permissions.refused == []


def test_no_tags_but_the_marks_can_be_written(embedded_aws: EmbeddedAws, permissions: Permissions) -> None:
    aws = embedded_aws
    [one] = aws.add()
    profile, resources = aws.words.profile, [aws.look(one)[one]]
    with aws.binding():
        operations = aws.kind._operations(aws.target)
        for tags in ({OPT_OUT: "2020-01-01"}, {"Owner": "me"}):
            with pytest.raises(Exception, match="not authorized"):
                operations.mark(resources, tags)
        with pytest.raises(Exception, match="not authorized"):
            operations.unmark(resources, [PROTECTED])
    refused = [_permission(aws, one) for one in (profile.mark, profile.mark, profile.unmark)]
    assert [action for _, action in permissions.refused] == refused


def test_doctor_asks_for_what_the_kind_says_it_can_and_says_so_of_the_rest(embedded_aws: EmbeddedAws) -> None:
    aws, description = embedded_aws, embedded_aws.words.entry.description
    aws.seed_everything()
    aws.add()
    aws.add(1, dict.fromkeys(MARKS, SWEEP_ID))
    port = aws.words.entry.make_permissions(aws.clients, Retries(attempts=1))
    with aws.binding():
        read, resource_id = port.read(aws.target.region)
        of_marked = [one for _, one in port.ask_of_marked([aws.target.region])]
        asked = [read, *port.ask(aws.target.region, resource_id), *of_marked]
    assert resource_id is not None
    assert {one.action for one in asked if not one.not_asked} == description.checks
    assert {one.action for one in asked} <= description.permissions
    assert port.description is description
    assert aws.log == [] or not {"record", SWEEP_ID} & set(aws.log)


def _permission(aws: EmbeddedAws, operation: str) -> str:
    return f"{aws.words.profile.service}:{operation}"

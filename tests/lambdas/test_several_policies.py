"""A hub of several policies has no default one: each event names its own, and a sweep keeps the one that it has."""

from __future__ import annotations

import pytest

from orchestrator.demo.organization import BUCKET
from orchestrator.errors import EventError, SettingsError
from orchestrator.lambdas import handler
from orchestrator.lambdas.steps import lambda_handler as step
from tests.support.embedded import OrganizationBuilder
from tests.support.lambdas import PLENTY, SHORT, Remaining, dev_accounts, invoked, written_report

pytestmark = pytest.mark.usefixtures("first_id")
RULES = "regions: {include: [eu-central-1, eu-west-1]}\nrules: [{name: dev, where: {tag: {Environment: dev}}}]\n"
SOURCES = {name: f"s3://{BUCKET}/policies/{name}.yaml" for name in ("one", "two")}


@pytest.fixture
def teams(hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> OrganizationBuilder:
    monkeypatch.delenv("STOP_ORCHESTRATOR_POLICY")
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICIES", ",".join(SOURCES.values()))
    for name in SOURCES:
        text = f"version: 1\nname: {name}\n{RULES}"
        hub.client("s3").put_object(Bucket=BUCKET, Key=f"policies/{name}.yaml", Body=text.encode())
    return hub


def handed_over(teams: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The events that a Lambda sends itself, whose time is up after the first stop of policy two's sweep."""
    dev_accounts(teams, 1)
    monkeypatch.setenv("STOP_ORCHESTRATOR_WORKERS", "1")
    events: list[dict[str, str]] = []
    monkeypatch.setattr(handler, "invoke_again", lambda _clients, _arn, event: events.append(event))
    calls = teams.front.calls
    remaining = lambda: SHORT if calls["ec2:StopInstances"] else PLENTY  # noqa: E731 - read where it is used
    assert invoked({"mode": "enforce", "policy": SOURCES["two"]}, remaining)["status"] == "running"
    return events


def test_an_event_names_the_policy_of_its_sweep(teams: OrganizationBuilder) -> None:
    answer = invoked({"mode": "plan", "policy": SOURCES["two"]})
    assert written_report(teams, answer["sweep_id"])["policy_name"] == "two"


@pytest.mark.parametrize("event", [{}, {"mode": "enforce"}])
def test_an_event_without_a_policy_begins_nothing_and_is_told_what_there_is(
    teams: OrganizationBuilder, event: dict[str, str]
) -> None:
    before = dict(teams.front.calls)
    with pytest.raises(EventError, match=r"policy: .*name one of them: ") as refused:
        invoked(event)
    assert all(source in str(refused.value) for source in SOURCES.values())
    with pytest.raises(EventError, match=r"policy: .*name one of them: "):
        step({"step": "begin", "event": event, "execution": "an-execution"}, Remaining(lambda: PLENTY))
    assert teams.front.calls == before


def test_a_fresh_invocation_resumes_by_the_policy_of_the_sweep(
    teams: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Near its time-out a Lambda invokes itself with the sweep's id alone."""
    events = handed_over(teams, monkeypatch)
    assert [event.keys() for event in events] == [{"sweep_id"}]
    assert invoked(events[0])["totals"]["stopped"] == 2
    assert written_report(teams, events[0]["sweep_id"])["policy_name"] == "two"


def test_a_sweep_whose_policy_is_gone_is_not_resumed_by_another_one(
    teams: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = handed_over(teams, monkeypatch)
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICIES", SOURCES["one"])
    with pytest.raises(EventError, match="which this function does not read"):
        invoked(events[0])


def test_without_any_policy_the_settings_are_told(teams: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STOP_ORCHESTRATOR_POLICIES")
    with pytest.raises(SettingsError, match="STOP_ORCHESTRATOR_POLICY is missing"):
        invoked({})

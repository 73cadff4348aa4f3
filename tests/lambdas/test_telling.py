"""What the Lambdas tell of their sweeps: previews that warn owners, and sweeps that were missed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from orchestrator import app
from orchestrator.core.model import Mode
from orchestrator.core.policy.loading import load_policy
from orchestrator.demo.calls import Call
from orchestrator.demo.faults import Fault
from orchestrator.errors import EventError
from orchestrator.kinds.registry import DESCRIPTIONS
from orchestrator.lambdas.missed import a_missed_sweep, record_missed
from orchestrator.lambdas.wiring import wire
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy
from tests.support.lambdas import dev_accounts, invoked, written_report
from tests.support.machines import StateMachine, from_s3

TOPIC = "arn:aws:sns:eu-central-1:123456789012:owners"
RULES = f"""rules: [{{name: dev, where: {{tag: {{Environment: dev}}}}}}]
notify: [{{eventbridge: default}}]
owner_tag: Environment
owner_contacts: {{default: {{sns: "{TOPIC}"}}}}
"""


@pytest.fixture
def calls(hub: OrganizationBuilder, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Call]]:
    """What was sent to SNS and EventBridge, by the operation."""
    hub.client("sns").create_topic(Name="owners")
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICY", policy(RULES))
    seen: dict[str, list[Call]] = {}

    def heard(operation: str) -> list[Call]:
        return seen[operation]

    for operation in ("sns:Publish", "events:PutEvents"):
        seen[operation] = []
        hub.front.faults.add(Fault(operation=operation, effect=seen[operation].append))
    return heard


def event_in(call: Call) -> tuple[str, dict[str, Any]]:
    [entry] = json.loads(call.body)["Entries"]
    assert (entry["Source"], entry["EventBusName"]) == ("stop-orchestrator", "default")
    return entry["DetailType"], json.loads(entry["Detail"])


def test_a_preview_that_warns_tells_each_owner_once_and_stops_nothing(
    hub: OrganizationBuilder, calls: Callable[[str], list[Call]]
) -> None:
    dev_accounts(hub, 3)
    answer = invoked({"mode": "plan", "notify_before": "30m"})
    [told] = calls("sns:Publish")
    assert "6 resources will be stopped at " in told.form["Subject"]
    assert "stop-orchestrator:opt-out=" in told.form["Message"]
    [(detail_type, detail)] = map(event_in, calls("events:PutEvents"))
    assert (detail_type, detail["as_of"]) == ("Sweep Planned", written_report(hub, answer["sweep_id"])["as_of"])
    assert hub.front.calls["ec2:StopInstances"] == 0


def test_the_state_machine_warns_as_the_single_lambda_does(
    hub: OrganizationBuilder, calls: Callable[[str], list[Call]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_ACCOUNTS_A_PART", "2")
    dev_accounts(hub, 3)
    answer = StateMachine(from_s3(hub))({"mode": "plan", "notify_before": "30m"})
    report = written_report(hub, answer["sweep_id"])
    began, decided_for = (datetime.fromisoformat(report[name]) for name in ("started_at", "as_of"))
    assert decided_for - began == timedelta(minutes=30)
    [told] = calls("sns:Publish")
    assert "6 resources will be stopped at " in told.form["Subject"]


def test_a_plan_without_it_warns_nobody(hub: OrganizationBuilder, calls: Callable[[str], list[Call]]) -> None:
    dev_accounts(hub, 1)
    invoked({"mode": "plan"})
    assert calls("sns:Publish") == []
    assert len(calls("events:PutEvents")) == 1


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"mode": "enforce", "notify_before": "30m"}, 'notify_before: .*mode "plan" alone'),
        ({"notify_before": "30m"}, 'notify_before: .*mode "plan" alone'),
        ({"mode": "plan", "notify_before": "soon"}, "notify_before: "),
        ({"mode": "plan", "notify_after": "30m"}, "notify_after: "),
    ],
)
def test_an_event_that_asks_for_it_wrongly_is_refused_by_its_field(event: dict[str, str], text: str) -> None:
    with pytest.raises(EventError, match=text):
        invoked(event)


def test_a_sweep_that_was_missed_is_told_once(hub: OrganizationBuilder, calls: Callable[[str], list[Call]]) -> None:
    wiring = wire()
    policy = load_policy(f"version: 1\nname: test\n{RULES}", "p", DESCRIPTIONS)
    telling = app.make_telling(wiring.settings, wiring.clients, policy)
    for sweep_id in ("20261123T190000Z-7f3a9c", "20261123T190100Z-7f3a9d"):  # Lambda's retry
        missed = a_missed_sweep(policy, sweep_id, Mode.ENFORCE, app.now(), "another one ran")
        record_missed(wiring.stores.ledger, telling, "trigger", missed)
    [(detail_type, detail)] = map(event_in, calls("events:PutEvents"))
    assert (detail_type, detail["status"]) == ("Sweep Missed", "missed")
    assert detail["error"] == "it did not begin: another one ran"
    assert calls("sns:Publish") == []

"""The hourly check: a metric for each scheduled sweep, and none where something cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator import app
from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.aws.own_function import changed_at
from orchestrator.core.model import ActivePolicy, time_text
from orchestrator.demo.lambda_process import Context
from orchestrator.demo.organization import BUCKET, TABLE
from orchestrator.errors import LedgerError, PolicyError, SettingsError
from orchestrator.lambdas import check
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from tests.support.embedded import OrganizationBuilder
from tests.support.lambdas import Lines

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
NIGHTLY = '{name: nightly, mode: enforce, cron: "0 20 * * ? *"}'
NOON = '{name: noon, mode: plan, cron: "0 12 * * ? *"}'

Activate = Callable[..., None]
Ledgers = Callable[[], Ledger]


@pytest.fixture(autouse=True)
def hub(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {
        **organization.hub(),
        "STOP_ORCHESTRATOR_POLICY": f"s3://{BUCKET}/policy.yaml",
        "STOP_ORCHESTRATOR_FUNCTION": "night-shift",
        "STOP_ORCHESTRATOR_MODE": "enforce",
        "STOP_ORCHESTRATOR_SCHEDULE": "cron(0 22 * * ? *)",
        "STOP_ORCHESTRATOR_SCHEDULE_TIMEZONE": "Europe/Berlin",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(app, "now", lambda: TUESDAY + timedelta(hours=9))
    monkeypatch.setattr(check, "changed_at", lambda *_: MONDAY - timedelta(days=1))


@pytest.fixture
def ledger(organization: OrganizationBuilder) -> Ledger:
    return Ledger(DynamoItems(organization.client("dynamodb"), TABLE), lambda: TUESDAY)


@pytest.fixture
def activate(organization: OrganizationBuilder, ledger: Ledger) -> Activate:
    """A policy, its text in the bucket, and that it is active since the beginning of Monday."""

    def _activate(name: str, *sweeps: str, source: str = "", own: bool = False) -> None:
        key = "policy.yaml" if own else f"policies/{name}.yaml"
        text = f"version: 1\nname: {name}\nsweeps: [{', '.join(sweeps)}]\n"
        organization.client("s3").put_object(Bucket=BUCKET, Key=key, Body=text.encode())
        listed = "" if own else source or f"s3://{BUCKET}/{key}"
        ledger.activate_policy(name, ActivePolicy("1" * 64, "ann", time_text(MONDAY) or "", listed))

    return _activate


def _began(ledger: Ledger, at: datetime, mode: str = "enforce", policy: str = "nonprod", **more: Any) -> None:
    values = {"status": "complete", "ended_at": time_text(at + timedelta(minutes=1)) or "", **more}
    summary = SweepSummary(
        f"{at:%Y%m%dT%H%M%SZ}-7f3a9c", mode=mode, policy_name=policy, started_at=time_text(at) or "", **values
    )
    ledger.begin(summary)


def _checked() -> dict[str, Any]:
    answer: dict[str, Any] = check.lambda_handler({}, Context())
    return answer


def _missed(lines: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """The metric by policy and mode; of the function alone there is one beside each."""
    found = {}
    for line in lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            assert directive["Dimensions"] == [["FunctionName"], ["FunctionName", "Policy", "Mode"]]
            assert line["FunctionName"] == "night-shift"
            [found[line["Policy"], line["Mode"]]] = line["SweepsMissed"]
    return found


def test_each_policy_and_mode_has_its_metric(ledger: Ledger, activate: Activate, lines: Lines) -> None:
    activate("nonprod", NIGHTLY, NOON)
    activate("labs", NIGHTLY)
    _began(ledger, MONDAY + timedelta(hours=12), "plan")
    _began(ledger, MONDAY + timedelta(hours=20, minutes=2), policy="labs")
    answer = _checked()
    said = lines()
    assert _missed(said) == {("nonprod", "enforce"): 1, ("nonprod", "plan"): 0, ("labs", "enforce"): 0}
    text = "enforce of nonprod (nightly): was due at 2026-11-23 20:00 UTC, and did not run since"
    assert answer == {"checked": 3, "missed": [text]}
    assert [line["message"] for line in said if line.get("level") == "ERROR"] == [text]


def test_a_plan_of_one_resource_alone_is_no_preview(ledger: Ledger, activate: Activate, lines: Lines) -> None:
    activate("nonprod", NOON)
    _began(ledger, MONDAY + timedelta(hours=12), "plan", only={"resource": "i-1"})
    _checked()
    assert _missed(lines()) == {("nonprod", "plan"): 1}


def test_an_enforce_that_was_interrupted_before_it_acted_did_not_run(
    ledger: Ledger, activate: Activate, lines: Lines
) -> None:
    activate("nonprod", NIGHTLY)
    interrupted = {"status": "held", "error": "Interrupted: the same command again does the rest"}
    _began(ledger, MONDAY + timedelta(hours=20), **interrupted)
    _checked()
    assert _missed(lines()) == {("nonprod", "enforce"): 1}
    _began(ledger, MONDAY + timedelta(hours=20, minutes=1), status="held")  # by a guardrail
    _checked()
    assert _missed(lines()) == {("nonprod", "enforce"): 0}


def test_a_policy_without_sweeps_is_due_by_the_hub_s_own_schedule(
    ledger: Ledger, activate: Activate, lines: Lines
) -> None:
    activate("nonprod", own=True)
    _checked()
    assert _missed(lines()) == {("nonprod", "enforce"): 1}
    _began(ledger, MONDAY + timedelta(hours=21))  # 22:00 in Berlin
    _checked()
    assert _missed(lines()) == {("nonprod", "enforce"): 0}


def test_a_policy_that_an_earlier_release_activated_is_looked_at(
    ledger: Ledger, activate: Activate, lines: Lines, organization: OrganizationBuilder
) -> None:
    activate("nonprod", own=True)
    key = {"PK": {"S": "SETTINGS"}, "SK": {"S": "POLICY#nonprod"}}
    organization.client("dynamodb").delete_item(TableName=TABLE, Key=key)
    _checked()
    assert _missed(lines()) == {("nonprod", "enforce"): 1}


def test_what_was_due_before_the_hub_was_deployed_like_that_is_not_missed(
    activate: Activate, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mode=enforce, or another schedule, since this morning: last night there was a plan, as it was due then."""
    activate("nonprod", own=True)
    monkeypatch.setattr(check, "changed_at", lambda *_: TUESDAY + timedelta(hours=8))
    _checked()
    assert _missed(lines()) == {("nonprod", "enforce"): 0}


def test_where_it_is_unknown_since_when_nothing_is_hidden(
    activate: Activate, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    activate("nonprod", own=True)
    monkeypatch.setattr(check, "changed_at", changed_at)  # of a function that is not there
    _checked()
    said = lines()
    assert _missed(said) == {("nonprod", "enforce"): 1}
    assert [line["message"] for line in said if line.get("level") == "WARNING"] == [
        "It is unknown since when the schedules are as they are"
    ]


def test_a_hub_without_any_schedule_has_the_metric_all_the_same(
    activate: Activate, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STOP_ORCHESTRATOR_SCHEDULE")
    activate("nonprod", own=True)
    assert _checked() == {"checked": 0, "missed": []}
    [blob] = [line for line in lines() if "_aws" in line]
    assert (blob["SweepsMissed"], blob["_aws"]["CloudWatchMetrics"][0]["Dimensions"]) == ([0.0], [["FunctionName"]])


@pytest.mark.parametrize(
    ("broken", "error"),
    [("text", SettingsError), ("shape", PolicyError), ("name", SettingsError), ("table", LedgerError)],
)
def test_what_cannot_be_read_is_an_error_and_no_metric(
    activate: Activate,
    lines: Lines,
    organization: OrganizationBuilder,
    broken: str,
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    activate("labs", NIGHTLY)
    activate("nonprod", NIGHTLY)
    place = {"Bucket": BUCKET, "Key": "policies/nonprod.yaml"}
    if broken == "text":
        organization.client("s3").delete_object(**place)
    elif broken == "table":
        monkeypatch.setenv("STOP_ORCHESTRATOR_TABLE", "no-such-table")
    else:
        text = b"version: 1\nname: other\n" if broken == "name" else b"version: 1\nname: nonprod\nsweeps: 5\n"
        organization.client("s3").put_object(**place, Body=text)
    with pytest.raises(error):
        _checked()
    said = lines()
    assert _missed(said) == {}
    assert "It is unknown whether a sweep was missed" in {line["message"] for line in said}

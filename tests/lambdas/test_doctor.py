"""The scheduled doctor: what it finds is beside the reports, and a metric says whether anything is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator import app
from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import BUCKET
from orchestrator.errors import ReportStoreError
from orchestrator.lambdas import doctor
from tests.support.embedded import OrganizationBuilder
from tests.support.lambdas import PLENTY, Lines, Remaining

MONDAY = datetime(2026, 11, 23, 6, 0, 9, tzinfo=UTC)
KEY = "doctor/dt=2026-11-23/20261123T060009Z-test.json"


@pytest.fixture(autouse=True)
def at_six(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "now", lambda: MONDAY)
    monkeypatch.setenv("STOP_ORCHESTRATOR_FUNCTION", "night-shift")


def _asked(milliseconds: int = PLENTY) -> dict[str, Any]:
    answer: dict[str, Any] = doctor.lambda_handler({}, Remaining(lambda: milliseconds))
    return answer


def _found(hub: OrganizationBuilder) -> dict[str, Any]:
    found: dict[str, Any] = json.load(hub.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"])
    return found


def _metrics(lines: list[dict[str, Any]]) -> list[tuple[float, list[list[str]]]]:
    blobs = [line for line in lines if "_aws" in line]
    assert {blob["FunctionName"] for blob in blobs} <= {"night-shift"}
    return [(blob["DoctorFailed"][0], blob["_aws"]["CloudWatchMetrics"][0]["Dimensions"]) for blob in blobs]


def test_what_it_finds_is_kept_as_the_command_has_it(hub: OrganizationBuilder, lines: Lines) -> None:
    hub.account("dev-1")
    location = f"s3://{BUCKET}/{KEY}"
    assert _asked() == {"diagnoses": [{"policy": "test", "healthy": True, "report": location}]}
    found = _found(hub)
    assert (set(found), found["healthy"]) == ({"healthy", "checks"}, True)
    assert {(one["account_name"], one["status"]) for one in found["checks"] if one["name"] == "role"} >= {
        ("dev-1", "ok")
    }
    said = lines()
    assert _metrics(said) == [(0.0, [["FunctionName"], ["FunctionName", "Policy"]])]
    assert (said[-1]["message"], said[-1]["report"], said[-1]["failed"]) == ("Doctor ended", location, 0)


def test_an_account_that_would_not_be_swept_is_a_failure(hub: OrganizationBuilder, lines: Lines) -> None:
    hub.account("denied", role=False)
    [one] = _asked()["diagnoses"]
    assert one["healthy"] is False
    assert [row["name"] for row in _found(hub)["checks"] if row["status"] == "failed"] == ["role"]
    assert [value for value, _ in _metrics(lines())] == [1.0]


def test_accounts_that_were_not_asked_in_time_are_named(hub: OrganizationBuilder) -> None:
    hub.account("dev-1")
    hub.account("dev-2")
    _asked(119_000)
    checks = _found(hub)["checks"]
    not_asked = {row["account_name"] for row in checks if row["detail"] == "not asked: the time was up"}
    assert {"dev-1", "dev-2"} <= not_asked
    [summary] = [row for row in checks if row["name"] == "accounts"]
    assert (summary["area"], summary["status"], summary["code"]) == ("hub", "warning", "not_checked")
    assert summary["detail"].startswith(f"the time was up: {len(not_asked)} of {len(not_asked)} accounts")


def test_what_cannot_be_kept_is_an_error_and_a_failure(hub: OrganizationBuilder, lines: Lines) -> None:
    hub.front.faults.add(Fault("AccessDenied", "no", 403, operation=f"s3:*/{KEY}"))
    with pytest.raises(ReportStoreError, match="cannot be written"):
        _asked()
    assert _metrics(lines()) == [(1.0, [["FunctionName"]])]

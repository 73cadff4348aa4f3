"""The JSON Schema of the sweep report, so that whoever reads reports can rely on their shape."""

from __future__ import annotations

from typing import Any

from orchestrator.core.model import Mode, OutcomeStatus, ReasonCode, SweepStatus, TargetStatus, Verdict
from orchestrator.core.report.document import OUTCOME_TOTALS, TARGET_TOTALS

_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_NUMBER = {"type": "number"}
_TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"}
_MAYBE_TIME = {"anyOf": [_TIME, {"type": "null"}]}
_ACCOUNT = {"type": "string", "pattern": r"^\d{12}$"}
_FACT = {"type": ["string", "integer", "boolean", "null"]}
_TOTALS = (
    "accounts",
    "targets",
    *(TARGET_TOTALS.get(status, status.value) for status in TargetStatus),
    "resources",
    "planned",
    "planned_stops",
    "planned_starts",
    "kept",
    "exempt",
    "stopped",
    "started",
    *(status.value for status in OUTCOME_TOTALS),
    "violations",
)


def report_json_schema() -> dict[str, Any]:
    """Draft 2020-12; every field is required and nothing else is there."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "SweepReport",
        "description": "Everything that one sweep saw, decided and did.",
        **_object(
            sweep_id={"type": "string", "pattern": r"^\d{8}T\d{6}Z-[0-9a-f]{6}$"},
            policy_name=_TEXT,
            policy_sha256={"type": "string", "pattern": "^[0-9a-f]{64}$"},
            mode=_enum(Mode),
            status=_enum(SweepStatus),
            started_at=_TIME,
            finished_at=_TIME,
            organization_id=_TEXT,
            source_sweep_id={"type": ["string", "null"], "description": "The sweep that was applied or undone."},
            totals=_object(**dict.fromkeys(_TOTALS, _COUNT)),
            coverage=_rows(_coverage()),
            decisions=_rows(_decision()),
            outcomes=_rows(_outcome()),
            compliance=_rows(
                _object(account_id=_ACCOUNT, region=_TEXT, kind=_TEXT, resource_id=_TEXT, violation=_TEXT, detail=_TEXT)
            ),
            guardrails=_rows(
                _object(
                    name=_TEXT,
                    limit=_NUMBER,
                    actual=_NUMBER,
                    passed={"type": "boolean"},
                    account_id={"anyOf": [_ACCOUNT, {"type": "null"}], "description": "Set for a limit per account."},
                )
            ),
            calls={"type": "object", "additionalProperties": _COUNT, "description": "Requests by service:Operation."},
            duration_seconds={"type": "number", "minimum": 0},
            error={"type": "string", "description": "What ended the sweep, for status `failed`."},
        ),
    }


def _coverage() -> dict[str, Any]:
    return _object(
        account_id=_ACCOUNT,
        account_name=_TEXT,
        ou_path=_TEXT,
        region={"type": "string", "description": "`*` where the account's regions cannot be known."},
        kind={"type": "string", "description": "`*` where it concerns every kind."},
        status=_enum(TargetStatus),
        detail=_TEXT,
        exemption=_exemption(),
    )


def _decision() -> dict[str, Any]:
    return _object(
        **_resource(),
        name=_TEXT,
        verdict=_enum(Verdict),
        action={"enum": ["stop", "hibernate", "start", None]},
        rule=_MAYBE_TEXT,
        reason_code=_enum(ReasonCode),
        reason=_TEXT,
        exemption=_exemption(),
        tags={"type": "object", "additionalProperties": _TEXT},
        facts={"type": "object", "additionalProperties": _FACT},
    )


def _outcome() -> dict[str, Any]:
    return _object(
        **_resource(),
        status=_enum(OutcomeStatus),
        code=_TEXT,
        message=_TEXT,
        requested_at=_MAYBE_TIME,
        verified_at=_MAYBE_TIME,
        warnings=_rows(_TEXT),
        restore={"type": "object", "additionalProperties": _FACT, "description": "What an undo needs to know."},
    )


def _exemption() -> dict[str, Any]:
    exemption = _object(
        source={"enum": ["resource", "account", "organizational_unit"]},
        source_id=_TEXT,
        tag=_TEXT,
        value=_TEXT,
        until={"type": ["string", "null"], "description": "The last day that it counts; null: for good."},
        reason=_MAYBE_TEXT,
        malformed={"type": "boolean"},
    )
    return {"anyOf": [exemption, {"type": "null"}]}


def _resource() -> dict[str, Any]:
    return {"account_id": _ACCOUNT, "region": _TEXT, "kind": _TEXT, "resource_id": _TEXT, "arn": _TEXT}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": list(properties), "properties": properties}


def _rows(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _enum(values: Any) -> dict[str, Any]:
    return {"enum": [value.value for value in values]}

"""The events that a hub puts on an event bus, for programs: their types, and the shape of their detail.

docs/notifications.md has the schema that is made from these types. A key may be added in a later release; none of these
goes away, or changes what it means, without another `schema_version`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from orchestrator.core.model.notification import Occasion
from orchestrator.core.report.endings import ended_by
from orchestrator.core.report.messages.message import Event
from orchestrator.core.report.messages.occasions import occasion_of

SCHEMA_VERSION = 1
DETAIL_TYPES: Mapping[Occasion, str] = {
    Occasion.PLANNED: "Sweep Planned",
    Occasion.HELD: "Sweep Held",
    Occasion.COMPLETED: "Sweep Completed",
    Occasion.INCOMPLETE: "Sweep Incomplete",
    Occasion.MISSED: "Sweep Missed",
}
MOST_ROWS = 50
_LONGEST_TEXT = 2_000
_STRICT = ConfigDict(extra="forbid")


@with_config(_STRICT)
class HeldByDetail(TypedDict):
    """A guardrail that held the whole sweep."""

    name: Annotated[str, Field(description="Such as `max_stops`.")]
    limit: Annotated[float, Field(description="By the policy.")]
    actual: Annotated[float, Field(description="Of the plan.")]
    account_id: Annotated[str | None, Field(description="Set for a limit per account.")]
    detail: Annotated[str, Field(description="What the numbers do not say; mostly empty.")]


@with_config(_STRICT)
class MoneyDetail(TypedDict):
    """What the sweep is worth, where prices were asked for."""

    currency: Annotated[str, Field(description="`USD`.")]
    made_up: Annotated[bool, Field(description="The prices are an example's, and mean nothing.")]
    forecast_net: Annotated[float, Field(description="What the plan's stops save, as far as it is known.")]
    forecast_unknown: Annotated[int, Field(description="Stops of which it is not known.")]
    measured_net: Annotated[float, Field(description="What earlier stops saved, as this sweep saw them.")]
    sweep_cost: Annotated[float, Field(description="What the sweep itself cost.")]


@with_config(_STRICT)
class SweepDetail(TypedDict):
    """The detail of every event. Of a missed sweep, which has no report, it has the first ten keys and `error`."""

    schema_version: Annotated[int, Field(description="1.")]
    sweep_id: Annotated[str, Field(description="Sortable by time.")]
    policy_name: Annotated[str, Field(description="By which it sweeps.")]
    policy_sha256: Annotated[str, Field(description="Empty where it was missed.")]
    mode: Annotated[str, Field(description="`plan`, `approve`, `enforce`, `apply` or `undo`.")]
    status: Annotated[
        str,
        Field(
            description="`complete`, `incomplete`, `held`, `awaiting_approval`, `aborted`, `failed`, `abandoned` or "
            "`missed`."
        ),
    ]
    started_at: Annotated[str, Field(description="ISO 8601 in UTC. Of a missed sweep: when it was to begin.")]
    finished_at: Annotated[str | None, Field(description="Likewise; null where it was missed.")]
    source_sweep_id: Annotated[str | None, Field(description="The sweep that was applied or undone.")]
    asked_by: Annotated[str, Field(description="Who asked for the sweep: the caller's ARN, and the local user.")]
    error: Annotated[str, Field(description="What ended it early, or why it was missed; empty otherwise.")]
    organization_id: NotRequired[Annotated[str, Field(description="Of AWS Organizations.")]]
    totals: NotRequired[Annotated[dict[str, int], Field(description="Those of report.json.")]]
    held_by: NotRequired[Annotated[list[HeldByDetail], Field(description="At most 50.")]]
    consent_missing: NotRequired[
        Annotated[str, Field(description="Why it only planned although a schedule asked it to act; empty otherwise.")]
    ]
    report: NotRequired[Annotated[str, Field(description="Where report.json is.")]]
    as_of: NotRequired[Annotated[str, Field(description="Of a preview that warns: the moment that it decided for.")]]
    money: NotRequired[Annotated[MoneyDetail, Field(description="Missing where no prices were asked for.")]]


def event_of(document: Mapping[str, Any], location: str) -> Event:
    """Of a sweep that has a report, which is at that location."""
    detail: SweepDetail = {
        "schema_version": SCHEMA_VERSION,
        **{  # type: ignore[typeddict-item]  # the report's own keys
            name: document[name]
            for name in ("sweep_id", "policy_name", "policy_sha256", "mode", "status", "started_at", "finished_at")
        },
        "source_sweep_id": document["source_sweep_id"],
        "asked_by": document["asked_by"][:_LONGEST_TEXT],
        "error": ended_by(document["error"])[:_LONGEST_TEXT],
        "organization_id": document["organization_id"],
        "totals": dict(document["totals"]),
        "held_by": [_held_by(row) for row in document["guardrails"] if not row["passed"]][:MOST_ROWS],
        "consent_missing": document["consent_missing"][:_LONGEST_TEXT],
        "report": location,
    }
    if document.get("as_of"):
        detail["as_of"] = document["as_of"]
    money = document.get("money")
    if money:
        detail["money"] = {
            "currency": money["currency"],
            "made_up": money["made_up"],
            "forecast_net": money["forecast"]["net"],
            "forecast_unknown": money["forecast"]["unknown_resources"],
            "measured_net": money["measured"]["net"],
            "sweep_cost": money["sweep_cost"],
        }
    return Event(DETAIL_TYPES[occasion_of(document)], detail)


def missed_event(missed: Mapping[str, Any]) -> Event:
    """Of a sweep that never began, by its summary (SweepSummary.as_row)."""
    detail: SweepDetail = {
        "schema_version": SCHEMA_VERSION,
        "sweep_id": missed["sweep_id"],
        "policy_name": missed["policy_name"],
        "policy_sha256": "",
        "mode": missed["mode"],
        "status": missed["status"],
        "started_at": missed["started_at"],
        "finished_at": None,
        "source_sweep_id": None,
        "asked_by": missed["asked_by"][:_LONGEST_TEXT],
        "error": missed["error"][:_LONGEST_TEXT],
    }
    return Event(DETAIL_TYPES[Occasion.MISSED], detail)


def event_json_schema() -> dict[str, Any]:
    """Draft 2020-12, of the detail of every event."""
    made = TypeAdapter(SweepDetail).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "SweepDetail"}


def _held_by(row: Mapping[str, Any]) -> HeldByDetail:
    return {
        "name": row["name"],
        "limit": row["limit"],
        "actual": row["actual"],
        "account_id": row["account_id"],
        "detail": str(row.get("detail", ""))[:_LONGEST_TEXT],
    }

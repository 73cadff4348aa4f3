"""How messages name things: resources, times, money."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.core.model.units import instances_text
from orchestrator.core.report.messages.message import one_line


def resource_line(row: Mapping[str, Any]) -> str:
    """A decision's resource: `web-1 (i-0abc), m7g.large, in dev (111122223333) eu-central-1`."""
    name, resource_id = one_line(row["name"], 60), row["resource_id"]
    shown = f"{name} ({resource_id})" if name and name != resource_id else resource_id
    kind = ", ".join(filter(None, (row["kind"] if row["kind"] != "ec2" else "", row.get("type", ""))))
    shown = f"{shown}{kind and f', {kind}'}"
    shown += f" ({instances_text(row['units'])})" if "units" in row else ""
    return f"{shown}, in {account_text(row)} {row['region']}"


def account_text(row: Mapping[str, Any]) -> str:
    """Its name with its id."""
    name = one_line(row.get("account_name") or "", 60)
    return f"{name} ({row['account_id']})" if name else str(row["account_id"])


def moment_text(at: datetime, zone: ZoneInfo) -> str:
    """`2026-11-24 19:00 UTC`, and in the policy's zone where it has another: `2026-11-24 19:00 UTC (20:00 CET)`."""
    local = at.astimezone(zone)
    beside = "" if local.utcoffset() == at.utcoffset() else f" ({_local(local, at)})"
    return f"{at:%Y-%m-%d %H:%M} UTC{beside}"


def _local(local: datetime, at: datetime) -> str:
    day = "" if local.date() == at.date() else f"{local:%Y-%m-%d} "
    return f"{day}{local:%H:%M} {local.tzname()}"


def dollars(amount: float) -> str:
    """`$1,234.50`."""
    return f"-${-amount:,.2f}" if amount < 0 else f"${amount:,.2f}"


def net_text(net: float, unknown: int) -> str:
    """What is known, and of how many it is not; never an unknown amount as 0."""
    left = f"; of {unknown:,} it is not known" if unknown else ""
    return f"{dollars(net)}{left}"

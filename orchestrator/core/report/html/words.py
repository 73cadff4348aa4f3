"""The words of the page for the status of a target: short, for a table's cell."""

from __future__ import annotations

from orchestrator.core.model import TargetStatus

COVERAGE = {
    TargetStatus.SCANNED: ("✓", "read"),
    TargetStatus.DENIED: ("D", "denied"),
    TargetStatus.FAILED: ("F", "failed"),
    TargetStatus.NOT_ATTEMPTED: ("N", "not attempted"),
    TargetStatus.REGION_DISABLED: ("–", "region disabled"),  # noqa: RUF001 - a dash as pages have it
    TargetStatus.SUSPENDED: ("S", "account suspended"),
    TargetStatus.EXCLUDED: ("X", "excluded by the policy"),
    TargetStatus.OPTED_OUT: ("O", "account opted out"),
    TargetStatus.NOT_OFFERED: ("·", "not offered in the region"),
}
"""A sign for a cell of the map, and what it means."""
LEFT_OUT = {
    TargetStatus.REGION_DISABLED: "disabled",
    TargetStatus.SUSPENDED: "suspended",
    TargetStatus.EXCLUDED: "excluded by the policy",
    TargetStatus.OPTED_OUT: "opted out",
    TargetStatus.NOT_OFFERED: "without the service",
}
"""After so many accounts or regions."""

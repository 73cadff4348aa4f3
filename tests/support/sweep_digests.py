"""Digests of sweeps, as the index has them."""

from __future__ import annotations

from typing import Any, cast

from orchestrator.core.report.document import Row, report_document
from orchestrator.core.report.sweep_digest import SweepDigest, digest_of_document
from tests.support.builders import a_coverage, a_report


def a_document(**fields: Any) -> Row:
    return report_document(a_report(**fields))


def numbered_id(number: int) -> str:
    return f"20261123T{number // 60 % 24:02}{number % 60:02}00Z-{number:06x}"


def a_digest(number: int = 0, **fields: Any) -> SweepDigest:
    """Of a sweep that saw one target and did nothing."""
    made = digest_of_document(a_document(coverage=(a_coverage(),)))
    return cast("SweepDigest", {**made, "sweep_id": numbered_id(number), **fields})

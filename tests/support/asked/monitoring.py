"""What calls of CloudWatch ask IAM for, which does not call it by the name that it signs for."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.demo.calls import Call
from tests.support.permissions import Asked


def asked(call: Call) -> Iterator[Asked]:
    yield Asked(f"cloudwatch:{call.action}")

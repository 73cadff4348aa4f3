"""What a call of the Resource Groups Tagging API asks for: IAM knows it by another name than it signs for."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.demo.calls import Call
from tests.support.permissions import Asked


def asked(call: Call) -> Iterator[Asked]:
    yield Asked(f"tag:{call.action}")

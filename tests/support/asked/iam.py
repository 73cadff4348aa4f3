"""What a call of IAM asks for: a simulation, the role that it is about."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.demo.calls import Call
from tests.support.permissions import Asked


def asked(call: Call) -> Iterator[Asked]:
    yield Asked(f"iam:{call.action}", call.form.get("PolicySourceArn", "*"))

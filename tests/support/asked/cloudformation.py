"""What a call of CloudFormation asks for: of a StackSet, which is the management account's, whoever made it."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.demo.calls import Call
from tests.support.embedded import MANAGEMENT
from tests.support.permissions import Asked


def asked(call: Call) -> Iterator[Asked]:
    name = f"stackset/{call.form['StackSetName']}:0a1b2c3d"
    yield Asked(f"cloudformation:{call.action}", f"arn:aws:cloudformation:{call.region}:{MANAGEMENT}:{name}")

"""What had no readable character in AWS's answer is kept, also where only conditions look at it."""

from __future__ import annotations

from orchestrator.core.model.unreadable import UNREADABLE_CHARACTER, spare_unreadable
from tests.support.builders import a_resource


def test_a_detail_that_cannot_be_read_keeps_the_resource() -> None:
    resource = spare_unreadable(a_resource(details={"key_name": f"prod{UNREADABLE_CHARACTER}", "vpc": "vpc-1"}))
    assert resource.obstacle is not None
    assert "its key_name" in resource.obstacle.sentence
    assert resource.details == {"key_name": "prod\ufffd", "vpc": "vpc-1"}

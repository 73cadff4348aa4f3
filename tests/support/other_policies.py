"""Another team's policy, active in the embedded AWS's table and stored in its bucket."""

from __future__ import annotations

from hashlib import sha256

from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.core.model import ActivePolicy
from orchestrator.demo.organization import BUCKET, TABLE
from orchestrator.ledger.ledger import Ledger
from tests.support.builders import AT
from tests.support.embedded import OrganizationBuilder


def activate_other(hub: OrganizationBuilder, name: str, body: str) -> str:
    """As deploying the hub with it does; the key of its text."""
    key, text = f"policies/{name}.yaml", f"version: 1\nname: {name}\n{body}\n"
    hub.client("s3").put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    active = ActivePolicy(
        sha256(text.encode()).hexdigest(), "bob", "2026-11-23T18:00:00Z", source=f"s3://{BUCKET}/{key}"
    )
    ledger_of(hub).activate_policy(name, active)
    return key


def ledger_of(hub: OrganizationBuilder) -> Ledger:
    """The table, as its administrator has it."""
    return Ledger(DynamoItems(hub.client("dynamodb"), TABLE, lambda _seconds: None), lambda: AT)

"""Consent without a question, as a person gives it with --yes."""

from __future__ import annotations

from orchestrator.core.model import ActivePolicy, ConsentHow, Question
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import Runtime


def say_yes(_: Question) -> ConsentHow | None:
    return ConsentHow.YES


def activate(ledger: Ledger, policy: OrgPolicy) -> None:
    """As deploying the hub with this policy does, after its typed yes."""
    ledger.activate_policy(policy.name, ActivePolicy(policy.sha256, "ann", "2026-11-23T18:00:00Z"))


CONSENTING = Runtime(confirm=say_yes)

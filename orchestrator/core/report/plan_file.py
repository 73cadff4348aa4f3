"""A plan as a file, frozen at the barrier: to be applied later, or resumed after a crash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from pydantic import TypeAdapter, ValidationError

from orchestrator.core.model import (
    NO_NAMES,
    Account,
    Coverage,
    Decision,
    Decisions,
    GuardrailResult,
    Mode,
    Names,
    OrganizationalUnit,
    OtherPolicy,
    Plan,
    Violation,
)
from orchestrator.core.report.manifest import sha256_of
from orchestrator.errors import PlanError

PLAN_FILE = "plan.json"
PLAN_FORMAT = 2


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """Everything that carrying out needs to know. `sha256` of the file is in the ledger and in the manifest."""

    sweep_id: str
    mode: Mode
    policy_name: str
    policy_sha256: str
    organization_id: str
    organization_sha256: str
    created_at: datetime
    expires_at: datetime
    decisions: tuple[Decision, ...]
    coverage: tuple[Coverage, ...]
    guardrails: tuple[GuardrailResult, ...]
    compliance: tuple[Violation, ...] = ()
    names: Names = NO_NAMES
    others: tuple[OtherPolicy, ...] = ()
    """The other active policies that it was decided by, without their texts."""
    format: int = 1
    """PLAN_FORMAT; the release before wrote none."""

    @property
    def plan(self) -> Plan:
        """The plan as it was at the barrier."""
        return Plan(self.sweep_id, self.policy_sha256, self.organization_id, self.decisions, self.coverage)

    @property
    def decided(self) -> Decisions:
        """Its decisions with their compliance."""
        return Decisions(self.decisions, self.compliance)


@cache
def _adapter() -> TypeAdapter[StoredPlan]:
    """Made for the first plan: it takes 50 ms."""
    return TypeAdapter(StoredPlan)


def plan_bytes(stored: StoredPlan) -> bytes:
    """The file, from which `plan_from` reads an equal plan."""
    return _adapter().dump_json(stored)


def plan_from(content: bytes, sha256: str | None) -> StoredPlan:
    """The plan in a file. Raises PlanError when it is not the one whose hash was recorded, or is no plan."""
    if sha256 is not None and sha256_of(content) != sha256:
        raise PlanError(f"{PLAN_FILE} was altered: its SHA-256 is not the one that was recorded when it was planned")
    try:
        stored = _adapter().validate_json(content)
    except ValidationError as invalid:
        _require_format(_format_of(content))
        raise PlanError(
            f"{PLAN_FILE} is no plan: {invalid.error_count()} problems, the first: {_first(invalid)}"
        ) from None
    _require_format(stored.format)
    return stored


def _require_format(number: object) -> None:
    if number != PLAN_FORMAT:
        raise PlanError(f"{PLAN_FILE} has the format of another release of this program; plan again")


def _format_of(content: bytes) -> object:
    """Of what is no plan of this release: one of another has other fields too."""
    try:
        document = json.loads(content)
    except ValueError:
        return PLAN_FORMAT
    return document.get("format", 1) if isinstance(document, dict) and "sweep_id" in document else PLAN_FORMAT


def organization_sha256(accounts: Iterable[Account]) -> str:
    """Changes when an account comes, goes, moves, changes state, or its tags or those of an OU above it change."""
    rows = [
        [
            account.id,
            account.state,
            account.ou_path,
            *_tags(account),
            [_tags(unit) for unit in account.organizational_units],
        ]
        for account in sorted(accounts, key=lambda one: one.id)
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _tags(carrier: Account | OrganizationalUnit) -> tuple[list[tuple[str, str]], bool]:
    """With whether they could be read at all."""
    return sorted(carrier.tags.items()), carrier.tags_error is None


def _first(invalid: ValidationError) -> str:
    error = invalid.errors()[0]
    return f"{'.'.join(str(part) for part in error['loc']) or 'document'}: {error['msg']}"

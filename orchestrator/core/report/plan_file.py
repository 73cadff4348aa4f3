"""A plan as a file, frozen at the barrier: to be applied later, or resumed after a crash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from io import BytesIO
from itertools import groupby, islice
from typing import Any

from pydantic import TypeAdapter, ValidationError

from orchestrator.core.model import (
    NO_NAMES,
    NOT_NARROWED,
    Account,
    Coverage,
    Decision,
    Decisions,
    GuardrailResult,
    Inventory,
    Mode,
    Names,
    Narrowing,
    OrganizationalUnit,
    OtherPolicy,
    Plan,
    ProductionAccount,
    RegisteredOptOut,
    Violation,
)
from orchestrator.core.model.order import Order
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
    opt_outs: tuple[RegisteredOptOut, ...] = ()
    narrowed: Narrowing = NOT_NARROWED
    production: tuple[ProductionAccount, ...] = ()
    """Earlier releases wrote none."""
    account_owners: Mapping[str, str] = field(default_factory=dict)
    """As of SweepReport: whoever carries the plan out lists no accounts. Earlier releases wrote none."""
    account_contacts: Mapping[str, str] = field(default_factory=dict)
    order: Order = field(default_factory=dict)
    """In which it is carried out. Earlier releases wrote none, and carried out everything at once."""

    @property
    def plan(self) -> Plan:
        """The plan as it was at the barrier."""
        return Plan(
            self.sweep_id,
            self.policy_sha256,
            self.organization_id,
            self.decisions,
            self.coverage,
            self.narrowed,
            self.order,
        )

    @property
    def inventory(self) -> Inventory:
        """What is known of the targets without the resources in them."""
        return Inventory(
            self.organization_id,
            coverage=self.coverage,
            names=self.names,
            others=self.others,
            production=self.production,
            account_owners=self.account_owners,
            account_contacts=self.account_contacts,
        )

    @property
    def decided(self) -> Decisions:
        """Its decisions with their compliance and the register of opt-outs."""
        return Decisions(self.decisions, self.compliance, self.opt_outs)


_ROW_TYPES: Mapping[str, Any] = {
    "decisions": Decision,
    "coverage": Coverage,
    "compliance": Violation,
    "opt_outs": RegisteredOptOut,
}
"""What there is much of, in the order of the file. Each row has a line of its own, so that a large plan is written and
read some rows at a time: in JSON's strings there are no line feeds.
"""
NOT_STORED_OF_DECISION: Any = {"resource": {"created_at", "details"}}
"""What only deciding looks at, which is done."""
_NOT_STORED: Mapping[str, Any] = {"decisions": NOT_STORED_OF_DECISION}
_BEGIN = {name: f'"{name}":['.encode() for name in _ROW_TYPES}
_ROWS_AT_ONCE = 500


@cache
def _adapter() -> TypeAdapter[StoredPlan]:
    """Made for the first plan: it takes 50 ms."""
    return TypeAdapter(StoredPlan)


@cache
def _row_adapters() -> Mapping[str, tuple[TypeAdapter[Any], TypeAdapter[Any]]]:
    """Of one row, and of several."""
    return {
        name: (TypeAdapter(row), TypeAdapter(tuple[row, ...]))  # type: ignore[valid-type]  # a type all the same
        for name, row in _ROW_TYPES.items()
    }


def plan_bytes(stored: StoredPlan) -> bytes:
    """The file, from which `plan_from` reads an equal plan."""
    file = BytesIO()  # joined, the pieces would be in memory twice
    for chunk in plan_chunks(stored):
        file.write(chunk)
    return file.getvalue()


def plan_chunks(stored: StoredPlan) -> Iterator[bytes]:
    """The same piece by piece."""
    left = _adapter().dump_json(replace(stored, decisions=(), coverage=(), compliance=(), opt_outs=()))
    for name, (adapter, _) in _row_adapters().items():
        head, begin, left = left.partition(_BEGIN[name])
        yield head + begin
        rows: Sequence[Any] = getattr(stored, name)
        before = b"\n"
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[start : start + _ROWS_AT_ONCE]
            yield before + b",\n".join(adapter.dump_json(row, exclude=_NOT_STORED.get(name)) for row in some)
            before = b",\n"
        yield b"\n"
    yield left


def plan_from(content: bytes, sha256: str | None) -> StoredPlan:
    """The plan in a file. Raises PlanError when it is not the one whose hash was recorded, or is no plan."""
    if sha256 is not None and sha256_of(content) != sha256:
        raise PlanError(f"{PLAN_FILE} was altered: its SHA-256 is not the one that was recorded when it was planned")
    try:
        stored = _by_lines(content)
    except ValidationError as invalid:
        _require_format(_format_of(content))
        raise PlanError(
            f"{PLAN_FILE} is no plan: {invalid.error_count()} problems, the first: {_first(invalid)}"
        ) from None
    _require_format(stored.format)
    return stored


def _by_lines(content: bytes) -> StoredPlan:
    """Read at once, the whole of it would be in memory a second time while it is made into objects.

    One that the release before wrote is all in its first line. Raises ValidationError.
    """
    rows: dict[str, list[Any]] = {name: [] for name in _ROW_TYPES}
    rest: list[bytes] = []
    try:
        for name, lines in groupby(_lines(content), _Places()):
            if not name:
                rest += lines
            while name and (some := b"".join(islice(lines, _ROWS_AT_ONCE))):
                rows[name] += _row_adapters()[name][1].validate_json(b"[%s]" % some.removesuffix(b","))
        stored = _adapter().validate_json(b"".join(rest))
    except ValidationError:
        return _adapter().validate_json(content)  # what is wrong is told with its place in the whole
    return replace(
        stored,
        decisions=(*stored.decisions, *rows["decisions"]),
        coverage=(*stored.coverage, *rows["coverage"]),
        compliance=(*stored.compliance, *rows["compliance"]),
        opt_outs=(*stored.opt_outs, *rows["opt_outs"]),
    )


def _lines(content: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(content):
        end = content.find(b"\n", start)
        end = end if end >= 0 else len(content)
        yield content[start:end]
        start = end + 1


class _Places:
    """Of which of the rows each line is one, asked line by line; empty for what is between them."""

    def __init__(self) -> None:
        self._name = ""

    def __call__(self, line: bytes) -> str:
        if self._name and line.startswith(b"{"):
            return self._name
        self._name = next((name for name, begin in _BEGIN.items() if line.endswith(begin)), "")
        return ""


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

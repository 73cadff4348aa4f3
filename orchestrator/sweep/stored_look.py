"""What a stored report tells of one resource, without asking AWS: its decision, and the policy that it was made by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from orchestrator.core.decide.explain import Explanation, LimitTrace, OutcomeTrace, explain_decision, rules_unknown
from orchestrator.core.model import Account, Mode, ReasonCode, ResourceKey
from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.report.document import Row
from orchestrator.core.report.stored_inventory import (
    StoredKinds,
    names_not_stored,
    stored_accounts,
    stored_decision,
)
from orchestrator.core.report.stored_report import read_document
from orchestrator.errors import PlanError, PolicyError, ReportStoreError
from orchestrator.ports import Stores
from orchestrator.sweep.coordination import get_sweep
from orchestrator.sweep.dead_sweeps import policy_of

_FROM_REPORT = (
    "a report has no states, no ids of OUs, and of the tags of accounts and OUs only those that its decisions looked "
    "at: what depends on others is unknown here"
)


def read_report(stores: Stores, sweep_id: str) -> Row:
    """The document of a stored report. Raises ReportStoreError."""
    content = stores.store.read(sweep_id, "report.json")
    try:
        return read_document([content])
    except ValueError as damaged:
        raise ReportStoreError(f"the report of {sweep_id} is damaged: {damaged}") from damaged


def find_resources(document: Row, means: Callable[[ResourceKey], bool]) -> list[ResourceKey]:
    """Those that a report has and that are meant. Raises ReportStoreError."""
    with _damaged(document):
        return [key for row in document["decisions"] if means(key := ResourceKey.from_row(row))]


def near_id(document: Row, resource_id: str) -> str:
    """The id in a report that was most likely meant, as the hint of a message; empty where none is near. Raises
    ReportStoreError.
    """
    ids = {key.resource_id: None for key in find_resources(document, lambda _: True)}
    near = "" if resource_id in ids else nearest(resource_id, ids)
    return f" (did you mean {near}?)" if near else ""


def explain_stored(stores: Stores, document: Row, key: ResourceKey, kinds: StoredKinds) -> Explanation:
    """As that sweep decided it. Verdict and sentence are the report's own. Raises ReportStoreError."""
    with _damaged(document):
        return _explained(stores, document, key, kinds)


@contextmanager
def _damaged(document: Row) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        name = document.get("sweep_id", "that sweep")
        raise ReportStoreError(
            f"the report of {name} is damaged: it is no report ({type(wrong).__name__}: {wrong})"
        ) from wrong


def _explained(stores: Stores, document: Row, key: ResourceKey, kinds: StoredKinds) -> Explanation:
    decision = stored_decision(next(row for row in document["decisions"] if ResourceKey.from_row(row) == key), kinds)
    own = [row for row in document["decisions"] if row["account_id"] == key.account_id]
    accounts = stored_accounts((row for row in document["coverage"] if row["account_id"] == key.account_id), own)
    at = datetime.fromisoformat(document.get("as_of") or document["started_at"])
    limits = tuple(_limit(row) for row in document["guardrails"] if row["account_id"] in (None, key.account_id))
    policy, why = policy_of_sweep(stores, document["sweep_id"])
    account = accounts.account(key.account_id)
    if policy is None or document["mode"] == Mode.UNDO:
        why = why or "an undo follows the sweep that it undoes, and no rule"
        found = rules_unknown(decision, account, at, document["policy_name"], document["policy_sha256"])
    else:
        named = policy.with_unresolved(names_not_stored(policy, document["unresolved_names"]))

        def account_for(rule: Rule) -> Account:
            return accounts.account_for(named, rule, decision.resource, at)

        found = explain_decision(named, decision, account_for, account, at)
    notes = (_FROM_REPORT, *([f"its rules are not told: {why}"] if why else []))
    others = (decision.reason,) if decision.reason_code is ReasonCode.OWNED_BY_TWO_POLICIES else ()
    return replace(
        found, sweep_id=document["sweep_id"], limits=limits, others=others, outcome=_outcome(document, key), notes=notes
    )


def _outcome(document: Row, key: ResourceKey) -> OutcomeTrace | None:
    row = next((row for row in document["outcomes"] if ResourceKey.from_row(row) == key), None)
    if row is None:
        return None
    names = ("status", "code", "message", "requested_at", "verified_at")
    return OutcomeTrace(*(str(row.get(name) or "") for name in names))


def policy_of_sweep(stores: Stores, sweep_id: str) -> tuple[OrgPolicy | None, str]:
    """As it was when the sweep began; else why it is not known."""
    try:
        return policy_of(stores, get_sweep(stores, sweep_id)), ""
    except (PlanError, PolicyError, ReportStoreError) as lost:
        return None, str(lost)


def _limit(row: Row) -> LimitTrace:
    return LimitTrace(row["name"], row["limit"], row["actual"], row["passed"], row["account_id"], row.get("detail", ""))

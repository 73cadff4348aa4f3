"""The barrier: a whole plan held against every limit before the first stop. The only maker of an ApprovedPlan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from orchestrator.core.model import (
    ALL_REGIONS,
    GUARDRAILS_SEAL,
    UNREADABLE,
    AccountId,
    ApprovedPlan,
    Coverage,
    GuardrailResult,
    HeldPlan,
    Plan,
    TargetStatus,
)
from orchestrator.core.policy.schema import Guardrails

_RUNNING = "running"


def hold_against(plan: Plan, limits: Guardrails, unknown_account_weight: Callable[[], int]) -> ApprovedPlan | HeldPlan:
    """Every limit that the policy sets, checked; one broken limit holds the whole plan.

    `unknown_account_weight` says how many targets an account weighs whose regions are not known (the hub account's
    regions in scope); asked only when there is such an account.
    """
    results = tuple(_results(plan, limits, unknown_account_weight))
    if all(result.passed for result in results):
        return ApprovedPlan(plan, results, GUARDRAILS_SEAL)
    return HeldPlan(plan, results)


def _results(plan: Plan, limits: Guardrails, unknown_account_weight: Callable[[], int]) -> Iterator[GuardrailResult]:
    stops = Counter(decision.resource.target.account_id for decision in plan.stops)
    running = Counter(
        decision.resource.target.account_id for decision in plan.decisions if decision.resource.state == _RUNNING
    )
    if limits.max_stops is not None:
        yield _at_most("max_stops", limits.max_stops, stops.total())
    if limits.max_stops_percent is not None:
        yield _at_most("max_stops_percent", limits.max_stops_percent, _percent(stops.total(), running.total()))
    yield from _per_account(limits, stops, running)
    if limits.min_coverage_percent is not None:
        actual = coverage_percent(plan.coverage, unknown_account_weight)
        passed = actual >= limits.min_coverage_percent
        yield GuardrailResult("min_coverage_percent", limits.min_coverage_percent, actual, passed)


def _per_account(
    limits: Guardrails, stops: Mapping[AccountId, int], running: Mapping[AccountId, int]
) -> Iterator[GuardrailResult]:
    for account_id in sorted(stops):
        limit, count = limits.per_account.max_stops, stops[account_id]
        if limit is not None:
            yield _at_most("per_account.max_stops", limit, count, account_id)
        percent = limits.per_account.max_stops_percent
        if percent is not None:
            actual = _percent(count, running[account_id])
            yield _at_most("per_account.max_stops_percent", percent, actual, account_id)


def _at_most(name: str, limit: float, actual: float, account_id: AccountId | None = None) -> GuardrailResult:
    return GuardrailResult(name, limit, actual, actual <= limit, account_id)


def _percent(part: int, whole: int) -> float:
    """Exact up to the last step: one division, of whole numbers."""
    return part * 100 / max(whole, 1)


def coverage_percent(coverage: Iterable[Coverage], unknown_account_weight: Callable[[], int]) -> float:
    """The share of targets in scope that were read; 100 when there was nothing to read.

    Left out on purpose (excluded, opted out, suspended) and disabled regions are not in scope.
    """
    scanned = missed = unknown_accounts = 0
    for row in coverage:
        if row.status is TargetStatus.SCANNED:
            scanned += 1
        elif row.status in UNREADABLE:
            missed += row.region != ALL_REGIONS
            unknown_accounts += row.region == ALL_REGIONS
    if unknown_accounts:
        missed += unknown_accounts * unknown_account_weight()  # asked once: it costs a call to AWS
    return 100.0 if scanned + missed == 0 else scanned * 100 / (scanned + missed)

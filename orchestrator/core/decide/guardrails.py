"""The barrier: a whole plan held against every limit before the first action. The only maker of an ApprovedPlan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from types import MappingProxyType

from orchestrator.core.decide.members import Members, belongs_to_another
from orchestrator.core.decide.other_policies import why_unread
from orchestrator.core.model import (
    GUARDRAILS_SEAL,
    NO_NAMES,
    AccountId,
    ApprovedPlan,
    Coverage,
    GuardrailResult,
    HeldPlan,
    NameEffect,
    Names,
    OtherPolicy,
    Plan,
    Resource,
    ResourceKey,
    ResourceState,
    TargetStatus,
    coverage_weights,
)
from orchestrator.core.model.units import UNITS, units_of, units_text
from orchestrator.core.policy.schema.limits import AccountLimits, Guardrails

MIN_COVERAGE = "min_coverage_percent"
NAMES_RESOLVED = "names_resolved"
OTHERS_KNOWN = "other_policies_known"
Weight = Callable[[], int | None]
"""How many targets an account weighs whose regions are not known (the hub account's regions in scope); None where that
is not known either.
"""


def hold_against(
    plan: Plan,
    limits: Guardrails,
    unknown_account_weight: Weight,
    frozen: Sequence[GuardrailResult] = (),
    names: Names = NO_NAMES,
    others: Sequence[OtherPolicy] = (),
    members: Members = MappingProxyType({}),
) -> ApprovedPlan | HeldPlan:
    """Every limit that the policy sets, checked; one broken limit holds the whole plan.

    `unknown_account_weight` is asked only when there is such an account. `frozen` is the verdict on the same plan when
    it was made: what held it then holds it for good. `names`: those of the policy that are names of nothing. `others`:
    the other active policies, each of which has to be known. `members`: what may belong to what, so that nothing counts
    beside its owner.
    """
    results = (*_names(names), *_others(others), *_results(plan, limits, unknown_account_weight, members))
    now = {(one.name, one.account_id): one for one in results}
    then = {(one.name, one.account_id): one for one in frozen if not one.passed}
    return hold_as_frozen(plan, tuple({**now, **then}.values()))


def hold_as_frozen(plan: Plan, results: tuple[GuardrailResult, ...]) -> ApprovedPlan | HeldPlan:
    """The verdict that was frozen with the plan: nothing is counted again after something was done of it."""
    if all(result.passed for result in results):
        return ApprovedPlan(plan, results, GUARDRAILS_SEAL)
    return HeldPlan(plan, results)


def hold_by_names(approved: ApprovedPlan, names: Names) -> ApprovedPlan | HeldPlan:
    """The frozen verdict, made stricter: `names` are those of the plan and what a later look found. Every other row
    stays.
    """
    others = (one for one in approved.guardrails if one.name != NAMES_RESOLVED)
    return hold_as_frozen(approved.plan, (*_names(names), *others))


def hold_by_others(approved: ApprovedPlan, others: Sequence[OtherPolicy]) -> ApprovedPlan | HeldPlan:
    """The frozen verdict, made stricter by the other active policies as they are by now. Every other row stays."""
    rest = (one for one in approved.guardrails if one.name != OTHERS_KNOWN)
    return hold_as_frozen(approved.plan, (*_others(others), *rest))


def for_undo(limits: Guardrails) -> Guardrails:
    """Without the shares: of what one sweep started, or stopped, nothing else was read that they could be of."""
    without = {"max_stops_percent": None, "max_starts_percent": None}
    return limits.model_copy(update={**without, "per_account": limits.per_account.model_copy(update=without)})


def _others(others: Sequence[OtherPolicy]) -> Iterator[GuardrailResult]:
    """A row where what one of them owns is not known: anything may be its own, and nothing says what is not."""
    unread = sum(bool(one.unread) for one in others)
    if unread:
        yield GuardrailResult(OTHERS_KNOWN, 0, unread, passed=False, detail=why_unread(others))


def _names(names: Names) -> Iterator[GuardrailResult]:
    """A row where there is such a name; it holds by those that were to leave something out of the sweep."""
    if names.unresolved:
        holding = sum(1 for _ in names.of(NameEffect.HOLDS))
        detail = "; ".join(one.text for one in names.unresolved)
        yield GuardrailResult(NAMES_RESOLVED, 0, holding, holding == 0, detail=detail)


def _results(
    plan: Plan, limits: Guardrails, unknown_account_weight: Weight, members: Members
) -> Iterator[GuardrailResult]:
    """Stops and starts each by themselves. The starts of an undo, which follow no rule, are limited by `max_stops`
    where no `max_starts` is set; a share of what runs says nothing about them.
    """
    stops, starts = _by_account(plan, starts=False), _by_account(plan, starts=True)
    by_rules = _by_account(plan, starts=True, by_rules=True)
    inside = belongs_to_another(plan.decisions, members)
    running, stopped = (_in_state(plan, one, inside) for one in (ResourceState.RUNNING, ResourceState.STOPPED))
    only_starts = not stops and bool(plan.decisions) and all(one.action.starts for one in plan.decisions)
    only_starts = (only_starts or (bool(starts) and not stops)) and not by_rules
    if limits.max_stops is not None and not only_starts:
        yield _at_most("max_stops", limits.max_stops, stops.total, stops.text)
    max_starts = _max_starts(limits, by_rules)
    if max_starts is not None and starts:
        yield _at_most("max_starts", max_starts, starts.total, starts.text)
    if limits.max_stops_percent is not None and not only_starts:
        actual = _percent(stops.total, running.total)
        yield _at_most("max_stops_percent", limits.max_stops_percent, actual, _share(stops, running))
    if limits.max_starts_percent is not None and by_rules:
        actual = _percent(by_rules.total, stopped.total)
        yield _at_most("max_starts_percent", limits.max_starts_percent, actual, _share(by_rules, stopped))
    yield from _per_account(limits.per_account, stops, starts, by_rules, running)
    yield from _starts_percent_per_account(limits.per_account, by_rules, stopped)
    if limits.max_tags is not None:
        yield _at_most("max_tags", limits.max_tags, plan.counts.tags)
    if limits.min_coverage_percent is not None:
        weight = _unknown_account_weight(plan.coverage, unknown_account_weight)
        actual = coverage_percent(plan.coverage, lambda: weight)
        passed = actual >= limits.min_coverage_percent
        yield GuardrailResult(MIN_COVERAGE, limits.min_coverage_percent, actual, passed, unknown_account_weight=weight)


class _Units:
    """What is counted, by account: the units of resources, and how many resources those are."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.by_account: Counter[AccountId] = Counter()
        self._resources: Counter[AccountId] = Counter()
        for one in resources:
            self.by_account[one.target.account_id] += units_of(one)
            self._resources[one.target.account_id] += 1

    def __bool__(self) -> bool:
        return bool(self._resources)

    @property
    def total(self) -> int:
        return self.by_account.total()

    @property
    def text(self) -> str:
        """What the number does not say: of how many resources it is, where those are not as many."""
        return units_text(self._resources.total(), self.total)

    def text_of(self, account_id: AccountId) -> str:
        """The same of one account."""
        return units_text(self._resources[account_id], self.by_account[account_id])


def _share(some: _Units, every: _Units) -> str:
    if not (some.text or every.text):
        return ""
    return f"{some.total:,} of {every.total:,} {UNITS}"


def _max_starts(limits: Guardrails | AccountLimits, by_rules: _Units) -> int | None:
    """Of an undo, that of the stops where there is none of its own."""
    if limits.max_starts is not None or by_rules:
        return limits.max_starts
    return limits.max_stops


def _in_state(plan: Plan, state: ResourceState, inside: Collection[ResourceKey]) -> _Units:
    """`inside`: what its owner counts already."""
    found = (one.resource for one in plan.decisions if one.resource.state is state)
    return _Units(one for one in found if not inside or one.key not in inside)


def _by_account(plan: Plan, *, starts: bool, by_rules: bool = False) -> _Units:
    """`by_rules`: without the starts of an undo."""
    return _Units(
        one.resource
        for one in plan.actions
        if one.action.starts is starts and not one.action.tags and (one.follows_a_rule or not by_rules)
    )


def _per_account(
    limits: AccountLimits, stops: _Units, starts: _Units, by_rules: _Units, running: _Units
) -> Iterator[GuardrailResult]:
    counted = (("max_stops", limits.max_stops, stops), ("max_starts", _max_starts(limits, by_rules), starts))
    for account_id in sorted({*stops.by_account, *starts.by_account}):
        for name, limit, counts in counted:
            if limit is not None and account_id in counts.by_account:
                text = counts.text_of(account_id)
                yield _at_most(f"per_account.{name}", limit, counts.by_account[account_id], text, account_id)
        if limits.max_stops_percent is not None and account_id in stops.by_account:
            actual = _percent(stops.by_account[account_id], running.by_account[account_id])
            text = stops.text_of(account_id)
            yield _at_most("per_account.max_stops_percent", limits.max_stops_percent, actual, text, account_id)


def _starts_percent_per_account(limits: AccountLimits, by_rules: _Units, stopped: _Units) -> Iterator[GuardrailResult]:
    if limits.max_starts_percent is None:
        return
    for account_id in sorted(by_rules.by_account):
        actual = _percent(by_rules.by_account[account_id], stopped.by_account[account_id])
        text = by_rules.text_of(account_id)
        yield _at_most("per_account.max_starts_percent", limits.max_starts_percent, actual, text, account_id)


def _at_most(
    name: str, limit: float, actual: float, detail: str = "", account_id: AccountId | None = None
) -> GuardrailResult:
    return GuardrailResult(name, limit, actual, actual <= limit, account_id, detail)


def _percent(part: int, whole: int) -> float:
    """Exact up to the last step: one division, of whole numbers."""
    return part * 100 / max(whole, 1)


def coverage_percent(coverage: Iterable[Coverage], unknown_account_weight: Weight) -> float:
    """The share of targets in scope that were read, kind by kind; 100 when there was nothing to read.

    Left out on purpose (excluded, opted out, suspended) and disabled regions are not in scope. An unknown weight counts
    against: then as good as nothing was read.
    """
    rows = tuple(coverage)
    weights = coverage_weights(rows, _unknown_account_weight(rows, unknown_account_weight))
    known = [weight for weight in weights if weight is not None]
    if len(known) < len(weights):
        return 0.0
    scanned = sum(row.status is TargetStatus.SCANNED for row in rows)
    return 100.0 if not sum(known) else scanned * 100 / sum(known)


def _unknown_account_weight(coverage: Iterable[Coverage], weight: Weight) -> int | None:
    """Asked once, and only where there is such an account: it costs a call to AWS."""
    return weight() if any(row.is_unknown_account for row in coverage) else None

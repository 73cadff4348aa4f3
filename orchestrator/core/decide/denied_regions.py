"""Regions that a service control policy denies in every account, as AWS Control Tower does: a hole in the coverage that
closes only when the policy leaves them out, so the line that does it is named.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from orchestrator.core.model import ALL_REGIONS, UNREADABLE, Coverage, HeldPlan, Region, TargetStatus
from orchestrator.core.model.aws_error_codes import says_denied_by_scp
from orchestrator.core.policy.schema.scope import RegionScope

_ASKED = UNREADABLE | {TargetStatus.SCANNED}


def regions_denied_everywhere(coverage: Iterable[Coverage]) -> tuple[Region, ...]:
    """Those that a service control policy denies in each account that was asked there, for each kind.

    None where that is so of every region: then it denies the reading, and not the regions.
    """
    denied: dict[Region, bool] = defaultdict(lambda: True)
    for row in coverage:
        if row.region != ALL_REGIONS and row.status in _ASKED:
            denied[row.region] &= row.status is TargetStatus.DENIED and says_denied_by_scp(row.detail)
    found = tuple(sorted(region for region, is_denied in denied.items() if is_denied))
    return () if len(found) == len(denied) else found


def exclude_advice(scope: RegionScope, regions: Iterable[Region]) -> str:
    """What to write into the policy, in one sentence with the exact line."""
    line = json.dumps([*dict.fromkeys((*scope.exclude, *regions))])
    instead = ", in place of the `exclude` that is there" if scope.exclude else ""
    return f"in the policy, under `regions`{instead}: exclude: {line}"


def denied_everywhere_text(regions: Iterable[Region]) -> str:
    """The finding, in one sentence."""
    return f"a service control policy denies these regions in every account that was asked: {', '.join(regions)}"


def explain_hold(held: HeldPlan, scope: RegionScope) -> HeldPlan:
    """The same plan; where too little was read and such regions are among it, its guardrail says what to write."""
    regions = regions_denied_everywhere(held.plan.coverage)
    if not regions:
        return held
    text = f"{denied_everywhere_text(regions)}; {exclude_advice(scope, regions)}"
    rows = (
        replace(one, detail=text) if one.name == "min_coverage_percent" and not one.passed else one
        for one in held.guardrails
    )
    return replace(held, guardrails=tuple(rows))

"""A policy about one resource that a person names: everything of theirs that spares, and a rule for that one."""

from __future__ import annotations

from typing import Any

import yaml

from orchestrator.core.model import ResourceKey
from orchestrator.core.policy.org_policy import OrgPolicy

_OF_THE_RULES = frozenset(
    {"rules", "conditions", "schedules", "sweeps", "required_tags", "waves", "abort_if_failures_percent"}
)
"""What says which resources, when and in which order: of one that a person names that is answered."""
_PERCENT = "_percent"
_STARTS = "max_starts"
"""It would leave stopped what the proof stopped: without it `max_stops` holds for the start too."""


def text_for_one(policy: OrgPolicy, key: ResourceKey) -> str:
    """YAML of a policy by whose name, scope, exclusions and ages the resource is looked at, and by whose one rule it
    may be stopped at any time. Opt-outs and obstacles hold as under any policy.

    Its rule accepts nothing that a rule has to accept. Of the guardrails only the counts stay, at 1 or as they are: one
    resource is 100 percent of itself.
    """
    kept = {name: value for name, value in policy.document.items() if name not in _OF_THE_RULES}
    rule = {
        "name": f"prove-{key.resource_id}",
        "kinds": [key.kind],
        "where": {"all": [{"account": [str(key.account_id)]}, {"region": [str(key.region)]}]},
    }
    made = {**kept, "rules": [rule], "guardrails": _guardrails(policy)}
    return str(yaml.safe_dump(made, sort_keys=False, allow_unicode=True))


def _guardrails(policy: OrgPolicy) -> dict[str, Any]:
    counts = _counts(dict(policy.document.get("guardrails") or {}))
    return {**counts, "max_stops": min(1, counts.get("max_stops", 1))}


def _counts(limits: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _counts(value) if isinstance(value, dict) else value
        for name, value in limits.items()
        if not name.endswith(_PERCENT) and name != _STARTS
    }

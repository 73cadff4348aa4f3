"""What of a policy came to nothing in a plan: rules that own no resource, and tag keys that no resource has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from orchestrator.core.model import Decision, UnseenTagKey
from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.org_policy import OrgPolicy


def idle_rules(policy: OrgPolicy, decisions: Sequence[Decision]) -> tuple[str, ...]:
    """The names of the rules that own nothing of what was read, in the policy's order; none where nothing was read."""
    owners = {decision.rule for decision in decisions}
    return tuple(rule.name for rule in policy.rules if rule.name not in owners) if decisions else ()


def unseen_tag_keys(policy: OrgPolicy, decisions: Sequence[Decision]) -> tuple[UnseenTagKey, ...]:
    """The keys of `tag` conditions that nothing has of what was read of the rule's kinds, with the nearest that is
    there; nothing is said of kinds of which nothing was read.
    """
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for decision in decisions:
        seen[decision.resource.kind].update(decision.resource.tags)
    found: dict[str, UnseenTagKey] = {}
    for rule in policy.rules:
        kinds = rule.kinds & seen.keys()
        there = set[str]().union(*(seen[kind] for kind in kinds))
        for key in sorted(set(rule.where.tag_keys()) - there) if kinds else ():
            before = found.get(key)
            rules = (*before.rules, rule.name) if before else (rule.name,)
            found[key] = UnseenTagKey(key, rules, nearest(key, sorted(there)))
    return tuple(found.values())

"""What is valid in a policy and has no use for the kinds that its rules are about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.yaml_document import Path

_HIBERNATE = "hibernate"


def kind_warnings(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    """The place of each, and what is the matter."""
    for number, rule in enumerate(policy.rules):
        place: Path = ("rules", number)
        yield from _named_twice(policy, place)
        if rule.action.stops:
            yield from _without_use(policy, rule, place)
    yield from _not_accepted(policy)
    yield from _members_unread(policy)
    for kind in policy.document.get("order") or ():
        if kind not in policy.kinds:
            yield ("order", kind), f"no rule names {kind}, so its order has no use; name it in one, or leave it out"


def _named_twice(policy: OrgPolicy, place: Path) -> Iterator[tuple[Path, str]]:
    written = _written(policy, place).get("kinds", ())
    for position, kind in enumerate(written):
        if kind in written[:position]:
            yield (*place, "kinds", position), f"the rule names {kind} twice; leave one out"


def _not_accepted(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    """Where a kind is named first of which each stop loses what no rule accepts; one may for some of them alone."""
    stopping = [(number, rule) for number, rule in enumerate(policy.rules) if rule.action.stops]
    for kind in sorted(policy.rule_uses):
        about = [(number, rule) for number, rule in stopping if kind in rule.kinds]
        needed = policy.rule_uses[kind].lost_by_each
        if not about or any(rule.accept.issuperset(one.word for one in needed) for _, rule in about):
            continue
        number, rule = about[0]
        lost = [one for one in needed if one.word not in rule.accept]
        words = ", ".join(sorted({*rule.accept, *(one.word for one in lost)}))
        text = f"each {kind} is kept: a stop of one loses its {' and '.join(one.what for one in lost)}; "
        yield ("rules", number), f"{text}if that may be, write `accept: [{words}]`, else leave {kind} out"


def _without_use(policy: OrgPolicy, rule: Rule, place: Path) -> Iterator[tuple[Path, str]]:
    """What the rule says and none of its kinds knows."""
    written, kinds = _written(policy, place), ", ".join(sorted(rule.kinds))
    if rule.action.value == _HIBERNATE and not any(_HIBERNATE in policy.rule_uses[one].actions for one in rule.kinds):
        text = f"AWS hibernates no {kinds}: they would be stopped; write `action: stop`"
        yield (*place, "action"), text
    if "started_by_hand" in written and not rule.start_told:
        text = f"`started_by_hand` has no meaning for {kinds}: AWS does not say when one was started; leave it out"
        yield (*place, "started_by_hand"), text
    if "stop_again" in written and not rule.kinds & policy.restarted_kinds:
        text = f"`stop_again` has no meaning for {kinds}: AWS starts none of these again by itself; leave it out"
        yield (*place, "stop_again"), text


def _members_unread(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    """Of each kind that has members, where it is stopped first."""
    told: set[str] = set()
    for number, rule in enumerate(policy.rules):
        for owner in sorted(rule.kinds - told) if rule.action.stops else ():
            told.add(owner)
            unread = sorted(
                kind
                for kind, owners in policy.members.items()
                if kind not in policy.kinds and any(one.kind == owner for one in owners)
            )
            for kind in unread:
                text = (
                    f"no rule names {kind}, so an opt-out on a member of a {owner} is not seen; put opt-outs on the "
                    f"{owner} itself, or name {kind} in a rule (with `action: notify` it stops none)"
                )
                yield ("rules", number, "kinds"), text


def _written(policy: OrgPolicy, place: Path) -> dict[str, Any]:
    """The rule as it stands in the document."""
    found: dict[str, Any] = policy.document["rules"][place[1]]
    return found

"""What is valid in a policy and probably not meant: a warning each, with its place and what to write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.core.policy.conditions.implied import Implications
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.schedules.windows import open_minute
from orchestrator.core.policy.yaml_document import Document, Path
from orchestrator.errors import PolicyProblem


def policy_warnings(policy: OrgPolicy) -> tuple[PolicyProblem, ...]:
    """In the order of their lines. Nothing of AWS is asked, so what only the organization tells is not among them."""
    document = Document(policy.document, dict(policy.lines))
    found = (
        *_open_minutes(policy),
        *_unused_schedules(policy),
        *_shadowed_rules(policy),
        *_without_limits(policy),
        *_tag_keys(policy),
    )
    problems = (document.problem(path, message) for path, message in found)
    return tuple(sorted(problems, key=lambda problem: problem.line or 0))


def _open_minutes(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    for name, schedule in policy.schedules.items():
        for number, text in enumerate(policy.document["schedules"][name]["running"]):
            message = open_minute(text, schedule.windows)
            if message is not None:
                yield ("schedules", name, "running", number), message


def _unused_schedules(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    used = {rule.schedule.name for rule in policy.rules if rule.schedule is not None}
    for name in policy.schedules:
        if name not in used:
            yield ("schedules", name), f"the schedule {name!r} is used by no rule; name it in one, or delete it"


def _shadowed_rules(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    implications = Implications()
    for number, rule in enumerate(policy.rules):
        shadows = _shadows(rule, policy.rules[:number], implications)
        if shadows:
            lines = (f"{policy.rules[one].name!r} (line {policy.lines['rules', one]})" for one in shadows)
            text = f"the rule {rule.name!r} can own nothing, because earlier rules own whatever it matches: "
            yield ("rules", number), f"{text}{' and '.join(lines)}; move it up, or delete it"


def _shadows(rule: Rule, earlier: Sequence[Rule], implications: Implications) -> list[int]:
    """The numbers of the earlier rules that leave it nothing, for each of its kinds the first one, or several that do
    so together; empty without them.
    """
    found: set[int] = set()
    for kind in rule.kinds:
        numbers = [number for number, one in enumerate(earlier) if kind in one.kinds]
        shadows = implications.shared(rule.where, [earlier[number].where for number in numbers])
        if not shadows:
            return []
        found |= {numbers[one] for one in shadows}
    return sorted(found)


def _without_limits(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    account = policy.guardrails.per_account
    limits = (
        policy.guardrails.max_stops,
        policy.guardrails.max_stops_percent,
        account.max_stops,
        account.max_stops_percent,
    )
    if policy.rules and all(limit is None for limit in limits):
        yield (
            ("guardrails",),
            "no guardrail limits how much a sweep stops; set one, such as `guardrails: {max_stops_percent: 60}`",
        )


def _tag_keys(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    """The role is deployed apart from the policy: nothing here tells whether it allows them."""
    for number, rule in enumerate(policy.rules):
        if rule.tags:
            keys = ",".join(sorted(rule.tags))
            text = f"the member role writes these tags only where its TagKeys has them: TagKeys={keys} in deploy.env"
            yield ("rules", number, "tags"), text

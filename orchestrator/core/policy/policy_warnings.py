"""What is valid in a policy and probably not meant: a warning each, with its place and what to write."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

from orchestrator.core.policy.conditions.definitions import SECTION, unused
from orchestrator.core.policy.conditions.implied import Implications, Wider
from orchestrator.core.policy.conditions.members import owns_only_members
from orchestrator.core.policy.kind_warnings import kind_warnings
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.schedule_warnings import schedule_warnings
from orchestrator.core.policy.schedules.from_tag import ScheduleFromTag
from orchestrator.core.policy.schedules.schedule import Schedule
from orchestrator.core.policy.yaml_document import Document, Path
from orchestrator.errors import PolicyProblem


def policy_warnings(policy: OrgPolicy) -> tuple[PolicyProblem, ...]:
    """In the order of their lines. Nothing of AWS is asked, so what only the organization tells is not among them."""
    document = Document(policy.document, dict(policy.lines))
    found = (
        *schedule_warnings(policy),
        *_unused_schedules(policy),
        *_unused_conditions(policy),
        *_shadowed_rules(policy),
        *_members_only(policy),
        *_without_limits(policy),
        *_tag_keys(policy),
        *kind_warnings(policy),
        *_words_for_values(policy),
    )
    problems = (document.problem(path, message) for path, message in found)
    return tuple(sorted(problems, key=lambda problem: problem.line or 0))


def _unused_schedules(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    if any(isinstance(rule.schedule, ScheduleFromTag) for rule in policy.rules):
        return  # a tag may name any of them
    used = {rule.schedule.name for rule in policy.rules if isinstance(rule.schedule, Schedule)}
    for name in policy.schedules:
        if name not in used:
            yield ("schedules", name), f"the schedule {name!r} is used by no rule; name it in one, or delete it"


def _unused_conditions(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    wheres = (rule["where"] for rule in policy.document.get("rules", ()))
    for name in unused(policy.document.get(SECTION, {}), wheres):
        yield (SECTION, name), f"the condition {name!r} is used by no rule; name it in one, or delete it"


def _shadowed_rules(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    shadows = _Shadows(policy.rules)
    for number, rule in enumerate(policy.rules):
        earlier = shadows.of(number)
        if earlier:
            lines = (f"{policy.rules[one].name!r} (line {policy.lines['rules', one]})" for one in earlier)
            text = f"the rule {rule.name!r} can own nothing, because earlier rules own whatever it matches: "
            yield ("rules", number), f"{text}{' and '.join(lines)}; move it up, or delete it"


class _Shadows:
    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._implications = Implications()
        kinds = {kind for rule in rules for kind in rule.kinds}
        self._numbers = {kind: [number for number, rule in enumerate(rules) if kind in rule.kinds] for kind in kinds}
        self._wider = {kind: Wider([rules[one].where for one in numbers]) for kind, numbers in self._numbers.items()}

    def of(self, number: int) -> list[int]:
        """The numbers of the earlier rules that leave it nothing, for each of its kinds the first one, or several that
        do so together; empty without them.
        """
        found: set[int] = set()
        for kind in self._rules[number].kinds:
            numbers, wider = self._numbers[kind], self._wider[kind]
            shadows = self._implications.shared(self._rules[number].where, wider, bisect_left(numbers, number))
            if not shadows:
                return []
            found |= {numbers[one] for one in shadows}
        return sorted(found)


def _members_only(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    for number, rule in enumerate(policy.rules):
        if owns_only_members(rule.where):
            text = (
                f"the rule {rule.name!r} can own only members of what would replace or terminate what is stopped, and "
                "these are kept whatever a rule says; own what they are members of, by its own kind, or delete it"
            )
            yield ("rules", number), text


def _without_limits(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    account = policy.guardrails.per_account
    limits = (
        policy.guardrails.max_stops,
        policy.guardrails.max_stops_percent,
        account.max_stops,
        account.max_stops_percent,
    )
    stopping = [rule for rule in policy.rules if rule.action.stops]
    if stopping and all(limit is None for limit in limits):
        yield (
            ("guardrails",),
            "no guardrail limits how much a sweep stops; set one, such as `guardrails: {max_stops_percent: 60}`",
        )
    limits_of_starts = (
        policy.guardrails.max_starts,
        policy.guardrails.max_starts_percent,
        account.max_starts,
        account.max_starts_percent,
    )
    if policy.starting_kinds and all(limit is None for limit in limits_of_starts):
        yield (
            ("guardrails",),
            "no guardrail limits how much a sweep starts; set one, such as `guardrails: {max_starts: 500}`",
        )


_FORMS = {"absent": "absent", "missing": "absent", "none": "absent", "present": "present", "exists": "present"}
"""Words that are a value of a tag by themselves, and most likely meant as the form that asks whether it is there."""


def _words_for_values(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    for section in ("rules", SECTION):
        for path, value in _values_of_tags(policy.document.get(section), (section,)):
            form = _FORMS.get(value.lower())
            if form is not None:
                text = f"`{value}` is a value that the tag has to have; whether it is there at all is {{{form}: true}}"
                yield path, text


def _values_of_tags(part: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """The texts that `tag` and `account_tag` ask for, wherever they stand in it."""
    if isinstance(part, list):
        for number, one in enumerate(part):
            yield from _values_of_tags(one, (*path, number))
    elif isinstance(part, dict):
        for name, one in part.items():
            place = (*path, name)
            if name in ("tag", "account_tag") and isinstance(one, dict):
                for key, value in one.items():
                    yield from _texts(value, (*place, key))
            elif name not in ("tags", "schedule"):
                yield from _values_of_tags(one, place)


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _texts(one, (*path, number))


def _tag_keys(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    """The role is deployed apart from the policy: nothing here tells whether it allows them."""
    for number, rule in enumerate(policy.rules):
        if rule.tags:
            keys = ",".join(sorted(rule.tags))
            text = f"the member role writes these tags only where its TagKeys has them: TagKeys={keys} in deploy.env"
            yield ("rules", number, "tags"), text

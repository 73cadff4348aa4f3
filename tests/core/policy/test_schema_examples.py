"""An editor shows for every key of a policy what it means and a value that is right, and never a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from orchestrator.core.policy.conditions.words import words_of
from orchestrator.core.policy.json_schema import policy_json_schema
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.policies import load

SCHEMA = policy_json_schema(DESCRIPTIONS)
VALIDATOR = Draft202012Validator(SCHEMA)
Place = tuple[str, ...]


def keys(part: Any, place: Place = ()) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """Every key that the schema names, at every depth, with its place in the schema."""
    if isinstance(part, dict):
        for name, key in part.get("properties", {}).items():
            yield (*place, name), key
        for name, below in part.items():
            yield from keys(below, (*place, *(() if name == "properties" else (name,))))
    elif isinstance(part, list):
        for number, one in enumerate(part):
            yield from keys(one, (*place, str(number)))


KEYS = dict(keys(SCHEMA))


def named_by_the_policy(part: Any) -> Iterator[Mapping[str, Any]]:
    """What stands at keys that whoever writes a policy names: schedules, conditions, tags."""
    if isinstance(part, dict):
        if isinstance(part.get("additionalProperties"), dict):
            yield part["additionalProperties"]
        for below in part.values():
            yield from named_by_the_policy(below)
    elif isinstance(part, list):
        for one in part:
            yield from named_by_the_policy(one)


def with_reference(part: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = part.get("$ref", "").removeprefix("#/$defs/")
    return {**SCHEMA["$defs"][reference], **part} if reference else part


def test_the_schema_has_an_id_that_no_host_has_to_answer_for() -> None:
    assert SCHEMA["$id"] == "urn:stop-orchestrator:policy:1"


def test_every_key_says_what_it_means_and_shows_a_value() -> None:
    assert [place for place, key in KEYS.items() if not key.get("description", "").endswith(".")] == []
    assert [place for place, key in KEYS.items() if not key.get("examples")] == []


def test_every_part_and_whatever_a_policy_names_itself_says_what_it_means() -> None:
    for part in (*SCHEMA["$defs"].values(), *map(with_reference, named_by_the_policy(SCHEMA))):
        assert part.get("description"), part


def test_every_example_fits_its_key() -> None:
    for key in KEYS.values():
        validator = VALIDATOR.evolve(schema={"$defs": SCHEMA["$defs"], **key})
        for example in key["examples"]:
            validator.validate(example)


# --- each in a whole policy -------------------------------------------------------------------------------------------

OFFICE = {"timezone": "UTC", "running": ["mon-fri 07:00-19:00"]}
Document = dict[str, Any]


def in_rule(entry: Document) -> Document:
    return {"rules": [{"name": "one", "where": "everything", **entry}]}


def in_schedule(entry: Document) -> Document:
    return {"schedules": {"other": {**OFFICE, **entry}}}


def in_exception(entry: Document) -> Document:
    return in_schedule({"except": [{"running": "none", **entry}]})


def around(day: str) -> Document:
    """An exception for the whole month of that day."""
    return {"from": f"{day[:-2]}01", "until": f"{day[:-2]}31"}


WITHIN: Mapping[str, Callable[[Document], Document]] = {
    "AccountLimits": lambda entry: {"guardrails": {"per_account": entry}},
    "ExceptDocument": in_exception,
    "Guardrails": lambda entry: {"guardrails": entry},
    "KeepForDocument": lambda entry: in_rule({"schedule": "office-hours", "started_by_hand": entry}),
    "KillSwitch": lambda entry: {"kill_switch": entry},
    "LineDocument": lambda entry: in_schedule({"running": [{"time": "07:00-19:00", **entry}]}),
    "Notice": lambda entry: in_rule({"notice": entry}),
    "OptOutLinks": lambda entry: {
        "opt_out": {"max_days": 9, "links": {"url": "https://a.example", "key": "alias/a", **entry}}
    },
    "OptOutRules": lambda entry: {"opt_out": entry},
    "OrganizationScope": lambda entry: {"organization": entry},
    "ProductionScope": lambda entry: {"production": entry},
    "RegionScope": lambda entry: {"regions": entry},
    "RequiredTagDocument": lambda entry: {"required_tags": {"Backup": entry}},
    "RuleDocument": in_rule,
    "ScheduleDocument": in_schedule,
    "ScheduleFromTagDocument": lambda entry: in_rule({"schedule": {"from_tag": ["Schedule"], **entry}}),
    "ContactDocument": lambda entry: {"owner_contacts": {"default": entry}},
    "ListenerDocument": lambda entry: {"notify": [entry]},
    "OwnerContactsDocument": lambda entry: {"owner_contacts": entry},
    "ScheduledSweepDocument": lambda entry: {
        "sweeps": [{"name": "a", "mode": "plan", **entry}],
        "owner_contacts": {"default": {"slack": "ssm:/slack"}},
    },
    "Wave": lambda entry: {"waves": [entry]},
}
"""By the part of the schema: the sections of a policy in which an entry of it stands."""
BESIDE: Mapping[tuple[str, str], Document] = {
    ("ExceptDocument", "running"): {"on": "12-31"},
    ("ExceptDocument", "reason"): {"on": "12-31"},
    ("OptOutRules", "links"): {"max_days": 14},
    ("RuleDocument", "start"): {"schedule": "office-hours"},
    ("RuleDocument", "started_by_hand"): {"schedule": "office-hours"},
    ("RuleDocument", "tags"): {"action": "tag"},
    ("ScheduleDocument", "timezone_tag"): {"timezone": "account"},
    ("ListenerDocument", "on"): {"slack": "ssm:/slack"},
    ("OwnerContactsDocument", "account_tag"): {"contacts": {"payments": {"slack": "ssm:/slack"}}},
    ("ScheduledSweepDocument", "notify_before"): {"rate": "1 hour"},
    ("ScheduledSweepDocument", "mode"): {"rate": "1 hour"},
    ("ScheduledSweepDocument", "name"): {"rate": "1 hour"},
    ("ScheduledSweepDocument", "timezone"): {"cron": "0 20 * * ? *"},
    ("ScheduledSweepDocument", "window_minutes"): {"rate": "1 hour"},
}
"""What a key does not stand without."""


def sections_of(place: Place, example: Any) -> Document:
    """The sections of a policy that say the example at its key."""
    if len(place) == 1:
        return {place[0]: example}
    part, key = place[1], place[-1]
    if part == "where":
        return in_rule(rule_with(place[4], place[5:], key, example))
    if part == "ExceptDocument" and key in ("from", "until"):
        return in_exception({**around(example), key: example})
    return WITHIN[part]({**BESIDE.get((part, key), {}), key: example})


def rule_with(word: str, deeper: Place, key: str, example: Any) -> Document:
    """A rule with that condition; `deeper`: where in it the key is."""
    if not deeper:
        return {"where": {word: example}, "kinds": kinds_with(word)}
    if word == "idle":
        return {"where": {word: {"cpu_below": 5, "for": "24h", key: example}}}
    if word not in ("tag", "account_tag"):
        return {"where": {word: {key: example}}}
    is_within_any_of = "any_of" in deeper[:-1]
    return {"where": {word: {"A": {"any_of": [{key: example}]} if is_within_any_of else {key: example}}}}


def kinds_with(word: str) -> list[str]:
    """One that has the condition; those that all have, `ec2` has."""
    return sorted(words_of(DESCRIPTIONS)[word].kinds or {"ec2"})[:1]


def test_every_example_is_right_in_a_whole_policy() -> None:
    for place, key in KEYS.items():
        for example in key["examples"]:
            document = {
                "version": 1,
                "name": "nonprod",
                "conditions": {"nonprod": {"tag": {"Environment": "dev"}}},
                **sections_of(place, example),
            }
            document["schedules"] = {"office-hours": OFFICE, **document.get("schedules", {})}
            VALIDATOR.validate(document)
            load(yaml.safe_dump(document))

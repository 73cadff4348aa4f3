"""The policy's JSON Schema says the same as `load_policy`, as far as a schema can."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from jsonschema import Draft202012Validator

from orchestrator.core.policy.json_schema import policy_json_schema
from orchestrator.errors import PolicyError
from orchestrator.kinds.ec2.description import EC2
from tests.support.policies import DESIGN_POLICY, HEAD, load
from tests.support.strategies import documents_of_every_form, policy_documents, quick

VALIDATOR = Draft202012Validator(policy_json_schema((EC2,)))


def test_the_schema_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(policy_json_schema((EC2,)))
    assert policy_json_schema((EC2,))["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


def test_the_schema_accepts_the_designs_document() -> None:
    VALIDATOR.validate(yaml.safe_load(DESIGN_POLICY))


@quick
@given(document=policy_documents(calendars=True) | documents_of_every_form())
def test_the_schema_accepts_whatever_loads(document: dict[str, Any]) -> None:
    load(yaml.safe_dump(document), kinds=(EC2,))
    VALIDATOR.validate(document)


@pytest.mark.parametrize(
    "body",
    [
        "guardrail: {}",
        "guardrails: {max_stops: -1}",
        "guardrails: {max_stops_percent: 120}",
        "guardrails: {per_account: {max_stop: 1}}",
        "rules: [{name: a}]",
        "rules: [{name: a b, where: everything}]",
        "rules: [{name: a, where: {}}]",
        "rules: [{name: a, where: all}]",
        "rules: [{name: a, where: {all: []}}]",
        "rules: [{name: a, where: {tags: {A: b}}}]",
        "rules: [{name: a, where: {all: {region: a}}}]",
        "rules: [{name: a, where: {any: region}}]",
        "rules: [{name: a, where: {any: [{}]}}]",
        "rules: [{name: a, where: {any: [region]}}]",
        "rules: [{name: a, where: {tag: {}}}]",
        "rules: [{name: a, where: {tag: Env}}]",
        "rules: [{name: a, where: {account_tag: [Env]}}]",
        "rules: [{name: a, where: {tag: {A: 5}}}]",
        "rules: [{name: a, where: {tag: {A: ['']}}}]",
        "rules: [{name: a, where: {not: {region: []}}}]",
        "rules: [{name: a, where: everything, kinds: [rds]}]",
        "rules: [{name: a, where: everything, kinds: []}]",
        "rules: [{name: a, where: everything, action: nuke}]",
        "rules: [{name: a, where: everything, schedule: }]",
        "guardrails: {max_stops: }",
        "abort_if_failures_percent: ",
        "waves: [{percent: }]",
        "waves: [{accounts: }]",
        "organization: {exclude_accounts: [111122223333]}",
        "organization: {exclude_accounts: ['123']}",
        "organization: {include: []}",
        "regions: {include: []}",
        "schedules: {a: {timezone: UTC, running: []}}",
        "schedules: {a: {running: [daily 00:00-24:00]}}",
        "schedules: {a: {timezone: UTC, running: {days: mon}}}",
        "schedules: {a: {timezone: UTC, running: [{day: mon, time: 07:00-08:00}]}}",
        "schedules: {a: {timezone: UTC, running: 07:00-08:00, holidays: []}}",
        "schedules: {a: {timezone: UTC, running: 07:00-08:00, except: [{on: 12-24}]}}",
        "schedules: {a: {timezone: UTC, running: 07:00-08:00, except: [{'on': 24.12., running: none}]}}",
        "schedules: {a: {timezone: UTC, running: 07:00-08:00, timezone_tag: }}",
        "required_tags: Owner",
        "notify: team-a",
        "owners: team-a",
        "max_tag_age: 5",
        "max_tag_age: 5 minutes",
        "max_fact_age: ",
        "rules:",
    ],
)
def test_the_schema_and_the_loader_refuse_the_same_document(body: str) -> None:
    assert not VALIDATOR.is_valid(yaml.safe_load(HEAD + body))
    with pytest.raises(PolicyError):
        load(HEAD + body, kinds=(EC2,))


def test_every_condition_and_section_in_the_schema_has_a_description() -> None:
    schema = policy_json_schema((EC2,))
    words = schema["$defs"]["where"]["anyOf"][1]["properties"]
    assert all(word["description"] for word in words.values())
    assert set(schema["required"]) == {"version", "name"}


def test_every_default_in_the_schema_may_be_written_into_a_policy() -> None:
    schema = policy_json_schema((EC2,))
    for part in (schema, *schema["$defs"].values()):
        for word in part.get("properties", {}).values():
            if "default" in word:
                VALIDATOR.evolve(schema={"$defs": schema["$defs"], **word}).validate(word["default"])

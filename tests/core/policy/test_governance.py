"""What a policy asks of tags: opt-outs that are too long or misplaced, required tags with the values that are right."""

from __future__ import annotations

from datetime import date

import pytest

from orchestrator.core.decide.compliance import Asked, violations
from orchestrator.core.decide.decisions import decide
from orchestrator.core.model import Account, ReasonCode, Resource, Violation
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG, REASON_TAG
from orchestrator.errors import PolicyError
from orchestrator.kinds.registry import KINDS
from tests.support.builders import AT, a_policy, a_resource, a_unit, an_account

TODAY = date(2026, 11, 23)
WHY = {REASON_TAG: "demo"}


def found(policy: str, *resources: Resource, account: Account | None = None) -> tuple[Violation, ...]:
    account = account or an_account()
    return violations(resources, (account,), Asked.by(a_policy(policy)), TODAY)


def named(policy: str, tags: dict[str, str]) -> list[str]:
    return [row.violation for row in found(policy, a_resource(tags=tags))]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("2027-02-21", []),
        ("2027-02-22", ["opt_out_too_long"]),
        ("true", ["opt_out_too_long"]),
        ("yes", ["malformed_opt_out"]),
        ("2026-11-01", ["expired_opt_out"]),
    ],
)
def test_an_opt_out_that_ends_later_than_max_days_from_now_or_never_is_too_long(value: str, names: list[str]) -> None:
    assert named("opt_out: {max_days: 90}", {OPT_OUT_TAG: value, **WHY}) == names


def test_a_violation_says_what_would_be_right() -> None:
    [row] = found("opt_out: {max_days: 90}", a_resource(tags={OPT_OUT_TAG: "true", **WHY}))
    right = f"which is {OPT_OUT_TAG}=2027-02-21"
    assert row.detail == f"{OPT_OUT_TAG}=true has no end; the policy allows 90, {right}"
    [row] = found("opt_out: {max_days: 90}", a_resource(tags={OPT_OUT_TAG: "2027-11-23", **WHY}))
    assert row.detail == f"{OPT_OUT_TAG}=2027-11-23 ends in 365 days; the policy allows 90, {right}"


def test_a_reason_is_asked_for_unless_the_policy_says_that_none_is_needed() -> None:
    tags = {OPT_OUT_TAG: "2026-12-31"}
    assert named("opt_out: {max_days: 90}", tags) == ["opt_out_without_reason"]
    assert named("opt_out: {require_reason: true}", tags) == ["opt_out_without_reason"]
    assert named("opt_out: {require_reason: false}", tags) == []


def test_without_max_days_one_that_never_ends_is_called_as_before() -> None:
    assert named("opt_out: {allowed_on: [resource]}", {OPT_OUT_TAG: "true", **WHY}) == ["never_ending_opt_out"]


@pytest.mark.parametrize("allowed", ["organizational_unit", "account", "resource"])
def test_one_on_what_may_not_carry_it_is_misplaced(allowed: str) -> None:
    tags = {OPT_OUT_TAG: "2026-12-31", **WHY}
    account = an_account(tags=tags, organizational_units=(a_unit("/A", tags),))
    rows = found(f"opt_out: {{allowed_on: [{allowed}]}}", a_resource(tags=tags), account=account)
    carriers = {row.carrier for row in rows if row.violation == "opt_out_not_allowed_here"}
    assert carriers == {"organizational_unit", "account", "resource"} - {allowed}
    assert len(rows) == len(carriers)


@pytest.mark.parametrize("value", ["true", "2035-01-01", "yes"])
def test_whatever_a_policy_asks_an_opt_out_is_honoured(value: str) -> None:
    policy = a_policy(
        "opt_out: {max_days: 1, require_reason: true, allowed_on: []}\nrules: [{name: a, where: everything}]"
    )
    decision = decide(policy, a_resource(tags={OPT_OUT_TAG: value}), an_account(), AT)
    assert decision.reason_code is ReasonCode.EXEMPT


NO_VALUE = "must be `present`, or a list of the values that are right, such as [dev, test], not"
REQUIRED = """
required_tags:
  Owner: present
  Environment: [dev, test, "prod-*"]
  Backup: {values: [daily, weekly], kinds: [rds]}
"""


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("dev", None),
        ("prod-eu", None),
        ("Dev", "the tag Environment is 'Dev' (did you mean 'dev'?); right would be: dev, test, prod-*"),
        ("labs", "the tag Environment is 'labs'; right would be: dev, test, prod-*"),
        ("=cmd()", "the tag Environment is '=cmd()'; right would be: dev, test, prod-*"),
    ],
)
def test_a_value_that_is_not_allowed_is_wrong_and_told_what_would_be_right(value: str, detail: str | None) -> None:
    rows = found(REQUIRED, a_resource(tags={"Owner": "ann", "Environment": value}))
    assert [(row.violation, row.detail) for row in rows] == (
        [("wrong_required_tag", detail)] if detail is not None else []
    )


def test_a_tag_that_is_not_there_is_missing_and_told_which_values_it_may_have() -> None:
    rows = found(REQUIRED, a_resource(tags={"Owner": " "}))
    assert [(row.violation, row.detail) for row in rows] == [
        ("missing_required_tag", "the tag Environment is missing; right would be: dev, test, prod-*"),
        ("missing_required_tag", "the tag Owner is empty"),
    ]


def test_a_tag_may_be_required_of_some_kinds_only() -> None:
    assert "Backup" not in str(found(REQUIRED, a_resource()))
    only = "required_tags: {Backup: {values: [daily], kinds: [ec2]}, Owner: {kinds: [rds]}}"
    assert [row.violation for row in found(only, a_resource())] == ["missing_required_tag"]


def test_a_row_names_the_account_and_the_owner_of_its_carrier() -> None:
    account = an_account(tags={"Owner": "team", OPT_OUT_TAG: "true"}, name="shop", ou="/A")
    tags = {OPT_OUT_TAG: "true"}
    rows = found("", a_resource("i-1", tags=tags), a_resource("i-2", tags={**tags, "Owner": "ann"}), account=account)
    assert {(row.resource_id, row.account_name, row.owner) for row in rows} == {
        (account.id, "shop", "team"),
        ("i-1", "shop", "team"),
        ("i-2", "shop", "ann"),
    }


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        (
            "required_tags: {Owner: presnt}",
            "required_tags.Owner",
            f"`Owner` {NO_VALUE} 'presnt' (did you mean `present`?)",
        ),
        ("required_tags: {Env: []}", "required_tags.Env", "`Env` must have at least one entry"),
        ("required_tags: {Env: [1]}", "required_tags.Env[0]", "this entry must be text, not 1"),
        (
            "required_tags: {Env: {valus: [a]}}",
            "required_tags.Env.valus",
            "the key `valus` is unknown (did you mean `values`?); known here: values, kinds",
        ),
        (
            "required_tags: {Env: {kinds: [ec3]}}",
            "required_tags.Env.kinds[0]",
            f"this entry must be {', '.join(map(repr, KINDS[:-1]))} or {KINDS[-1]!r}, not 'ec3'",
        ),
        ("required_tags: {'': present}", 'required_tags.""', "`` must not be empty: it is the key of a tag"),
        ("opt_out: {max_days: 0}", "opt_out.max_days", "`max_days` must be at least 1, not 0"),
        ("opt_out: {max_days: }", "opt_out.max_days", "`max_days` has no value; give it one or leave the key out"),
        (
            "opt_out: {allowed_on: [acount]}",
            "opt_out.allowed_on[0]",
            "this entry must be 'organizational_unit', 'account' or 'resource', not 'acount'; did you mean 'account'?",
        ),
        ("owner_tag: ''", "owner_tag", "`owner_tag` must not be empty"),
    ],
)
def test_mistakes_have_their_place_and_what_would_be_right(body: str, path: str, message: str) -> None:
    with pytest.raises(PolicyError) as refused:
        a_policy(body)
    [problem] = refused.value.problems
    assert (problem.path, problem.message.partition("; put it in quotes")[0]) == (path, message)

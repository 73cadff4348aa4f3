"""Regions that a service control policy denies everywhere are found, and nothing else is called so."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide import scope
from orchestrator.core.decide.denied_regions import exclude_advice, explain_hold, regions_denied_everywhere
from orchestrator.core.model import (
    AwsError,
    Coverage,
    GuardrailResult,
    HeldPlan,
    Plan,
    Region,
    TargetStatus,
)
from orchestrator.core.model.aws_error_codes import coverage_of
from orchestrator.core.policy.schema.scope import RegionScope
from tests.support.builders import an_account

ONE, TWO = "111111111111", "222222222222"
BY_SCP = "with an explicit deny in a service control policy"
NAMES = ("ap-south-1", "eu-central-1", "eu-west-1", "us-east-1")


def denied(account: str, region: str, why: str = BY_SCP, kind: str = "ec2") -> Coverage:
    status, detail = coverage_of(AwsError("UnauthorizedOperation", why), "ec2:DescribeInstances")
    return scope.coverage_row(an_account(account), Region(region), status, detail, kind)


def row(account: str, region: str, status: TargetStatus = TargetStatus.SCANNED, kind: str = "ec2") -> Coverage:
    return scope.coverage_row(an_account(account), Region(region), status, "", kind)


READ = (row(ONE, "eu-central-1"), row(TWO, "eu-central-1"))
BOTH = (denied(ONE, "eu-west-1"), denied(TWO, "eu-west-1"))


def test_a_region_that_is_denied_in_every_account_that_was_asked_is_named() -> None:
    elsewhere = scope.whole_account(an_account("333333333333"), TargetStatus.DENIED, "no role")
    disabled = row("444444444444", "eu-west-1", TargetStatus.REGION_DISABLED)
    assert regions_denied_everywhere([*READ, *BOTH, elsewhere, disabled]) == ("eu-west-1",)


@pytest.mark.parametrize(
    "other",
    [
        row(TWO, "eu-west-1"),
        row(TWO, "eu-west-1", TargetStatus.FAILED),
        row(TWO, "eu-west-1", TargetStatus.NOT_ATTEMPTED),
        denied(TWO, "eu-west-1", "because no identity-based policy allows it"),
        row(ONE, "eu-west-1", kind="rds"),
    ],
)
def test_a_region_that_one_account_or_kind_was_not_denied_by_a_policy_is_not_named(other: Coverage) -> None:
    assert regions_denied_everywhere([*READ, denied(ONE, "eu-west-1"), other]) == ()


def test_where_every_region_is_denied_no_region_is() -> None:
    assert regions_denied_everywhere(BOTH) == regions_denied_everywhere([]) == ()


@given(
    excluded=st.sets(st.sampled_from(["us-west-*", "eu-[a-w]*-9", "mars-1"])),
    found=st.sets(st.sampled_from(NAMES), min_size=1),
)
def test_the_line_leaves_out_those_regions_and_what_was_left_out_before(excluded: set[str], found: set[str]) -> None:
    before = RegionScope(exclude=tuple(sorted(excluded)))
    _, _, line = exclude_advice(before, [Region(one) for one in sorted(found)]).partition(": ")
    after = RegionScope(include=before.include, exclude=tuple(yaml.safe_load(line)["exclude"]))
    left = {name for name in (*NAMES, "us-west-2") if scope.region_in_scope(after, Region(name))}
    assert left == {one for one in (*NAMES, "us-west-2") if scope.region_in_scope(before, Region(one))} - found


def test_only_the_guardrail_that_too_little_was_read_for_says_so() -> None:
    rows = (
        GuardrailResult("max_stops", 1, 2, passed=False),
        GuardrailResult("min_coverage_percent", 80, 50, passed=False),
    )
    held = HeldPlan(Plan("sweep", "policy", "o-example", (), (*READ, *BOTH)), rows)
    explained = explain_hold(held, RegionScope())
    assert [one.detail.rpartition(": ")[2] for one in explained.guardrails] == ["", '["eu-west-1"]']
    assert replace(explained, guardrails=rows) == held
    passed = replace(held, guardrails=(rows[0], replace(rows[1], passed=True)))
    assert explain_hold(passed, RegionScope()) == passed

"""A diagnosis at a terminal of 80 columns."""

from __future__ import annotations

import io
from dataclasses import replace

import yaml

from orchestrator.cli.doctor_tables import print_diagnosis
from orchestrator.cli.terminal import SafeConsole
from orchestrator.core.diagnosis import accounts, hub
from orchestrator.core.diagnosis.checks import Asked, Check, Diagnosis, diagnosis_document
from orchestrator.core.model import NameEffect, Names, Region, TargetStatus, UnresolvedName
from orchestrator.core.model.aws_error import AwsError
from orchestrator.core.model.aws_error_codes import coverage_of
from orchestrator.core.policy.schema.scope import RegionScope
from tests.support.builders import a_coverage, an_account

NOT_ASKED = "nothing to ask about"
DENIED = tuple(f"{part}-{number}" for part in ("ap-south", "ca-central", "eu-north", "us-west") for number in range(4))


def test_the_line_that_leaves_out_denied_regions_is_one_line_however_many_they_are() -> None:
    _, detail = coverage_of(AwsError("AccessDenied", "with an explicit deny in a service control policy"), "ec2:Read")
    rows = [replace(a_coverage(TargetStatus.DENIED, region), detail=detail) for region in DENIED]
    check = hub.denied_regions([*rows, a_coverage(region="eu-central-1")], RegionScope())
    assert check is not None
    file = io.StringIO()
    print_diagnosis(SafeConsole(file=file, width=80), Diagnosis((check,)))
    [line] = [one for one in file.getvalue().splitlines() if "exclude:" in one]
    assert yaml.safe_load(line[line.index("exclude:") :]) == {"exclude": sorted(DENIED)}


def printed(*checks: Check) -> list[str]:
    file = io.StringIO()
    print_diagnosis(SafeConsole(file=file, width=80), Diagnosis(checks))
    return [" ".join(line.split()) for line in file.getvalue().splitlines()]


def permission(account: str, action: str, *, optional: bool = False, is_asked: bool = False) -> Check:
    asked = Asked(action, optional=optional, not_asked="" if is_asked else NOT_ASKED)
    return accounts.permission(an_account(account), Region("eu-central-1"), asked)


ONE, TWO, THREE = (str(number) * 12 for number in (1, 2, 3))
ROLES = [accounts.role_assumed(an_account(one)) for one in (ONE, TWO, THREE)]


def test_what_need_not_be_checked_is_a_line_each_for_all_accounts_and_a_row_each_for_programs() -> None:
    checks = [permission(one, "ec2:StartInstances", optional=True) for one in (ONE, TWO)]
    checks += [permission(THREE, "ec2:StartInstances", optional=True, is_asked=True)]
    checks += [permission(ONE, "elasticloadbalancing:DescribeTargetHealth", optional=True)]
    lines = printed(*ROLES, *checks)
    assert [line.split()[-1] for line in lines if line.startswith((ONE, TWO, THREE))] == ["ok"] * 3
    at = lines.index("Not checked: --format json says why of each")
    assert [line.strip() for line in lines[at + 1 : at + 3]] == [
        "ec2:StartInstances in 2 accounts",
        "elasticloadbalancing:DescribeTargetHealth in 1 account",
    ]
    rows = diagnosis_document(Diagnosis(tuple(checks)))["checks"]
    assert [row["detail"] for row in rows if row["status"] == "not_checked"] == [NOT_ASKED] * 3


def test_kinds_that_could_not_be_checked_have_a_line_each_after_ec2_and_what_to_do_once() -> None:
    where, why, advice = Region("eu-central-1"), "it may not be asked", "roll the member role out with more"
    kinds = ("asg", "rds")
    checks = [
        accounts.not_simulated(an_account(one), where, kind, ["x:Y"], why, advice)
        for kind in kinds
        for one in (ONE, TWO)
    ]
    lines = printed(*ROLES, *checks, permission(ONE, "ec2:StartInstances", optional=True))
    at = lines.index("Not checked: --format json says why of each")
    assert [line.strip() for line in lines[at + 1 : at + 5]] == [
        "ec2:StartInstances in 1 account",
        "asg (no dry runs) in 2 accounts",
        "rds (no dry runs) in 2 accounts",
        f"-> {advice}",
    ]


def test_what_could_be_checked_in_no_account_is_in_that_line_too() -> None:
    """RDS has no dry runs."""
    text = " ".join(printed(*ROLES, *(permission(one, "rds:StopDBInstance") for one in (ONE, TWO))))
    assert "Not checked: --format json says why of each rds:StopDBInstance in 2 accounts" in text
    assert "not checked" not in text


def test_what_one_account_lacks_to_be_checked_is_counted_in_its_row() -> None:
    lines = printed(
        *ROLES,
        permission(ONE, "ec2:StopInstances", is_asked=True),
        permission(TWO, "ec2:StopInstances"),
        permission(TWO, "ec2:CreateTags"),
        permission(ONE, "ec2:CreateTags", is_asked=True),
    )
    assert [line.endswith("2 not checked") for line in lines if line.startswith((ONE, TWO))] == [False, True]
    assert "Not checked" not in " ".join(lines)


def test_each_name_that_is_not_resolved_has_its_own_lines() -> None:
    names = ["'/Tset' is no OU of the organization", "'us-wset-2' matches no region of any partition"]
    said = " ".join(printed(*(hub.names_resolved(Names(tuple(map(unresolved, names)))))))
    assert all(one in said for one in names)


def unresolved(text: str) -> UnresolvedName:
    return UnresolvedName("organization.exclude[0]", 5, "organizational_unit", "/Tset", NameEffect.HOLDS, text, "/Test")

"""Which changes of which parameters are shown in red; no parameter is forgotten."""

from __future__ import annotations

import pytest

from cloudformation.assemble import read_source
from cloudformation.inputs import TEMPLATES
from cloudformation.loosening import LOOSENS, loosens
from cloudformation.parameters import parameters_of
from tests.packaging.conftest import ROOT

KEY, OTHER_KEY = "arn:aws:kms:eu-central-1:111122223333:key/a", "arn:aws:kms:eu-central-1:111122223333:key/b"


def test_every_parameter_of_every_template_says_how_it_loosens() -> None:
    declared = {
        name for path in TEMPLATES.values() for name in parameters_of(read_source(ROOT / "cloudformation" / path))
    }
    assert declared - LOOSENS.keys() == set(), (
        "a parameter is new: add a line for it to LOOSENS in cloudformation/loosening.py. Ask what a change lets "
        "happen that could not happen before (more is stopped, let in or deleted earlier, less is told or protected) "
        "and take the function that says so; `neutral` where neither value allows more"
    )
    assert LOOSENS.keys() - declared == set(), "no template has it any more: take its line out of LOOSENS"


@pytest.mark.parametrize(
    ("name", "before", "now"),
    [
        ("Mode", "plan", "approve"),
        ("Mode", "approve", "enforce"),
        ("MemberMode", "plan", "enforce"),
        ("MemberMode", "disabled", "plan"),
        ("PermissionsBoundaryArn", "arn:aws:iam::aws:policy/A", ""),
        ("PermissionsBoundaryArn", "arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/AdministratorAccess"),
        ("ExternalId", "secret", ""),
        ("OperatorArns", "a", "a,b"),
        ("OperatorArns", "", "b"),
        ("ApproverArns", "a", "b"),
        ("StartScope", "marked", "everything"),
        ("VolumeKeyArns", KEY, f"{KEY},{OTHER_KEY}"),
        ("TagKeys", "", "Owner-missing"),
        ("OrganizationalUnitIds", "ou-1", "ou-1,ou-2"),
        ("TargetIds", "ou-1,ou-2", "ou-1"),
        ("ObjectLockMode", "COMPLIANCE", "GOVERNANCE"),
        ("ObjectLockMode", "GOVERNANCE", "none"),
        ("ObjectLockDays", "30", "9"),
        ("ReportRetentionDays", "400", "99"),
        ("LogRetentionDays", "365", "30"),
        ("CoverageAlarmPercent", "80", "9"),
        ("AlarmEmail", "a@example.com", ""),
        ("KmsKeyArn", KEY, ""),
        ("SigningKeyArn", KEY, ""),
        ("AnchorName", "/anchor", ""),
        ("ReservedConcurrency", "0", "5"),
        ("ReservedConcurrency", "0", ""),
        ("ScheduleState", "DISABLED", "ENABLED"),
        ("TagValues", "enforce", "report"),
        ("FailureTolerancePercentage", "10", "100"),
        ("HubAccountId", "111122223333", "444455556666"),
        ("HubRoleName", "hub", "other"),
        ("KillSwitchName", "/pulled", "/other"),
        ("SomethingNew", "a", "b"),
    ],
)
def test_a_change_that_loosens_is_told_from_the_way_back(name: str, before: str, now: str) -> None:
    assert loosens(name, before, now)
    assert not loosens(name, before, before)
    both_ways = {"ApproverArns", "HubAccountId", "HubRoleName", "KillSwitchName", "SomethingNew"}
    if name not in both_ways and (name, now[-1:]) != ("PermissionsBoundaryArn", "s"):
        assert not loosens(name, now, before)


@pytest.mark.parametrize(
    ("name", "before", "now"),
    [
        ("KmsKeyArn", KEY, OTHER_KEY),
        ("AlarmEmail", "a@example.com", "b@example.com"),
        ("ReservedConcurrency", "5", "9"),
        ("MemorySize", "1769", "3000"),
        ("OperatorArns", "a, b", "b,a"),
    ],
)
def test_another_one_in_its_place_or_another_size_loosens_nothing(name: str, before: str, now: str) -> None:
    assert not loosens(name, before, now)

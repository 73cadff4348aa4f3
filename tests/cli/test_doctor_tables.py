"""A diagnosis at a terminal of 80 columns."""

from __future__ import annotations

import io
from dataclasses import replace

import yaml

from orchestrator.cli.doctor_tables import print_diagnosis
from orchestrator.cli.terminal import SafeConsole
from orchestrator.core.diagnosis import hub
from orchestrator.core.diagnosis.checks import Diagnosis
from orchestrator.core.model import TargetStatus
from orchestrator.core.model.aws_error import AwsError
from orchestrator.core.model.aws_error_codes import coverage_of
from orchestrator.core.policy.schema import RegionScope
from tests.support.builders import a_coverage

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

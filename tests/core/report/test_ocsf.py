"""Compliance as OCSF: each finding has what class 2003 of OCSF 1.5 requires (https://schema.ocsf.io/1.5.0)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestrator.core.model import Violation
from orchestrator.core.report.document import report_document
from orchestrator.core.report.ocsf import ocsf_findings, ocsf_lines
from tests.support.builders import ACCOUNT, REGION, SWEEP_ID, a_decision, a_report, a_resource

HOSTILE = '\u202e<img src=x onerror=alert(1)>\x1b[31m\n"'
TEXT = {"type": "string", "minLength": 1}


def an_object(required: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [*required],
        "properties": {**required, **more},
        "additionalProperties": False,
    }


CLASS_2003 = an_object(
    {
        "activity_id": {"enum": [0, 1, 2, 3, 99]},
        "category_uid": {"const": 2},
        "class_uid": {"const": 2003},
        "type_uid": {"const": 200301},
        "severity_id": {"enum": [0, 1, 2, 3, 4, 5, 6, 99]},
        "time": {"type": "integer", "minimum": 1_700_000_000_000},
        "metadata": an_object(
            {"version": {"const": "1.5.0"}, "product": an_object({"vendor_name": TEXT, "name": TEXT})},
            profiles={"const": ["cloud"]},
            correlation_uid=TEXT,
        ),
        "finding_info": an_object(
            {"uid": TEXT, "title": TEXT},
            desc={"type": "string"},
            types={"type": "array", "items": TEXT},
            created_time={"type": "integer"},
        ),
        "compliance": an_object(
            {"standards": {"type": "array", "minItems": 1, "items": TEXT}},
            control=TEXT,
            requirements={"type": "array", "items": TEXT},
            status={"const": "Fail"},
            status_id={"const": 3},
            status_detail={"type": "string"},
        ),
        "cloud": an_object(
            {"provider": {"const": "AWS"}},
            account=an_object({"uid": TEXT}, name=TEXT, type={"const": "AWS Account"}, type_id={"const": 10}),
            region=TEXT,
            org=an_object({"uid": TEXT}),
        ),
    },
    activity_name={"const": "Create"},
    category_name={"const": "Findings"},
    class_name={"const": "Compliance Finding"},
    type_name={"const": "Compliance Finding: Create"},
    severity={"const": "Low"},
    status={"const": "New"},
    status_id={"const": 1},
    message={"type": "string"},
    resources={
        "type": "array",
        "minItems": 1,
        "items": an_object(
            {"uid": TEXT, "type": TEXT},
            name=TEXT,
            labels={"type": "array", "items": TEXT},
            owner=an_object({"name": TEXT}),
            region=TEXT,
        ),
    },
)
"""What is required comes first in each object; `profiles: [cloud]` makes `cloud` so."""
RESOURCE = Violation(
    ACCOUNT, REGION, "i-1", "missing_required_tag", "Owner is missing", "ec2", "resource", "dev", "ann"
)
OF_ACCOUNT = Violation(ACCOUNT, "*", ACCOUNT, "opt_out_without_reason", HOSTILE, "*", "account", HOSTILE, HOSTILE)
DOCUMENT = report_document(
    a_report(
        decisions=(a_decision(a_resource("i-1", tags={"Name": HOSTILE, "Tier": "x"})), a_decision(a_resource("i-2"))),
        compliance=(RESOURCE, OF_ACCOUNT),
    )
)


@pytest.mark.parametrize("number", [0, 1])
def test_a_finding_has_all_that_its_class_requires_and_nothing_that_it_does_not_know(number: int) -> None:
    Draft202012Validator(CLASS_2003).validate([*ocsf_findings(DOCUMENT)][number])


def test_a_finding_says_of_what_it_is_in_which_account_and_of_which_sweep() -> None:
    first, second = ocsf_findings(DOCUMENT)
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1"
    labels = [f"Name={HOSTILE}", "Tier=x"]
    named = {"uid": arn, "type": "ec2", "name": HOSTILE, "labels": labels, "owner": {"name": "ann"}, "region": REGION}
    assert first["resources"] == [named]
    assert first["cloud"]["account"]["uid"] == ACCOUNT
    assert first["metadata"]["correlation_uid"] == SWEEP_ID
    assert first["compliance"]["control"] == "missing_required_tag"
    assert second["resources"] == [{"uid": ACCOUNT, "type": "AWS account", "owner": {"name": HOSTILE}}]
    assert "region" not in second["cloud"]


def test_the_same_violation_has_the_same_id_in_every_sweep_and_no_other_has_it() -> None:
    later = {**DOCUMENT, "sweep_id": "20261124T190000Z-7f3a9c", "finished_at": "2026-11-24T19:00:00Z"}
    ids = [[one["finding_info"]["uid"] for one in ocsf_findings(each)] for each in (DOCUMENT, later)]
    assert ids[0] == ids[1]
    assert len({*ids[0]}) == 2


def test_each_finding_is_a_line_that_no_terminal_acts_on() -> None:
    lines = b"".join(ocsf_lines(DOCUMENT)).splitlines(keepends=True)
    assert [json.loads(line) for line in lines] == [*ocsf_findings(DOCUMENT)]
    assert all(line.isascii() and line[:-1].decode().isprintable() and line.endswith(b"}\n") for line in lines)
    assert [*ocsf_lines(report_document(a_report()))] == []

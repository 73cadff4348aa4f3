"""A report's document read back from its file without all of its rows in memory."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orchestrator.core.model import OutcomeStatus, Violation
from orchestrator.core.report.document import plain_document, report_document
from orchestrator.core.report.files import report_files
from orchestrator.core.report.stored_document import StoredRows, document_from
from tests.support.builders import (
    ACCOUNT,
    REGION,
    a_coverage,
    a_decision,
    a_report,
    a_resource,
    an_outcome,
)

ODD = 'a "],"decisions":[{ \\ \n é'


def a_large_report(rows: int, text: str = ODD) -> bytes:
    some = [a_resource(f"i-{number}", tags={text: text}) for number in range(rows)]
    report = a_report(
        coverage=tuple(a_coverage(region=f"r-{number}", detail=text) for number in range(rows)),
        decisions=tuple(a_decision(one, reason=text) for one in some),
        outcomes=tuple(an_outcome(OutcomeStatus.FAILED, one, message=text) for one in some),
        compliance=tuple(Violation(ACCOUNT, REGION, one.resource_id, "missing", text) for one in some),
        error=text,
    )
    return report_files(report_document(replace(report, calls={"ec2:StopInstances": rows})))["report.json"]


@pytest.mark.parametrize("rows", [0, 1, 2, 250])
def test_it_is_the_document_that_was_written_and_its_files_are_the_same(rows: int) -> None:
    content = a_large_report(rows)
    document, whole = document_from(content), json.loads(content)
    assert all(isinstance(document[name], StoredRows) for name in ("coverage", "decisions", "outcomes", "compliance"))
    assert document == whole
    assert [*document] == [*whole]
    assert plain_document(document) == whole
    assert report_files(document) == report_files(whole)


def test_its_rows_can_be_read_as_often_as_a_list() -> None:
    rows = document_from(a_large_report(3))["decisions"]
    assert (len(rows), [*rows], [*rows]) == (3, rows, rows)
    assert (rows[0]["resource_id"], rows[-1]["resource_id"], len(rows[1:])) == ("i-0", "i-2", 2)
    assert rows != [*rows][:2]


@pytest.mark.parametrize("indent", [None, 2])
def test_one_with_other_whitespace_is_read_too(indent: int | None) -> None:
    whole = json.loads(a_large_report(2))
    assert document_from(json.dumps(whole, indent=indent).encode()) == whole


@pytest.mark.parametrize("content", [b"", b"{", b'{"decisions":[', b'{"decisions":[{}', b'{"a":1}}', b'{"a":1'])
def test_what_is_no_json_is_refused_as_such(content: bytes) -> None:
    with pytest.raises(ValueError, match="line 1 column"):
        document_from(content)

"""The answer of a Lambda, from the result of a sweep."""

from __future__ import annotations

import io
import json
import re

import pytest

from orchestrator.core.report.document import report_document
from orchestrator.lambdas.answers import answer_of
from orchestrator.lambdas.log import logger
from orchestrator.sweep.coordination import Ended
from tests.support.builders import a_report


def test_an_answer_says_why_a_scheduled_enforce_only_planned_and_else_nothing_of_it() -> None:
    why = "the policy has no active version"
    only_planned = answer_of(Ended(report_document(a_report(consent_missing=why)), "s3://b/r.json", repeated=True))
    assert only_planned["consent_missing"] == why
    planned = answer_of(Ended(report_document(a_report()), "s3://b/r.json", repeated=True))
    assert planned.keys() == {"sweep_id", "status", "totals", "report"}


EVIL = "a\x1b[31m\x9b2J\x85\u202e\u2028\u2029\u200b\ufeff\x7f\x00[red]\u2066"


def test_no_log_line_has_a_control_character_of_a_name_or_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", file)
    logger.info(EVIL, account=EVIL, report={EVIL: [EVIL]})
    logger.error("The sweep was ended by an error", exc_info=ValueError(EVIL))
    said = file.getvalue()
    assert len(said.splitlines()) == said.count("\n") == 2
    assert all(char.isprintable() for char in said.replace("\n", ""))
    lines = [json.loads(line) for line in said.splitlines()]
    assert (lines[0]["message"], lines[0]["report"]) == (EVIL, {EVIL: [EVIL]})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", lines[0]["timestamp"])

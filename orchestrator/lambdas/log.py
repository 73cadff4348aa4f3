"""What a Lambda logs: progress, and a report that could not be written."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools import Logger

from orchestrator.core.model import ActionCounts
from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.files import ROWS
from orchestrator.errors import ReportLostError

SERVICE = "stop-orchestrator"
_LONGEST_LINE = 200_000
"""Of JSON; CloudWatch cuts a longer event (256 KB)."""
_ROWS_A_LINE = 50


def _line(record: dict[str, Any]) -> str:
    """As Powertools writes it, but without what a terminal, or what splits the log into lines, would act on."""
    return without_controls(json.dumps(record, default=str, separators=(",", ":"), ensure_ascii=False))


logger = Logger(service=SERVICE, json_serializer=_line, utc=True, datefmt="%Y-%m-%dT%H:%M:%S.%FZ")


def log_lost_report(lost: ReportLostError) -> None:
    """The whole report, in one line where the log can take it, else its rows in slices."""
    document: dict[str, Any] = dict(lost.document)
    text = "The report could not be written; here it is"
    if len(json.dumps(document)) <= _LONGEST_LINE:
        logger.error(text, reason=str(lost), report=document)
        return
    parts = {name: document.pop(name, []) for name in ROWS}
    logger.error(text, reason=str(lost), report=document)
    for name, rows in parts.items():
        for start in range(0, len(rows), _ROWS_A_LINE):
            logger.error(
                "Rows of the report that could not be written", part=name, rows=rows[start : start + _ROWS_A_LINE]
            )


class LogProgress:
    """Phases as log lines; counts at every tenth part, so that a long sweep shows that it lives."""

    def __init__(self) -> None:
        self._said: dict[str, int] = {}

    def phase(self, text: str) -> None:
        logger.info(text)

    def targets(self, done: int, total: int) -> None:
        self._say("Targets read", done, total)

    def accounts(self, done: int, total: int) -> None:
        self._say("Accounts checked", done, total)

    def actions(self, done: ActionCounts, total: ActionCounts) -> None:
        if total.stops:
            self._say("Stops done", done.stops, total.stops)
        if total.starts:
            self._say("Starts done", done.starts, total.starts)
        if total.tags:
            self._say("Tags done", done.tags, total.tags)

    def _say(self, what: str, done: int, total: int) -> None:
        tenth = done * 10 // max(total, 1)
        if tenth != self._said.get(what):
            self._said[what] = tenth
            logger.info(what, done=done, total=total)

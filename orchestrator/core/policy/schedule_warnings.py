"""What is valid in a schedule and probably not meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.schedule_loading import listed
from orchestrator.core.policy.schedules.lines import ONLY_STOPPING, Line
from orchestrator.core.policy.schedules.open_minutes import open_minute
from orchestrator.core.policy.schedules.schedule import Schedule
from orchestrator.core.policy.schema.schedules import EXCEPTION_WORDS
from orchestrator.core.policy.yaml_document import Path


def schedule_warnings(policy: OrgPolicy) -> Iterator[tuple[Path, str]]:
    """Windows that leave a minute open, lines that never come, and holidays that change nothing."""
    for name, schedule in policy.schedules.items():
        document = policy.document["schedules"][name]
        path: Path = ("schedules", name)
        yield from _of_lines((*path, "running"), document["running"], schedule.lines)
        for number, (entry, exception) in enumerate(
            zip(document.get("except") or (), schedule.exceptions, strict=True)
        ):
            if entry["running"] not in EXCEPTION_WORDS:
                yield from _of_lines((*path, "except", number, "running"), entry["running"], exception.lines)
        yield from _of_holidays((*path, "holidays"), schedule)


def _of_lines(path: Path, running: Any, lines: Sequence[Line]) -> Iterator[tuple[Path, str]]:
    for number, (written, line) in enumerate(zip(listed(running), lines, strict=True)):
        place = (*path, number) if isinstance(running, list | tuple) else path
        time = written if isinstance(written, str) else written["time"]
        message = open_minute(line, time, lines)
        if message is not None:
            yield place, message
        if not line.calendar.is_ever():
            yield (
                place,
                "no day of any year is all that this line asks for, so it never holds; correct it, or delete it",
            )


def _of_holidays(path: Path, schedule: Schedule) -> Iterator[tuple[Path, str]]:
    if schedule.holidays and all(line.side in ONLY_STOPPING for line in schedule.lines):
        yield (
            path,
            "change nothing here: lines with `until` or `stop` hold on holidays too; leave them out, or add windows",
        )

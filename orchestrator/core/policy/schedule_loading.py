"""From the schedules of a document to what answers for an instant; and what is wrong with several keys together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.core.policy.schedules.exceptions import ScheduleException, Span, span_of
from orchestrator.core.policy.schedules.lines import ALWAYS, ASKS_NOTHING, Line, line_of, parse_line
from orchestrator.core.policy.schedules.schedule import Schedule
from orchestrator.core.policy.schema.fields import ACCOUNTS_ZONE
from orchestrator.core.policy.schema.schedules import MOST_EXCEPTIONS, ExceptDocument, LineDocument, ScheduleDocument
from orchestrator.core.policy.yaml_document import Document, Path

_EITHER_FORM = "must have either `on`, or `from` and `until`, such as {on: 2026-12-24, running: none}"

_OF_WORDS: Mapping[str, tuple[Line, ...]] = {"none": (), "always": (ALWAYS,), "either": (ASKS_NOTHING,)}


def compile_schedule(name: str, document: ScheduleDocument) -> Schedule:
    """The schedule that a checked document means."""
    is_accounts = document.timezone == ACCOUNTS_ZONE
    return Schedule(
        name,
        None if is_accounts else ZoneInfo(document.timezone),
        tuple(map(compile_line, listed(document.running))),
        tuple(listed(document.holidays)),
        tuple(map(_exception, document.except_)),
        document.timezone_tag if is_accounts else "",
    )


def compile_line(document: str | LineDocument) -> Line:
    """The line that a checked text, or its parts, mean."""
    if isinstance(document, str):
        return parse_line(document)
    return line_of(document.time, listed(document.days), listed(document.months), listed(document.monthdays))


def listed(value: Any) -> Sequence[Any]:
    """Of what may be written as one or as a list of several; none where it is not given."""
    return () if value is None else value if isinstance(value, list | tuple) else (value,)


def _exception(document: ExceptDocument) -> ScheduleException:
    span = span_of(document.on or document.from_, document.on or document.until)
    return ScheduleException(span, _exception_lines(document.running), document.reason or "")


def _exception_lines(running: Any) -> tuple[Line, ...]:
    word = _OF_WORDS.get(running) if isinstance(running, str) else None
    return word if word is not None else tuple(map(compile_line, listed(running)))


def schedule_problems(document: Document) -> Iterator[tuple[Path, str]]:
    """What no key of a schedule is wrong by itself with, on the raw values."""
    schedules = document.value.get("schedules")
    for name, schedule in schedules.items() if isinstance(schedules, dict) else ():
        if isinstance(schedule, dict):
            path: Path = ("schedules", name)
            if "timezone_tag" in schedule and schedule.get("timezone") != ACCOUNTS_ZONE:
                yield (*path, "timezone_tag"), f"is only for `timezone: {ACCOUNTS_ZONE}`; leave it out"
            yield from _exception_problems(document, (*path, "except"), schedule.get("except"))


def _exception_problems(document: Document, path: Path, exceptions: Any) -> Iterator[tuple[Path, str]]:
    spans: list[tuple[int, Span]] = []
    listed_first = exceptions[:MOST_EXCEPTIONS] if isinstance(exceptions, list) else ()
    for number, entry in enumerate(listed_first):
        if not isinstance(entry, dict):
            continue
        if ("on" in entry, "from" in entry, "until" in entry) not in ((True, False, False), (False, True, True)):
            yield (*path, number), _EITHER_FORM
            continue
        span, why = _span(entry)
        if why:
            yield (*path, number), why
        if span is None:
            continue
        other = next((one for one, earlier in spans if span.overlaps(earlier)), None)
        if other is not None:
            line = document.line((*path, other))
            yield (*path, number), f"has days of the entry on line {line} too; a day has one exception"
        spans.append((number, span))


def _span(entry: Mapping[str, Any]) -> tuple[Span | None, str]:
    """Of an entry whose dates are right, each by itself; the others are reported where they are."""
    try:
        ends = [entry["on"], entry["on"]] if "on" in entry else [entry["from"], entry["until"]]
        for end in ends:
            span_of(end, end)
    except ValueError:
        return None, ""
    try:
        return span_of(*ends), ""
    except ValueError as wrong:
        return None, str(wrong)

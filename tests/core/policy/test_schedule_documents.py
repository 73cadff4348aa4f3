"""Schedules as a policy has them: lines by their parts, holidays, exceptions, zones; and what is wrong there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from textwrap import dedent, indent
from zoneinfo import ZoneInfo

import pytest
import yaml

from orchestrator.core.decide.decisions import decide
from orchestrator.core.model import ReasonCode, Verdict
from orchestrator.core.policy.loading import dump_policy
from orchestrator.core.policy.policy_warnings import policy_warnings
from orchestrator.core.policy.schedules.exceptions import span_of
from orchestrator.core.policy.schedules.lines import parse_line
from orchestrator.core.policy.schedules.schedule import Schedule
from tests.support.builders import a_resource, an_account
from tests.support.policies import HEAD, load, the_problem

BERLIN = ZoneInfo("Europe/Berlin")
FULL = """\
    timezone: Europe/Berlin
    running:
      - mon-fri 07:00-19:00
      - {days: [first sat, last sat], months: nov-feb, monthdays: [1, 2-31, last], time: 08:00-12:00}
    holidays: [DE-BY, AT]
    except:
      - {from: 12-27, until: 01-02, running: none, reason: closed}
      - {on: 2026-12-29, running: always}
      - {on: 2026-12-22, running: either}
      - {on: "2026-12-30", running: [10:00-11:00, {time: "until 20:00"}]}
"""


def schedule_of(body: str) -> Schedule:
    return load(f"{HEAD}schedules:\n  s:\n{body}").schedules["s"]


def at(schedule: Schedule, local: str) -> str:
    return str(schedule.state_at(datetime.fromisoformat(local).replace(tzinfo=BERLIN)))


def test_a_schedule_has_all_that_its_document_says() -> None:
    schedule = schedule_of(FULL)
    assert schedule.lines[0] == parse_line("mon-fri 07:00-19:00")
    assert schedule.lines[1] == parse_line("nov-feb 1,2-31,last day first sat,last sat 08:00-12:00")
    assert schedule.holidays == ("DE-BY", "AT")
    assert [one.reason for one in schedule.exceptions] == ["closed", "", "", ""]


@pytest.mark.parametrize(
    ("local", "state"),
    [
        ("2026-12-22T00:00", "either"),
        ("2026-12-22T12:00", "either"),
        ("2026-12-23T00:00", "stopped"),
        ("2026-12-23T12:00", "running"),
        ("2026-12-25T12:00", "stopped"),  # a Friday, and a holiday
        ("2026-12-08T12:00", "stopped"),  # a holiday in Austria alone
        ("2026-12-28T12:00", "stopped"),
        ("2026-12-29T00:00", "running"),
        ("2026-12-29T23:59", "running"),
        ("2026-12-30T00:00", "either"),
        ("2026-12-30T10:30", "running"),
        ("2026-12-30T20:00", "stopped"),
        ("2027-01-02T12:00", "stopped"),
        ("2027-01-04T12:00", "running"),
    ],
)
def test_an_exception_wins_over_holidays_and_they_over_windows(local: str, state: str) -> None:
    assert at(schedule_of(FULL), local) == state


def test_a_holiday_lets_the_window_of_the_evening_before_run_to_its_end_and_begins_none() -> None:
    schedule = schedule_of("    {timezone: Europe/Berlin, running: daily 22:00-06:00, holidays: DE}\n")
    assert [at(schedule, f"2026-12-{one}") for one in ("25T05:59", "25T06:00", "25T22:00", "26T05:00", "27T22:00")] == [
        "running",
        "stopped",
        "stopped",
        "stopped",
        "running",
    ]


def test_on_a_holiday_nothing_starts_and_until_still_stops() -> None:
    schedule = schedule_of("    {timezone: Europe/Berlin, running: [from 07:00, until 19:00], holidays: DE}\n")
    assert [at(schedule, f"2026-12-25T{one}") for one in ("06:00", "12:00", "19:00")] == ["either", "either", "stopped"]


def test_in_a_year_whose_holidays_are_unknown_nothing_stops_or_starts_in_a_window() -> None:
    schedule = schedule_of("    {timezone: Europe/Berlin, running: 08:00-12:00, holidays: DE-BY}\n")
    assert [at(schedule, f"2101-06-01T{one}") for one in ("07:00", "09:00", "12:00")] == [
        "stopped",
        "either",
        "stopped",
    ]
    assert at(schedule, "2099-06-02T09:00") == "running"


def test_a_day_that_is_no_usual_one_is_told() -> None:
    schedule = schedule_of(FULL)
    noon = datetime(2026, 12, 25, 12, tzinfo=UTC)
    assert schedule.day_note(noon) == "2026-12-25 is a holiday of DE-BY"
    assert schedule.day_note(noon.replace(day=28)) == "2026-12-28 is an exception (closed)"
    assert schedule.day_note(noon.replace(day=29)) == "2026-12-29 is an exception"
    assert schedule.day_note(noon.replace(day=23)) == ""


def test_one_line_may_be_written_without_a_list() -> None:
    text = schedule_of("    {timezone: UTC, running: mon 07:00-08:00}\n")
    parts = schedule_of("    {timezone: UTC, running: {days: mon, time: 07:00-08:00}}\n")
    assert text == parts
    assert text.lines == (parse_line("mon 07:00-08:00"),)


def test_what_is_dumped_loads_to_an_equal_policy() -> None:
    policy = load(f"{HEAD}schedules:\n  s:\n{FULL}  t: {{timezone: account, running: from 07:00}}\n")
    assert load(dump_policy(policy)) == policy


# --- the zone of an account -------------------------------------------------------------------------------------------


def test_a_schedule_in_the_accounts_zone_names_the_tag_that_has_it() -> None:
    assert schedule_of("    {timezone: account, running: from 07:00}\n").timezone_tag == "TimeZone"
    own = schedule_of("    {timezone: account, timezone_tag: Zone, running: from 07:00}\n")
    assert (own.timezone, own.timezone_tag) == (None, "Zone")


def test_a_misspelt_account_is_told_from_a_zone() -> None:
    path, _, message = the_problem("schedules: {s: {timezone: Acount, running: 07:00-08:00}}")
    assert path == "schedules.s.timezone"
    assert message.endswith("did you mean `account`, that of each account by its tag?")


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["on", "'on'", '"on"'])
def test_the_key_on_is_that_word_with_and_without_quotes(key: str) -> None:
    """YAML 1.1 reads it as true where nothing is done about it."""
    text = "schedules: {x: {timezone: UTC, running: [daily 07:00-08:00], except: [{%s: 12-24, running: none}]}}"
    (entry,) = load(HEAD + text % key).schedules["x"].exceptions
    assert entry.span == span_of("12-24", "12-24")


@pytest.mark.parametrize(
    ("schedule", "path", "message"),
    [
        ("running: {days: mon}", "running.time", "is missing; say when on these days, such as `time: 07:00-19:00`"),
        (
            "running: [{day: mon, time: 07:00-08:00}]",
            "running[0].day",
            "the key `day` is unknown (did you mean `days`?); known here: time, days, months, monthdays",
        ),
        (
            "running: [{days: [mon, xyz], time: 07:00-08:00}]",
            "running[0].days[1]",
            "'xyz' is no day; days are",
        ),
        ("running: [{months: [jan, 2], time: 07:00-08:00}]", "running[0].months[1]", "must be text, not 2"),
        (
            "running: [{months: foo, time: 07:00-08:00}]",
            "running[0].months",
            "'foo' is no month; months are jan to dec",
        ),
        (
            "running: [{monthdays: [1, 32], time: 07:00-08:00}]",
            "running[0].monthdays[1]",
            "'32' is no day of the month",
        ),
        ("running: [{monthdays: [], time: 07:00-08:00}]", "running[0].monthdays", "must have at least one entry"),
        ("running: [{days: , time: 07:00-08:00}]", "running[0].days", "has no value"),
        ("running: [{time: mon 07:00-08:00}]", "running[0].time", "'mon 07:00-08:00' is no time; write it like"),
        ("running: [{months: jun-agust, time: 07:00-08:00}]", "running[0].months", "did you mean august?; months are"),
        ("running: [mon 07:00]", "running[0]", "it has one time; write `from mon 07:00`"),
        ("running: ", "running", "must be text, not an empty value"),
        ("running: []", "running", "must have at least one entry"),
        (
            "running: 07:00-08:00\nholidays: DE-XX",
            "holidays",
            "'DE-XX' has no subdivision of DE that the holidays library knows; they are BB",
        ),
        (
            "running: 07:00-08:00\nholidays: [DE, UK]",
            "holidays[1]",
            "'UK' has no country that the holidays library knows by its two letters; did you mean GB?",
        ),
        ("running: 07:00-08:00\nholidays: Germany-Bayern", "holidays", "did you mean DE-BY?"),
        ("running: 07:00-08:00\nholidays: NO", "holidays", "must be text, not false; put it in quotes"),
        ("running: 07:00-08:00\nholidays: XK9", "holidays", "write a country by ISO 3166-1"),
        ("running: 07:00-08:00\nholidays: []", "holidays", "must have at least one entry"),
        ("running: 07:00-08:00\nholidays: ", "holidays", "has no value"),
        ("running: 07:00-08:00\nexept: []", "exept", "the key `exept` is unknown (did you mean `except`?)"),
        ("running: 07:00-08:00\nexcept: {on: 2026-12-24}", "except", "must be a list"),
        (
            "running: 07:00-08:00\nexcept: [{on: 2026-12-24}]",
            "except[0].running",
            "say what holds then: `running: none`",
        ),
        ("running: 07:00-08:00\nexcept: [{on: 2026-12-24, running: non}]", "except[0].running", "did you mean `none`?"),
        (
            "running: 07:00-08:00\nexcept: [{on: 2026-12-24, running: [x 07:00-08:00]}]",
            "except[0].running[0]",
            "'x' in",
        ),
        (
            "running: 07:00-08:00\nexcept: [{on: 2026-02-30, running: none}]",
            "except[0].on",
            "there is no 2026-02-30: February 2026 has 28 days",
        ),
        (
            "running: 07:00-08:00\nexcept: [{on: 02-30, running: none}]",
            "except[0].on",
            "there is no 02-30: February has at most 29 days; write it like 2026-12-24",
        ),
        (
            "running: 07:00-08:00\nexcept: [{on: 24.12., running: none}]",
            "except[0].on",
            "must be a date, not '24.12.'; write it like 2026-12-24",
        ),
        ("running: 07:00-08:00\nexcept: [{on: 5, running: none}]", "except[0].on", "must be a date, not 5"),
        ("running: 07:00-08:00\nexcept: [{on: 2026-12-24T10:00:00, running: none}]", "except[0].on", "must be a date"),
        (
            "running: 07:00-08:00\nexcept: [{running: none}]",
            "except[0]",
            "must have either `on`, or `from` and `until`",
        ),
        ("running: 07:00-08:00\nexcept: [{from: 12-24, running: none}]", "except[0]", "must have either `on`"),
        (
            "running: 07:00-08:00\nexcept: [{on: 12-24, until: 12-25, running: none}]",
            "except[0]",
            "must have either `on`",
        ),
        (
            "running: 07:00-08:00\nexcept: [{from: 12-24, until: 2026-12-25, running: none}]",
            "except[0]",
            "one of its ends has a year",
        ),
        (
            "running: 07:00-08:00\nexcept: [{from: 2026-12-26, until: 2026-12-25, running: none}]",
            "except[0]",
            "it ends on 2026-12-25, before it starts",
        ),
        (
            "running: 07:00-08:00\nexcept: [{on: 2026-12-24, running: none, reason: }]",
            "except[0].reason",
            "has no value",
        ),
        (f"running: 07:00-08:00\nholidays: [{', '.join(['DE'] * 51)}]", "holidays", "at most 50 entries, not 51"),
        ("running: 07:00-08:00\nexcept: [{on: 12-24, running: none}, x]", "except[1]", "must be a mapping, not 'x'"),
        ("running: 07:00-08:00\ntimezone_tag: Zone", "timezone_tag", "is only for `timezone: account`"),
    ],
)
def test_a_mistake_in_a_schedule_has_its_place_and_what_would_be_right(schedule: str, path: str, message: str) -> None:
    body = f"schedules:\n  s:\n    timezone: UTC\n{indent(schedule, '    ')}\n"
    found, line, said = the_problem(body)
    assert (found, line) == (f"schedules.s.{path}", 4 + schedule.count("\n"))
    assert message in said


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("on: 2026-12-24", "from: 2026-12-20, until: 2026-12-31"),
        ("from: 2026-12-20, until: 2026-12-31", "on: 2026-12-31"),
        ("from: 12-24, until: 01-02", "on: 01-01"),
        ("from: 12-24, until: 01-02", "from: 11-01, until: 12-24"),
        ("from: 12-24, until: 01-02", "from: 12-30, until: 02-01"),
    ],
)
def test_two_exceptions_for_a_day_are_a_mistake(first: str, second: str) -> None:
    entries = f"      - {{{first}, running: none}}\n      - {{{second}, running: always}}\n"
    body = f"schedules:\n  s:\n    timezone: UTC\n    running: 07:00-08:00\n    except:\n{entries}"
    assert the_problem(body) == (
        "schedules.s.except[1]",
        7,
        "has days of the entry on line 8 too; a day has one exception",
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("on: 2026-12-24", "from: 12-20, until: 12-31"),
        ("on: 2026-12-24", "on: 2026-12-25"),
        ("on: 12-23", "from: 12-24, until: 01-02"),
        ("on: 02-28", "on: 02-29"),
    ],
)
def test_exceptions_for_other_days_and_a_date_within_every_years_days_are_right(first: str, second: str) -> None:
    entries = f"[{{{first}, running: none}}, {{{second}, running: always}}]"
    assert len(schedule_of(f"    {{timezone: UTC, running: 07:00-08:00, except: {entries}}}\n").exceptions) == 2


def test_there_are_no_more_exceptions_than_a_year_has_days() -> None:
    days = (date(2026, 1, 1) + timedelta(days=number) for number in range(401))
    entries = "".join(f"      - {{on: {day}, running: none}}\n" for day in days)
    body = f"schedules:\n  s:\n    timezone: UTC\n    running: 07:00-08:00\n    except:\n{entries}"
    assert the_problem(body) == ("schedules.s.except", 5, "must have at most 400 entries, not 401")


# --- warnings ---------------------------------------------------------------------------------------------------------


def warnings(schedule: str) -> list[tuple[str, str]]:
    rule = "rules: [{name: a, where: everything, schedule: s}]\nguardrails: {max_stops: 1}\n"
    body = f"{HEAD}{rule}schedules:\n  s:\n    timezone: UTC\n{indent(dedent(schedule), '    ')}\n"
    return [(one.path.removeprefix("schedules.s."), one.message) for one in policy_warnings(load(body))]


@pytest.mark.parametrize(
    ("schedule", "path", "message"),
    [
        ("running: feb 30-31 07:00-08:00", "running", "no day of any year"),
        ("running: [mon 07:00-08:00, {months: [feb], monthdays: [31], time: 07:00-08:00}]", "running[1]", "no day of"),
        ("running: 1-7 last mon 07:00-08:00", "running", "no day of any year"),
        ("running: until 19:00\nholidays: DE", "holidays", "change nothing here"),
        ("running: {days: mon, time: 07:00-23:59}", "running", "'07:00-23:59' leaves a minute open"),
        ("running: first mon 07:00-23:59", "running", "write 'first mon 07:00-24:00'"),
        (
            "running: 07:00-08:00\nexcept: [{on: 12-24, running: [00:00-23:59]}]",
            "except[0].running[0]",
            "leaves a minute",
        ),
    ],
)
def test_what_can_never_be_or_changes_nothing_is_warned_of(schedule: str, path: str, message: str) -> None:
    [(found, said)] = warnings(schedule)
    assert (found, message in said) == (path, True), said


@pytest.mark.parametrize(
    "schedule",
    [
        "running: feb 29 07:00-08:00",
        "running: 31 fifth sat 07:00-08:00",
        "running: [mon 07:00-08:00, until 19:00]\nholidays: DE",
        "running: [jan 1-15 08:00-11:59, feb 12:00-13:00]",
        "running: [from 23:59, until 11:59]",
        "running: 07:00-08:00\nexcept: [{on: 12-24, running: always}, {on: 12-25, running: none}]",
    ],
)
def test_what_is_meant_is_not(schedule: str) -> None:
    assert warnings(schedule) == []


# --- what is decided --------------------------------------------------------------------------------------------------


def test_a_resource_whose_accounts_zone_is_not_known_is_kept() -> None:
    rule = "rules: [{name: a, where: everything, schedule: s}]\n"
    policy = load(f"{HEAD}{rule}schedules: {{s: {{timezone: account, running: 07:00-08:00}}}}\n")
    decision = decide(policy, a_resource(), an_account(), datetime(2026, 11, 27, 20, tzinfo=UTC))
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.UNKNOWN_SCHEDULE)


@pytest.mark.parametrize("line", ["from mon-fri 07:00", "until mon-fri 21:00"])
def test_what_a_schedule_asks_nothing_of_is_kept(line: str) -> None:
    rule = "rules: [{name: a, where: everything, schedule: s}]\n"
    policy = load(f"{HEAD}{rule}schedules: {{s: {{timezone: UTC, running: {line}}}}}\n")
    for hour, verdict in ((5, Verdict.KEEP), (22, Verdict.KEEP if "from" in line else Verdict.STOP)):
        decision = decide(policy, a_resource(), an_account(), datetime(2026, 11, 27, hour, tzinfo=UTC))
        assert decision.verdict is verdict


def test_a_quoted_on_is_the_same_key() -> None:
    dumped = yaml.safe_dump({"on": "2026-12-24", "running": "none"}, default_flow_style=True).strip()
    assert dumped.startswith("{'on'")
    assert len(schedule_of(f"    {{timezone: UTC, running: 07:00-08:00, except: [{dumped}]}}\n").exceptions) == 1

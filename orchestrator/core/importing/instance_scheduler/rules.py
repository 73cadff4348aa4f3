"""A schedule of Instance Scheduler as a rule of ours: what is tagged with its name, in its running hours.

What it does, by `scheduling_decision.py` of release 3.2.8:

- Without `enforced` it acts when the state that its schedule asks for changes, and once on what it has not seen before:
  what is started by hand outside of the hours is left until hours have ended (`started_by_hand:
  keep_until_next_window`), and what is stopped by hand within them stays stopped (`start: everything`).
- With `enforced` it acts at each run (`started_by_hand: stop`).
- `retain_running`, `stop_new_instances: false` and maintenance windows keep running what nothing of ours would keep:
  the rule is a comment.

AWS does not say when a DB instance was started, so one that was started by hand would be stopped: the kind `rds` is
only carried over where Instance Scheduler stops it too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core.importing.document import RuleDraft, ScheduleDraft
from orchestrator.core.importing.imported import NotCarriedOver
from orchestrator.core.importing.instance_scheduler.day_sets import days_of, every_day
from orchestrator.core.importing.instance_scheduler.definitions import Definition, Doubt, Place
from orchestrator.core.importing.instance_scheduler.recurrence import calendars_of
from orchestrator.core.importing.instance_scheduler.running_lines import NotTheSameError, Period, lines_of
from orchestrator.core.importing.line_text import line_text
from orchestrator.core.importing.names import Names
from orchestrator.core.policy.schedules.lines import DAY_MINUTES, Line, Side
from orchestrator.core.policy.schedules.zones import zone_problem
from orchestrator.core.policy.yaml_document import value_words

EC2, RDS = "ec2", "rds"
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_GLOB = re.compile(r"[*?\[\]]")
_LONGEST_PATTERN = 256
_MOST_PERIODS = 100
_MANUAL_DB = "AWS does not tell when a DB instance was started, so one started by hand would be stopped at once"
_DB_MAINTENANCE = (
    "Instance Scheduler runs DB instances in their preferred maintenance windows too, unless `use_maintenance_window` "
    "is false"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What holds for every schedule of a stack."""

    tag_key: str
    default_timezone: str | None = None
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    services: frozenset[str] = frozenset({EC2, RDS})
    doubts: tuple[Doubt, ...] = ()
    """What is not understood of the settings, and may keep running what a rule would stop."""


@dataclass(slots=True)
class Translation:
    """What came of one schedule."""

    schedules: list[ScheduleDraft] = field(default_factory=list)
    rules: list[RuleDraft] = field(default_factory=list)
    not_carried_over: dict[NotCarriedOver, None] = field(default_factory=dict)
    """In order, each once."""


def translate(
    schedule: Definition, periods: Mapping[str, Sequence[Definition]], scope: Scope, names: Names
) -> Translation:
    """The rule, or the rules of each kind, of a schedule. `periods` are those that it may name."""
    return _Translator(schedule, periods, scope, names.new(schedule.name, "schedule")).translated(names)


class _Translator:
    def __init__(
        self, schedule: Definition, periods: Mapping[str, Sequence[Definition]], scope: Scope, name: str
    ) -> None:
        self._schedule = schedule
        self._periods = periods
        self._scope = scope
        self._name = name
        self._found = Translation()
        self._why_not: list[str] = []
        self._why_no_databases: list[str] = []

    def translated(self, names: Names) -> Translation:
        for doubt in (*self._schedule.doubts, *self._scope.doubts):
            self._comment_out(doubt.place, doubt.what, doubt.why)
        lines = self._lines()
        timezone = self._timezone(lines)
        self._flags(lines)
        if lines:
            texts = tuple(map(line_text, lines))
            self._found.schedules.append(ScheduleDraft(self._name, {"timezone": timezone, "running": texts}))
        self._rules(lines, names)
        return self._found

    # What it says of hours

    def _lines(self) -> tuple[Line, ...] | None:
        """None where they are not known; none of them where it never runs."""
        override = self._text("override_status")
        if override is not None:
            return self._overridden(override)
        before = len(self._why_not)
        periods = [one for period, _ in self._own_periods() for one in self._period(period)]
        if len(self._why_not) > before:
            return None
        if not 1 <= len(periods) <= _MOST_PERIODS:
            why = f"it has more than {_MOST_PERIODS}, which are too many to look at"
            self._comment_out_key("periods", why if periods else "it has none, nor an `override_status`", "`periods`")
            return None
        try:
            return lines_of(periods)
        except NotTheSameError as different:
            self._comment_out(self._schedule.place_of("periods"), "its periods together", str(different))
            return None

    def _overridden(self, override: str) -> tuple[Line, ...] | None:
        if override.lower() not in ("running", "stopped"):
            self._comment_out_key("override_status", f"it is neither running nor stopped, but {override!r}")
            return None
        if self._schedule.periods or self._schedule.value("periods"):
            self._note_key("periods", f"they have no effect beside `override_status: {override}`")
        return (Line(0, DAY_MINUTES),) if override.lower() == "running" else ()

    def _own_periods(self) -> Iterator[tuple[Definition, str]]:
        """Its periods, each with the instance type that it asks for; what asks for one is listed."""
        for period, instance_type in [*self._schedule.periods, *self._named_periods()]:
            if instance_type:
                place = period.place if self._schedule.periods else self._schedule.place_of("periods")
                why = "a policy of ours stops and starts; it changes no instance type"
                self._note(place, f"the instance type {instance_type} in {period.name}", why)
            yield period, instance_type

    def _named_periods(self) -> Iterator[tuple[Definition, str]]:
        named = _texts(self._schedule.value("periods"))
        if named is None:
            self._comment_out_key("periods", "it is no list of names")
        for name in dict.fromkeys(named or ()):
            period, _, instance_type = name.partition("@")
            found = self._periods.get(period, ())
            if len(found) == 1:
                yield found[0], instance_type.partition("@")[0]
            else:
                why = "no such period was given" if not found else "it is defined several times, each time another way"
                self._comment_out_key("periods", why, f"the period {period}")

    def _period(self, period: Definition) -> Iterator[Period]:
        before = len(self._why_not)
        for doubt in period.doubts:
            self._comment_out(doubt.place, f"{doubt.what} of the period {period.name}", doubt.why)
        given = {key: _texts(period.value(key)) for key in ("weekdays", "monthdays", "months")}
        for key, texts in given.items():
            if texts is None:
                self._comment_out_of(period, key, f"it is no text, but {value_words(period.value(key))}")
        begin, end = (self._time(period, key) for key in ("begintime", "endtime"))
        if len(self._why_not) > before:
            return
        try:
            weekdays, month_days, months = (texts or None for texts in given.values())
            calendars = calendars_of(weekdays, month_days, months)
        except ValueError as wrong:
            key = next(key for key, texts in given.items() if texts)
            self._comment_out_of(period, self._wrong_key(given) or key, str(wrong))
            return
        if begin is None and end is None and not any(given.values()):
            self._comment_out(period.place, f"the period {period.name}", "it has neither days nor times")
        elif begin is not None and end is not None and begin > end:
            self._comment_out_of(period, "endtime", "it is before `begintime`: Instance Scheduler refuses it")
        else:
            yield Period(calendars, begin, end)

    def _wrong_key(self, given: Mapping[str, Sequence[str] | None]) -> str | None:
        for number, (key, texts) in enumerate(given.items()):
            alone: list[Sequence[str] | None] = [None, None, None]
            alone[number] = texts or None
            try:
                calendars_of(*alone)
            except ValueError:
                return key
        return None

    def _time(self, period: Definition, key: str) -> int | None:
        value = period.value(key)
        if value in (None, ""):
            return None
        match = _TIME.fullmatch(value) if isinstance(value, str) else None
        hour, minute = (int(match[1]), int(match[2])) if match else (24, 0)
        if hour > 23 or minute > 59:  # noqa: PLR2004  # of a clock
            self._comment_out_of(period, key, f"it is no time such as 09:00, but {value_words(value)}")
            return None
        return hour * 60 + minute

    def _timezone(self, lines: Sequence[Line] | None) -> str:
        zone = self._text("timezone") or self._scope.default_timezone or ""
        problem = zone_problem(zone) if zone else None
        if zone and problem is None:
            return zone
        if not lines or _is_always(lines):
            return "UTC"
        if problem is not None:
            self._comment_out_key("timezone", problem)
        elif not any(doubt.key == "timezone" for doubt in self._schedule.doubts):
            why = "it has none, and the stack's default is not in the file: give it by --default-timezone"
            self._comment_out(self._schedule.place, "`timezone`", why)
        return zone or "UTC"

    # What it does with them

    def _flags(self, lines: Sequence[Line] | None) -> None:
        stops = lines is None or not _is_always(lines)
        enforced = self._flag("enforced")
        self._exceptions_from_stops(stops=stops, enforced=enforced)
        self._maintenance_windows(stops=stops)
        if stops and not enforced:
            self._why_no_databases.append(_MANUAL_DB)
        if enforced and lines:
            why = "what is stopped by hand within its running hours stays stopped until they begin again"
            self._note_key("enforced", why)
        if lines and not stops:
            why = "what was stopped stays stopped with us: its running time has no beginning to start it at"
            self._note(self._schedule.place, f"the first start by {self._name}", why)
        if not enforced and lines and _stops_twice(lines):
            why = (
                "what was started by hand is kept through its next running hours, also where an end without a begin "
                "comes before them, at which Instance Scheduler stops it"
            )
            self._note(self._schedule.place, "its one-sided ends", why)
        self._old_keys()

    def _exceptions_from_stops(self, *, stops: bool, enforced: bool) -> None:
        for key, default, kept in (
            ("retain_running", False, "what runs already when its running hours begin is not stopped when they end"),
            ("stop_new_instances", True, "what it has not seen before is left running until its next hours have ended"),
        ):
            if self._flag(key, default=default) is not default:
                if not stops or (key == "retain_running" and enforced):
                    beside = "beside `enforced`" if stops else "where nothing is stopped"
                    self._note_key(key, f"it has no effect {beside}")
                else:
                    near = "`started_by_hand: keep_until_next_window` is near, but does not keep all of that"
                    self._comment_out_key(key, f"{kept}; {near}")

    def _old_keys(self) -> None:
        for key in ("overwrite", "use_metrics", "metrics"):
            value = self._schedule.value(key)
            if key == "overwrite" and value not in (None, False, "", "false", "False"):
                self._comment_out_key(key, "what it means is not known")
            elif key in self._schedule.given:
                self._note_key(key, "it has no effect on what runs")

    def _maintenance_windows(self, *, stops: bool) -> None:
        windows = _texts(self._schedule.value("ssm_maintenance_window"))
        if windows or windows is None:
            why = "it runs in these windows of Systems Manager too, which no schedule of ours knows"
            (self._comment_out_key if stops else self._note_key)("ssm_maintenance_window", why)
        if self._flag("use_maintenance_window", default=True) and stops:
            self._why_no_databases.append(_DB_MAINTENANCE)

    def _rules(self, lines: Sequence[Line] | None, names: Names) -> None:
        if lines == () and not self._flag("enforced"):
            why = (
                "it stops once what it has not seen before, and leaves what is started by hand after that; this rule "
                "would stop that too, at any time"
            )
            self._comment_out(self._schedule.place, f"that {self._name} never runs", why)
        if _GLOB.search(self._schedule.name) and len(re.escape(self._schedule.name)) > _LONGEST_PATTERN:
            self._comment_out(self._schedule.place, "its name", "it is too long for a pattern that matches it alone")
        why_not = tuple(dict.fromkeys(self._why_not))
        no_databases = tuple(dict.fromkeys(self._why_no_databases))
        hibernate = self._flag("hibernate")
        kinds = [kind for kind in (EC2, RDS) if kind in self._scope.services]
        comments = self._comments()
        if not hibernate and (why_not or not no_databases):
            lost = (*why_not, *no_databases) if why_not else ()
            self._found.rules.append(self._draft(self._name, self._body(kinds, lines), comments, lost))
            return
        if EC2 in kinds:
            body = self._body([EC2], lines, hibernate=hibernate)
            self._found.rules.append(self._draft(self._name, body, comments, why_not))
        if RDS in kinds:
            name = names.new(f"{self._name}-databases", "databases") if EC2 in kinds else self._name
            if no_databases and not why_not:
                self._note(self._schedule.place, f"DB instances of {self._name}", "; ".join(no_databases))
            self._found.rules.append(self._draft(name, self._body([RDS], lines), (), (*why_not, *no_databases)))

    def _body(self, kinds: list[str], lines: Sequence[Line] | None, *, hibernate: bool = False) -> dict[str, Any]:
        name = self._schedule.name
        value: Any = name
        if _GLOB.search(name):
            value = {"matches": re.escape(name)}
        where: dict[str, Any] = {"tag": {self._scope.tag_key: value}}
        if self._scope.accounts:
            where["account"] = list(self._scope.accounts)
        if self._scope.regions:
            where["region"] = list(self._scope.regions)
        body: dict[str, Any] = {"kinds": kinds, "where": where}
        if lines != ():
            body["schedule"] = self._name
        if hibernate:
            body["action"] = "hibernate"
        if lines != ():
            body["start"] = "everything"
            body["started_by_hand"] = "stop" if self._flag("enforced") else "keep_until_next_window"
        return body

    def _draft(self, name: str, body: dict[str, Any], comments: tuple[str, ...], why_not: tuple[str, ...]) -> RuleDraft:
        schedules = (body["schedule"],) if "schedule" in body else ()
        return RuleDraft(name, body, comments, why_not, schedules)

    def _comments(self) -> tuple[str, ...]:
        description = self._schedule.value("description")
        written = (description,) if isinstance(description, str) and description.strip() else ()
        stack = self._schedule.value("configured_in_stack")
        by_stack = (f"Instance Scheduler has it from the stack {stack}.",) if isinstance(stack, str) else ()
        return (*written, *by_stack)

    # Values

    def _text(self, key: str) -> str | None:
        value = self._schedule.value(key)
        if value in (None, ""):
            return None
        if not isinstance(value, str):
            self._comment_out_key(key, f"it is no text, but {value_words(value)}")
            return None
        return value

    def _flag(self, key: str, *, default: bool = False) -> bool:
        value = self._schedule.value(key)
        if value in (None, ""):
            return default
        known = {"true": True, "false": False}.get(str(value).lower())
        if known is None:
            self._comment_out_key(key, f"it is neither true nor false, but {value_words(value)}")
            return default
        return known

    # What is lost

    def _note(self, place: Place, what: str, why: str) -> None:
        self._found.not_carried_over[place.lacks(what, why)] = None

    def _comment_out(self, place: Place, what: str, why: str) -> None:
        self._note(place, what, f"{why}; the rule {self._name} is a comment")
        self._why_not.append(f"{what}: {why}.")

    def _note_key(self, key: str, why: str, what: str = "") -> None:
        self._say(self._note, key, why, what)

    def _comment_out_key(self, key: str, why: str, what: str = "") -> None:
        self._say(self._comment_out, key, why, what)

    def _say(self, say: Callable[[Place, str, str], None], key: str, why: str, what: str) -> None:
        given = self._schedule.given.get(key)
        shown = given.value if given is not None and isinstance(given.value, str | bool | int) else None
        text = (
            f"`{key}: {str(shown).lower() if isinstance(shown, bool) else shown}`" if shown is not None else f"`{key}`"
        )
        say(self._schedule.place_of(key), f"{what or text} of {self._name}", why)

    def _comment_out_of(self, period: Definition, key: str, why: str) -> None:
        self._comment_out(period.place_of(key), f"`{key}` of the period {period.name}", why)


def _texts(value: Any) -> list[str] | None:
    """A text with commas, or a list of texts; None for anything else. Numbers are CloudFormation's texts."""
    if value is None or value == "":
        return []
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, bool) or not isinstance(item, str | int) for item in items):
        return None
    return [text for item in items for text in str(item).split(",")]


def _is_always(lines: Sequence[Line]) -> bool:
    """Whether it runs all day on every day."""
    whole = [line for line in lines if line.side is Side.WINDOW and line.length == DAY_MINUTES]
    days = 0
    for line in whole:
        days |= days_of(line.calendar)
    return days == every_day()


def _stops_twice(lines: Sequence[Line]) -> bool:
    """Whether it has running hours, and an end that is not one of theirs."""
    sides = {line.side for line in lines if line.start or line.side is not Side.UNTIL}
    return Side.UNTIL in sides and len(sides) > 1

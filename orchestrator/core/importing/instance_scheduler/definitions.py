"""Schedules, periods and settings as they are given, by the keys of Instance Scheduler's own table, whatever form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core.importing.imported import NotCarriedOver

SCHEDULE_KEYS = frozenset(
    {
        "name",
        "type",
        "description",
        "timezone",
        "periods",
        "override_status",
        "overwrite",
        "stop_new_instances",
        "ssm_maintenance_window",
        "use_maintenance_window",
        "use_metrics",
        "metrics",
        "enforced",
        "hibernate",
        "retain_running",
        "configured_in_stack",
    }
)
PERIOD_KEYS = frozenset(
    {
        "name",
        "type",
        "description",
        "begintime",
        "endtime",
        "weekdays",
        "monthdays",
        "months",
        "configured_in_stack",
    }
)
SETTING_KEYS = frozenset(
    {
        "name",
        "type",
        "tagname",
        "default_timezone",
        "scheduled_services",
        "regions",
        "remote_account_ids",
        "organization_id",
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file: its line, from 1, and its path in the document."""

    source: str
    line: int
    path: str

    def lacks(self, what: str, why: str) -> NotCarriedOver:
        """What stands there and is not carried over."""
        return NotCarriedOver(self.source, self.line, self.path, what, why)


@dataclass(frozen=True, slots=True)
class Given:
    """A value under its key, as the key is written."""

    key: str
    value: Any
    place: Place


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is not understood where something was read; nothing active may come of it."""

    place: Place
    what: str
    why: str
    key: str = ""
    """Of the table, where it is about the value of one."""

    @property
    def lost(self) -> NotCarriedOver:
        """The same as one thing that is not carried over."""
        return self.place.lacks(self.what, self.why)


@dataclass(frozen=True, slots=True)
class Definition:
    """A schedule, a period, or the settings. `given` has its keys as those of the table, such as `begintime`."""

    name: str
    place: Place
    given: Mapping[str, Given]
    doubts: tuple[Doubt, ...] = ()
    periods: tuple[tuple[Definition, str], ...] = ()
    """Of a CloudFormation resource: its own, each with the instance type that it asks for."""

    def value(self, key: str) -> Any:
        """None where it is not given."""
        return self.given[key].value if key in self.given else None

    def place_of(self, key: str) -> Place:
        """Of the key, or of the whole."""
        return self.given[key].place if key in self.given else self.place


@dataclass(slots=True)
class Definitions:
    """All that was found, in order. `others` are entries of no kind that is known."""

    schedules: list[Definition] = field(default_factory=list)
    periods: list[Definition] = field(default_factory=list)
    settings: list[Definition] = field(default_factory=list)
    others: list[Doubt] = field(default_factory=list)

"""Settings from the environment; the same in Lambda and on the command line."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from orchestrator.core.model import Mode
from orchestrator.core.policy.scheduled_sweeps import ScheduledSweep
from orchestrator.core.policy.schedules.cron import expression_problem
from orchestrator.core.policy.schedules.zones import is_time_zone
from orchestrator.core.report.stored_files import DIAGNOSES_FOLDER, INDEX_FOLDER, SWEEPS_FOLDER
from orchestrator.errors import SettingsError, without
from orchestrator.ledger.lease import Times

PREFIX = "STOP_ORCHESTRATOR_"
DEFAULT_STORE = Path(".stop-orchestrator")
DEFAULT_STACK_SET = "stop-orchestrator-members"
"""The name that the template gives the StackSet of the member role."""
_POLICY_ENTRY = re.compile(r"(s3://[a-z0-9][a-z0-9.-]*/|ssm:/?[A-Za-z0-9_.-])[^*]*\*?")
"""A bucket is named as a whole: anybody may have one whose name begins like another's."""
PRICE_LIST = "price-list"
"""In place of a file of prices: AWS's own list."""
_OBJECT = re.compile(r"s3://[a-z0-9][a-z0-9.-]*/.+")
_ONLY_ELSEWHERE = frozenset({"report_bucket", "table", "anchor"})
_WITHHELD = frozenset({"external_id"})
"""Whose values no message quotes."""
_WRITTEN_BY_THE_HUB = (SWEEPS_FOLDER, DIAGNOSES_FOLDER, INDEX_FOLDER)
_SWEEP_MODES = (Mode.PLAN, Mode.ENFORCE, Mode.APPROVE)


def _sweep_mode(value: object) -> Mode:
    if isinstance(value, str) and value in _SWEEP_MODES:
        return Mode(value)
    raise PydanticCustomError("mode", "must be 'plan', 'enforce' or 'approve'")


def _switch(value: object) -> bool:
    if value in ("on", "off"):
        return value == "on"
    raise PydanticCustomError("switch", "must be 'on' or 'off'")


def _entries(value: object) -> object:
    return [one.strip() for one in value.split(",")] if isinstance(value, str) else value


def _policy_entry(value: object) -> str:
    if isinstance(value, str) and _POLICY_ENTRY.fullmatch(value):
        return value
    raise PydanticCustomError(
        "policy",
        "must be s3://bucket/key or ssm:/name, or the beginning of such that ends in `*` or `/`; never a local path",
    )


def _price_source(value: object) -> str:
    if isinstance(value, str) and value and (not value.startswith("s3://") or _OBJECT.fullmatch(value)):
        return value
    right = f"must be files, as a path, s3://bucket/key or ssm:/name, or {PRICE_LIST}, with commas between them"
    raise PydanticCustomError("prices", "{right}", {"right": right})


def _expression(value: str) -> str:
    problem = expression_problem(value)
    if problem is not None:
        raise PydanticCustomError("expression", "{why}", {"why": problem})
    return value


def _zone(value: str) -> str:
    if not is_time_zone(value):
        raise PydanticCustomError("zone", "must be an IANA time zone such as Europe/Berlin or UTC")
    return value


Expression = Annotated[str, AfterValidator(_expression)]
SweepMode = Annotated[Mode, BeforeValidator(_sweep_mode)]
"""The modes that a sweep can be run in; `apply` and `undo` are commands of their own."""


class Settings(BaseModel):
    """What is read from the environment; the same in Lambda and on the command line."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    policy: str | None = None
    policies: Annotated[tuple[Annotated[str, BeforeValidator(_policy_entry)], ...], BeforeValidator(_entries)] = ()
    """What an event may name as its policy; without any, the one of the settings and no other."""
    member_role: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@/-]+$", max_length=512)] = "stop-orchestrator-member"
    external_id: Annotated[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@:/-]+$", min_length=2, max_length=1224)] | None,
        Field(repr=False),
    ] = None
    management_role: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@/-]+$", max_length=512)] | None = None
    """The role in the management account that lists the tags of all accounts at once; a hub in it needs none."""
    report_bucket: str | None = None
    table: str | None = None
    mode: SweepMode | None = None
    """The most that this process may do, and what a Lambda does where its event says no mode; None: it is not set."""
    workers: Annotated[int, Field(ge=1, le=512)] = 128
    kill_switch: Annotated[str, Field(pattern=r"^(file:.+|[A-Za-z0-9_./-]+)$")] | None = None
    """An SSM parameter's name, or `file:PATH`."""
    topic: Annotated[str, Field(pattern=r"^arn:[^:]+:sns:")] | None = None
    signing_key: str | None = None
    link_key: str | None = None
    """The KMS key that signs opt-out links, for the function behind them; sweeps take it from their policy."""
    anchor: Annotated[str, Field(pattern=r"^(file:.+|[A-Za-z0-9_./-]+)$")] | None = None
    """Where the newest manifest is named outside of store and ledger: an SSM parameter's name, or `file:PATH`."""
    function: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    """The Lambda that sweeps, by whose name the metrics of all the hub's functions go; None: the one that runs."""
    schedule: Expression | None = None
    """When a policy that names no sweeps is swept by, and when it is previewed: as EventBridge Scheduler has them."""
    preview_schedule: Expression | None = None
    schedule_timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    schedule_window_minutes: Annotated[int, Field(ge=1, le=1440)] = 5
    continuations: Annotated[int, Field(ge=0, le=50)] = 5
    """How often a fresh invocation of the Lambda may resume one sweep."""
    accounts_a_part: Annotated[int, Field(ge=1, le=1000)] = 20
    """For each invocation of a state machine's step."""
    light_path: Annotated[bool, BeforeValidator(_switch)] = True
    """Whether listings are sent and read without botocore's machinery around each call."""
    pacing: Annotated[bool, BeforeValidator(_switch)] = True
    """Off for emulators alone, which have no rates: in real accounts other people's calls would be refused."""
    lease_seconds: Annotated[float, Field(ge=0.4, le=900)] = 20.0
    common_region: Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$")] | None = None
    """A region that is enabled in every account; None: the hub's own, or us-east-1 where that one is opted into."""
    stack_set: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*(:[A-Za-z0-9-]+)?$")] = DEFAULT_STACK_SET
    """The StackSet that rolls out the member role: its name, or its id."""
    prices: Annotated[tuple[Annotated[str, BeforeValidator(_price_source)], ...], BeforeValidator(_entries)] = ()
    """Where prices are from, in order: files of the operator's own, and `price-list`, which is AWS's; none: nothing is
    said of money.
    """
    store: Path = DEFAULT_STORE

    @property
    def ledger_place(self) -> str:
        """Where the ledger is, for people."""
        return f"the table {self.table}" if self.table else f"the ledger in {self.store}"

    @property
    def lease_times(self) -> Times:
        """Renewed four times in its life, as 5 s are to 20 s."""
        return Times(self.lease_seconds / 4, self.lease_seconds, min(1.0, self.lease_seconds / 10))

    def refuse_mode(self, mode: Mode, unset: Mode = Mode.ENFORCE) -> None:
        """Raises SettingsError, which names the setting, for a mode beyond the one that is set, or beyond `unset`."""
        if mode.is_within(self.mode or unset):
            return
        says = f"is {self.mode.value!r}" if self.mode else f"is not set, which means {unset.value!r} here"
        raise SettingsError(f"the mode {mode.value!r} is refused: {PREFIX}MODE {says}")

    @property
    def default_sweeps(self) -> tuple[ScheduledSweep, ...]:
        """Those of a policy that names none, as the hub's template schedules them."""
        zone, window = ZoneInfo(self.schedule_timezone), timedelta(minutes=self.schedule_window_minutes)
        each = (
            ("sweep", self.mode or Mode.PLAN, self.schedule),
            ("preview", Mode.PLAN, self.preview_schedule),
        )
        return tuple(ScheduledSweep(name, mode, text, zone, window) for name, mode, text in each if text)

    @property
    def allowed_policies(self) -> tuple[str, ...]:
        """What an event may name as its policy: sources, and beginnings of sources, which end in `*` or `/`."""
        mine = self.policy or ""
        return self.policies or ((mine,) if mine.startswith(("s3://", "ssm:")) else ())

    def allows_policy(self, source: str) -> bool:
        """Whether an event may name that policy."""
        if {".", ".."} & set(source.split("/")) or self.is_written_by_sweeps(source):
            return False
        return any(
            source.startswith(one.removesuffix("*")) if one.endswith(("*", "/")) else source == one
            for one in self.allowed_policies
        )

    def is_written_by_sweeps(self, source: str) -> bool:
        """Whether the hub's own role may write that policy, so that no one answers for its text."""
        written = tuple(f"s3://{self.report_bucket}/{folder}" for folder in _WRITTEN_BY_THE_HUB)
        return bool(self.report_bucket) and source.startswith(written)

    @classmethod
    def from_env(cls, environment: Mapping[str, str], needed: Sequence[str] = (), /, **overrides: object) -> Settings:
        """Settings from STOP_ORCHESTRATOR_* variables; an override that is not None wins.

        A `store` among the overrides wins over the report bucket, the table and an anchor in SSM too. Raises
        SettingsError that names every variable that makes no sense, or is `needed` and missing, and what would be
        right.
        """
        overridden = {name: value for name, value in overrides.items() if value is not None}
        here = _ONLY_ELSEWHERE if "store" in overridden else frozenset()
        values = {
            name: value
            for name in cls.model_fields
            if (value := environment.get(f"{PREFIX}{name.upper()}")) and not _is_elsewhere(name, value, here)
        }
        problems = [
            f"{PREFIX}{name.upper()} is missing"
            for name in needed
            if not str({**values, **overridden}.get(name, "")).strip()
        ]
        if values.get("anchor") and values["anchor"] == {**values, **overridden}.get("kill_switch"):
            problems.append(f"{PREFIX}ANCHOR={values['anchor']!r}: is the kill switch, which every sweep would pull")
        try:
            settings = cls.model_validate({**values, **overridden})
            problems += _written_by_sweeps(settings, overridden)
        except ValidationError as invalid:
            problems += [_problem(error, overridden) for error in invalid.errors()]
        if problems:
            raise SettingsError("\n".join(problems))
        return settings


def without_external_id(environment: Mapping[str, str], text: str) -> str:
    """The text without the external id, which may be in what is quoted of an event."""
    return without(environment.get(f"{PREFIX}EXTERNAL_ID", "").strip(), text)


def _written_by_sweeps(settings: Settings, overridden: Collection[str]) -> list[str]:
    """A problem for each policy that is named where sweeps write."""
    policy = "--policy" if "policy" in overridden else f"{PREFIX}POLICY"
    sources = [(policy, settings.policy or ""), *((f"{PREFIX}POLICIES", one) for one in settings.policies)]
    where = "of the report bucket, where the hub itself writes; keep policies elsewhere"
    return [
        f"{name}={source!r}: is below {folder} {where}"
        for name, source in sources
        if settings.is_written_by_sweeps(source)
        for folder in _WRITTEN_BY_THE_HUB
        if source.startswith(f"s3://{settings.report_bucket}/{folder}")
    ]


def _is_elsewhere(name: str, value: str, here: Collection[str]) -> bool:
    """Whether a setting is about the hub's store, where another store is named. A file may be any one's anchor."""
    return name in here and not (name == "anchor" and value.startswith("file:"))


def _problem(error: Mapping[str, object], overridden: Mapping[str, object]) -> str:
    location = error["loc"]
    assert isinstance(location, tuple)
    name = str(location[0])
    origin = f"--{name.replace('_', '-')}" if name in overridden else f"{PREFIX}{name.upper()}"
    return f"{origin}: {error['msg']}" if name in _WITHHELD else f"{origin}={error['input']!r}: {error['msg']}"

"""All definitions of a stack as one policy of ours, with what holds for all of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.core.importing.document import PolicyDraft, written
from orchestrator.core.importing.imported import Imported, InputFile, NotCarriedOver
from orchestrator.core.importing.instance_scheduler.definitions import Definition, Definitions, Doubt
from orchestrator.core.importing.instance_scheduler.reading import read_definitions
from orchestrator.core.importing.instance_scheduler.rules import EC2, RDS, Scope, translate
from orchestrator.core.importing.names import Names
from orchestrator.core.policy.schedules.zones import zone_problem
from orchestrator.errors import ImportedInputError, PolicyError, SettingsError

DEFAULT_TAG_KEY = "Schedule"
_LONGEST_KEY = 128
_ACCOUNT, _REGION = re.compile("[0-9]{12}"), re.compile("[a-z]{2}(-[a-z]+)+-[0-9]+")
_HEADING = (
    (
        "Imported from Instance Scheduler on AWS. Turn that off before a sweep acts by this; until then `plan` says "
        "what a sweep would do, and stops nothing."
    ),
    (
        "In which accounts and regions Instance Scheduler acts is no part of its schedules: a rule without `account` "
        "and `region` acts on what has the tag in the whole organization. Narrow it where the tag is used elsewhere."
    ),
    (
        "Auto Scaling groups and DB clusters, on which Instance Scheduler may act too, need rules of `asg` and "
        "`rds_cluster`, which are not made."
    ),
    "`start: everything` needs the member role's parameter StartScope=everything.",
)


@dataclass(frozen=True, slots=True)
class Options:
    """What a user says beside the files; it wins over the settings in them."""

    policy_name: str
    tag_key: str | None = None
    default_timezone: str | None = None
    stack: str | None = None
    """CloudFormation's name of the stack, which it puts before the names of its schedules."""
    accounts: tuple[str, ...] = ()

    @classmethod
    def checked(cls, **options: Any) -> Options:
        """Raises SettingsError that names the option that makes no sense."""
        made = cls(**options)
        if made.tag_key is not None and not 1 <= len(made.tag_key) <= _LONGEST_KEY:
            raise SettingsError(f"--tag-key: a tag's key has 1 to {_LONGEST_KEY} characters")
        problem = zone_problem(made.default_timezone) if made.default_timezone is not None else None
        if problem is not None:
            raise SettingsError(f"--default-timezone: {problem}")
        for account in made.accounts:
            if not _ACCOUNT.fullmatch(account):
                raise SettingsError(f"--account: {account!r} is no account id, which has 12 digits")
        return made


def import_schedules(files: Sequence[InputFile], options: Options) -> Imported:
    """The policy of all definitions in the files, and everything that it lacks of them.

    Raises ImportedInputError with everything that is wrong with files that cannot be read.
    """
    definitions, unreadable = Definitions(), []
    for file in files:
        try:
            read_definitions(file.text, file.source, options.stack, definitions)
        except PolicyError as wrong:
            unreadable.append(wrong)
    if unreadable:
        raise ImportedInputError(tuple(unreadable))
    lost = [one.lost for one in definitions.others]
    scope = _scope(definitions.settings, options, lost)
    periods = _by_name(definitions.periods)
    lost += [doubt.lost for period in periods.pop("", ()) for doubt in period.doubts]
    names = Names()
    schedules, rules = [], []
    for schedule in _checked(definitions.schedules):
        translation = translate(schedule, periods, scope, names)
        schedules += translation.schedules
        rules += translation.rules
        lost += translation.not_carried_over
    used = {one for schedule in definitions.schedules for one in _period_names(schedule)}
    unused = [one for name, several in periods.items() if name not in used for one in several]
    lost += [one.place.lacks(f"the period {one.name}", "no schedule uses it") for one in unused]
    order = {file.source: number for number, file in enumerate(files)}
    lost.sort(key=lambda one: (order[one.source], one.line))
    draft = PolicyDraft(options.policy_name, _HEADING, tuple(schedules), tuple(rules), {})
    return written(draft, dict.fromkeys(lost))


def _by_name(definitions: Sequence[Definition]) -> dict[str, list[Definition]]:
    """Those that differ, by their names."""
    found: dict[str, dict[str, Definition]] = defaultdict(dict)
    for one in definitions:
        found[one.name].setdefault(repr(_facts(one)), one)
    return {name: [*several.values()] for name, several in found.items()}


def _checked(schedules: Sequence[Definition]) -> Iterator[Definition]:
    """Each once; of several of one name that differ, each with the doubt which of them counts."""
    for several in _by_name(schedules).values():
        for one in several:
            if len(several) == 1:
                yield one
                continue
            first = several[0] if several[0] is not one else several[1]
            why = f"{first.place.source}:{first.place.line} defines it in another way"
            doubts = (*one.doubts, Doubt(one.place, f"the schedule {one.name}", why))
            yield Definition(one.name, one.place, one.given, doubts, one.periods)


def _facts(of: Definition) -> tuple[Any, ...]:
    """All that it says, but not where."""
    given = sorted((key, repr(one.value)) for key, one in of.given.items())
    return given, [doubt.what for doubt in of.doubts], [(_facts(period), size) for period, size in of.periods]


def _period_names(schedule: Definition) -> Iterator[str]:
    value = schedule.value("periods")
    named = value if isinstance(value, list) else str(value).split(",") if value else []
    yield from (str(one).partition("@")[0] for one in named)


def _scope(settings: Sequence[Definition], options: Options, lost: list[NotCarriedOver]) -> Scope:
    """What the options say, and else the settings."""
    tag_key, zone = options.tag_key, options.default_timezone
    services: frozenset[str] = frozenset({EC2, RDS})
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    doubts: list[Doubt] = []
    for one in settings:
        lost += [doubt.lost for doubt in one.doubts]
        tag_key = tag_key or _text(one, "tagname")
        zone = zone or _text(one, "default_timezone")
        listed = {key: _list(one, key) for key in ("scheduled_services", "remote_account_ids", "regions")}
        services = services & {text.lower() for text in listed["scheduled_services"]} or services
        for key, form in (("remote_account_ids", _ACCOUNT), ("regions", _REGION)):
            why = "it is not understood, so what is in scope is not known"
            doubts += [
                Doubt(one.place_of(key), f"`{text}` under `{key}`", why)
                for text in listed[key]
                if not form.fullmatch(text)
            ]
        regions = (*regions, *listed["regions"])
        accounts = (*accounts, *listed["remote_account_ids"])
        if listed["remote_account_ids"] and not options.accounts:
            why = "it is none of these: the rules leave it out; add it to their `account`"
            lost.append(one.place_of("remote_account_ids").lacks("Instance Scheduler's own account", why))
    accounts = options.accounts or accounts
    return Scope(tag_key or DEFAULT_TAG_KEY, zone, accounts, regions, services, tuple(doubts))


def _text(one: Definition, key: str) -> str | None:
    value = one.value(key)
    return value if isinstance(value, str) and value else None


def _list(one: Definition, key: str) -> list[str]:
    value = one.value(key)
    items = value if isinstance(value, list) else str(value).split(",") if value else []
    return [item.strip() for item in items if isinstance(item, str) and item.strip()]

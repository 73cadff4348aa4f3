"""Files of Cloud Custodian's policies as one policy of ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.core.importing.cloud_custodian.actions import (
    DEFAULT_MARK,
    MARK,
    NOTIFY,
    START,
    STOP,
    TAG,
    RuleAction,
    read_action,
)
from orchestrator.core.importing.cloud_custodian.conditions import (
    Translator,
    Where,
    together,
)
from orchestrator.core.importing.cloud_custodian.hours import SIDES, HourFilter, RuleHours, read_hours
from orchestrator.core.importing.cloud_custodian.overlap import apart
from orchestrator.core.importing.cloud_custodian.source import Losses, SourcePolicy, read_policies
from orchestrator.core.importing.document import PolicyDraft, RuleDraft, ScheduleDraft, write_policy, written
from orchestrator.core.importing.imported import Imported, InputFile, NotCarriedOver
from orchestrator.core.importing.names import Names
from orchestrator.core.model import KindDescription
from orchestrator.core.model.kind import CloudCustodianNames
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.yaml_document import Path, value_words
from orchestrator.errors import PolicyError

_MARKED = "marked-for-op"
_DESCRIBING = ("description", "comment", "comments", "title", "metadata", "tags")
_KNOWN = frozenset({"name", "resource", "filters", "actions", "mode", "query", "region", *_DESCRIBING})
_WHEN_RUN = frozenset({"type", "schedule", "timezone"})
_EACH_HOUR = re.compile(r"\S+\s+\*\s+[*?]\s+\*\s+[*?]\s+\*")
"""A cron expression whose minutes alone are named."""
_ORDER = (STOP, START, MARK, TAG, NOTIFY)
_VALUES_SHOWN = 5
DOCUMENTED_VALUES = ("on", "")
"""Those of the tag that mean the policy's own hours; others are given by who imports."""
_HEADING = """\
From Cloud Custodian: {files}.
It acts only in the very hour that an `offhour` or `onhour` names, and so do these rules, with hourly sweeps. \
What is started by hand after that hour stays, there and here.
Kept here and not there, by every policy: what opts out, members of what would replace them, and what would lose \
data of instance stores or a Mac's host (`accept` in a rule lets it be stopped).
Set `guardrails` before the first sweep that stops: the original has no limits."""
_LIMIT = "near is `guardrails: {per_account: {max_stops: ...}}`, which counts an account's stops by all rules"
_LIMITS = dict.fromkeys(("max-resources", "max-resources-percent"), _LIMIT)


@dataclass(slots=True)
class _Parsed:
    """One policy as far as it could be read."""

    policy: SourcePolicy
    losses: Losses
    action: RuleAction
    where: list[Where]
    hours: tuple[HourFilter, ...] = ()
    marked: str = ""
    """The tag by which it acts on what another policy marked."""
    said: list[str] = field(default_factory=list)

    @property
    def is_lost(self) -> bool:
        return bool(self.losses.fatal)


def import_policies(
    files: Sequence[InputFile], name: str, kinds: Sequence[KindDescription], values: Sequence[str] = ()
) -> Imported:
    """One policy of that name, with a rule for each policy of the files, valid for these kinds.

    `values`: further values of the tags that `offhour` and `onhour` read. Raises ImportedInputError.
    """
    policies = read_policies(files)
    names = {one.resource or kind.name: (kind.name, one) for kind in kinds if (one := kind.cloud_custodian) is not None}
    parsed = [_parse(policy, names) for policy in policies]
    made = _Making(tuple(dict.fromkeys((*DOCUMENTED_VALUES, *values))), kinds)
    pairs = [*_pairs(parsed, made.values)]
    pairs.sort(key=lambda pair: _ORDER.index(pair[0].action.name) if pair[0].action.name in _ORDER else len(_ORDER))
    rules = [made.rule(first, second) for first, second in pairs]
    rules = _valid_together(PolicyDraft(name, (), tuple(made.schedules), tuple(rules), {}), pairs, kinds)
    _first_match(pairs, rules)
    heading = tuple(_HEADING.replace("{files}", ", ".join(file.source for file in files)).splitlines())
    draft = PolicyDraft(name, heading, tuple(made.schedules), tuple(rules), {"timezone": "UTC"})
    return written(draft, _in_order(parsed))


def _in_order(parsed: Iterable[_Parsed]) -> list[NotCarriedOver]:
    return [one for each in parsed for one in sorted(each.losses.found, key=lambda one: one.line)]


# --- one policy


def _parse(policy: SourcePolicy, names: Mapping[str, tuple[str, CloudCustodianNames]]) -> _Parsed:
    """`names`: by its resource, our kind and what it calls things of it."""
    losses, document = Losses(policy), policy.document
    if policy.resource not in names:
        near = ": near is a rule with `kinds: [asg]`" if policy.resource == "asg" else ""
        why = f"policies of it are not carried over{near}; there are {', '.join(names)}"
        losses.lose(("resource",), f"`{policy.resource}`", why)
        return _Parsed(policy, losses, RuleAction("", {}), [])
    kind, own = names[policy.resource]
    policy = replace(policy, resource=kind)
    losses = Losses(policy)
    for key in document:
        if key not in _KNOWN:
            losses.lose((key,), f"`{key}`", _LIMITS.get(key, "it is not known here"))
    action = read_action(list(document.get("actions", [])), own, losses)
    parsed = _Parsed(policy, losses, action, [])
    _read_filters(parsed, own)
    parsed.where += _query(document.get("query", []), parsed, own)
    if "region" in document:
        _region(document["region"], parsed)
    _mode(document.get("mode"), parsed)
    if action.name == START and not any(one.side == "on" for one in parsed.hours) and not parsed.is_lost:
        why = "a rule starts in the running time of a schedule, and here is no `onhour`"
        losses.lose(("actions",), "a start at any time", why)
    return parsed


def _read_filters(parsed: _Parsed, names: CloudCustodianNames) -> None:
    """`offhour`, `onhour` and `marked-for-op` stand by themselves, as the rule's schedule and notice."""
    losses, kind, own = parsed.losses, parsed.policy.resource, []
    for number, given in enumerate(parsed.policy.document.get("filters", [])):
        path: Path = ("filters", number)
        word = given if isinstance(given, str) else given.get("type") if isinstance(given, dict) else None
        mapping = given if isinstance(given, dict) else {"type": word}
        if isinstance(word, str) and word in SIDES and not parsed.hours:
            found = read_hours(word, mapping, path, losses)
            parsed.hours = (found,) if found is not None else ()
            _check_side(parsed, word, path)
        elif word == _MARKED and not parsed.marked and parsed.action.name == STOP:
            _read_marked(mapping, path, parsed)
        else:
            own.append((number, given))
    implied = {STOP: names.running, MARK: names.running, START: names.stopped}.get(parsed.action.name, "")
    translator = Translator(kind, names, losses, implied)
    for number, given in own:
        one = translator.filter(given, ("filters", number), negated=False, top=True)
        parsed.where += [one] if one is not None else []


def _check_side(parsed: _Parsed, word: str, path: Path) -> None:
    needed = {"offhour": STOP, "onhour": START}[word]
    if parsed.action.name != needed:
        near = f"`{word}` is carried over with the action `{needed}` alone"
        parsed.losses.lose(path, f"`{word}` with another action", near)


def _read_marked(given: Mapping[str, Any], path: Path, parsed: _Parsed) -> None:
    for key in given:
        if key not in ("type", "tag", "op"):
            why = "a notice ends with its day, in UTC; near is another number of days"
            parsed.losses.lose((*path, key), f"`{key}`", why)
    if given.get("op", STOP) != STOP:
        parsed.losses.lose((*path, "op"), f"`op: {given['op']}`", "only a stop can be announced")
    parsed.marked = str(given.get("tag", DEFAULT_MARK))


def _query(given: Any, parsed: _Parsed, names: CloudCustodianNames) -> Iterator[Where]:
    losses, implied = parsed.losses, names.running if parsed.action.name in (STOP, MARK) else None
    if not isinstance(given, list):
        losses.lose(("query",), "`query`", f"it must be a list, not {value_words(given)}")
        return
    for number, entry in enumerate(given):
        path: Path = ("query", number)
        key, value = next(iter(entry.items())) if isinstance(entry, dict) and len(entry) == 1 else (None, None)
        states = value if isinstance(value, list) else [value]
        if key == "instance-state-name" and implied in states:
            continue
        if key == "instance-state-name" and parsed.action.name == START and names.stopped in states:
            continue
        texts = [one for one in states if isinstance(one, str) and one and "[" not in one]
        if isinstance(key, str) and key.startswith("tag:") and parsed.policy.resource == "ec2" and texts == states:
            yield {"tag": {key.removeprefix("tag:"): texts if len(texts) > 1 else texts[0]}}
        else:
            losses.lose(path, f"the query {value_words(key)}", "of queries, states and tags are carried over")


def _region(region: Any, parsed: _Parsed) -> None:
    if isinstance(region, str) and re.fullmatch("[a-z0-9-]+", region):
        parsed.where.append({"region": region})
    else:
        parsed.losses.lose(("region",), "`region`", f"it must be a region's name, not {value_words(region)}")


def _mode(mode: Any, parsed: _Parsed) -> None:
    """When it runs: at any time, but for a cron expression of certain hours, by which our rules are not told apart."""
    if mode is None:
        return
    kind = mode.get("type") if isinstance(mode, dict) else None
    schedule = mode.get("schedule") if isinstance(mode, dict) else None
    if kind not in ("pull", "periodic", "schedule"):
        parsed.losses.lose(("mode",), f"`mode: {{type: {kind}}}`", "it acts on events; a rule acts in each sweep")
        return
    cron = re.fullmatch(r"cron\((.*)\)", schedule.strip()) if isinstance(schedule, str) else None
    if cron is not None and not _EACH_HOUR.fullmatch(cron[1].strip()):
        why = (
            f"a rule acts in each sweep; near is `sweeps: [{{name: ..., mode: plan, cron: {cron[1]!r}}}]` for all rules"
        )
        parsed.losses.lose(("mode", "schedule"), f"`{schedule}`", why)
    elif cron is None and schedule is not None and not re.fullmatch(r"rate\([0-9]+ \w+\)", str(schedule).strip()):
        parsed.losses.lose(("mode", "schedule"), "`schedule`", f"it is no expression: {value_words(schedule)}")
    elif set(mode) - _WHEN_RUN:
        parsed.said.append("Its Lambda's settings have no meaning here: " + ", ".join(sorted(set(mode) - _WHEN_RUN)))


# --- pairs


_Pair = tuple[_Parsed, _Parsed | None]


def _pairs(parsed: Sequence[_Parsed], values: Sequence[str]) -> list[_Pair]:
    """Policies by themselves, and two that are one rule: `offhour` with `onhour`, and a mark with what acts on it."""
    partners: dict[int, int] = {}
    for number, one in enumerate(parsed):
        other = None
        if one.action.name == MARK:
            other = _acting_on(one, parsed)
        elif one.action.name == STOP:
            free = (at for at in range(len(parsed)) if at not in partners.values())
            other = next((at for at in free if _fit(one, parsed[at], values)), None)
        if other is not None:
            partners[number] = other
    for number, one in enumerate(parsed):
        _check_mark(one, is_alone=number not in partners and number not in partners.values())
    return [
        (one, parsed[partners[number]] if number in partners else None)
        for number, one in enumerate(parsed)
        if number not in partners.values()
    ]


def _check_mark(one: _Parsed, *, is_alone: bool) -> None:
    if is_alone and one.action.name == MARK:
        why = "no one policy of this import acts on the mark (`marked-for-op` with the action `stop`)"
        one.losses.lose(("actions",), f"`{MARK}`", f"{why}; near is `action: tag`")
    if is_alone and one.marked:
        why = f"no policy of this import writes the mark {one.marked} (`mark-for-op`); near is `notice`"
        one.losses.lose(("filters",), f"`{_MARKED}`", why)


def _acting_on(mark: _Parsed, parsed: Sequence[_Parsed]) -> int | None:
    acting = [
        number
        for number, one in enumerate(parsed)
        if one.marked == mark.action.mark and one.policy.resource == mark.policy.resource
    ]
    return acting[0] if len(acting) == 1 else None


def _fit(one: _Parsed, two: _Parsed, values: Sequence[str]) -> bool:
    if {one.action.name, two.action.name} != {STOP, START} or one.is_lost or two.is_lost:
        return False
    if len(one.hours) != 1 or len(two.hours) != 1 or one.policy.resource != two.policy.resource:
        return False
    first, second = one.hours[0], two.hours[0]
    same = first.keys == second.keys and first.acts_on_untagged == second.acts_on_untagged
    return same and one.where == two.where and RuleHours((first, second)).fit((*values, *_asked_for(one, first)))


# --- rules


class _Making:
    """Rules with the schedules that they name, which are shared where they say the same."""

    def __init__(self, values: tuple[str, ...], kinds: Sequence[KindDescription]) -> None:
        self.values = values
        self.schedules: list[ScheduleDraft] = []
        self._kinds = kinds
        self._names = Names()
        self._schedule_names = Names()

    def rule(self, one: _Parsed, other: _Parsed | None) -> RuleDraft:
        """The rule of a policy, or of two that belong together."""
        policies = [each for each in (one, other) if each is not None]
        name = self._names.new(one.policy.name, "policy")
        where = [part for each in policies for part in each.where]
        document: dict[str, Any] = {"kinds": [one.policy.resource]}
        hours = RuleHours(tuple(filter_ for each in policies for filter_ in each.hours))
        schedule: dict[str, Any] = {}
        if hours.filters and not any(each.is_lost for each in policies):
            where += _tagged(hours)
            schedule = self._schedule(name, hours, one)
        document["where"] = together([part for number, part in enumerate(where) if part not in where[:number]])
        document |= schedule
        for each in policies:
            document |= {key: value for key, value in each.action.document.items() if key != "notice" or each is one}
        draft = RuleDraft(name, document, tuple(_said(policies)), (), tuple(_named(schedule)))
        self._check(draft, one)
        return replace(draft, lost=tuple(line for each in policies for line in each.losses.fatal))

    def _schedule(self, name: str, hours: RuleHours, one: _Parsed) -> dict[str, Any]:
        values = dict.fromkeys((*self.values, *_asked_for(one, hours.filters[0])))
        of_values = {value: schedule for value in values if (schedule := hours.of_value(value)) is not None}
        untagged = hours.of_untagged()
        by_tag: dict[str, Any] = {"from_tag": list(hours.keys)}
        if of_values:
            by_tag["values"] = {value: self._named(name, value, schedule) for value, schedule in of_values.items()}
        if untagged is not None:
            by_tag["default"] = self._named(name, "", untagged)
        path, tag = (*hours.filters[0].path, "tag"), hours.filters[0].tag
        if not of_values:
            one.losses.lose(path, f"the tag {tag}", "no value of it is known by which it acts")
        first = ", ".join(map(repr, [*of_values][:_VALUES_SHOWN]))
        shown = f"{first} and {len(of_values) - _VALUES_SHOWN} more" if len(of_values) > _VALUES_SHOWN else first
        why = (
            "they are kept, as is what has the key in other letters, and listed under compliance; give those that are "
            "in use by `--tag-value`"
        )
        one.losses.note(path, f"values of the tag {tag} but for {shown}", why)
        return {"schedule": by_tag, "started_by_hand": "stop"}

    def _named(self, rule: str, value: str, schedule: Mapping[str, Any]) -> str:
        known = next((one.name for one in self.schedules if one.document == schedule), None)
        if known is not None:
            return known
        text = f"{rule}-{value}" if value not in DOCUMENTED_VALUES else rule
        found = ScheduleDraft(self._schedule_names.new(text, "hours"), schedule)
        self.schedules.append(found)
        return found.name

    def _check(self, draft: RuleDraft, one: _Parsed) -> None:
        """Whatever a policy of ours may not have is no rule."""
        if not one.is_lost:
            try:
                load_policy(write_policy(PolicyDraft("one", (), tuple(self.schedules), (draft,), {})), "", self._kinds)
            except PolicyError as wrong:
                one.losses.lose((), "the policy", wrong.problems[0].message)


def _asked_for(one: _Parsed, hours: HourFilter) -> list[str]:
    """Values of the tag that the policy's other filters name."""
    found: list[str] = []
    for part in one.where:
        for key, value in (part.get("tag") or {}).items():
            texts = value if isinstance(value, list) else [value]
            if key.lower() == hours.tag.lower():
                found += [text for text in texts if isinstance(text, str) and not re.search(r"[*?]", text)]
    return found


def _tagged(hours: RuleHours) -> list[Where]:
    """What is opted out is left to other rules; so is what has no tag, where the policy acts on none of it."""
    spared: list[Where] = [{"not": {"tag": {key: "off"}}} for key in hours.keys]
    if hours.filters[0].acts_on_untagged:
        return spared
    there: list[Where] = [{"tag": {key: {"present": True}}} for key in hours.keys]
    return [there[0] if len(there) == 1 else {"any": there}, *spared]


def _named(schedule: Mapping[str, Any]) -> Iterator[str]:
    by_tag = schedule.get("schedule", {})
    yield from dict.fromkeys((*by_tag.get("values", {}).values(), *filter(None, [by_tag.get("default")])))


def _said(policies: Sequence[_Parsed]) -> Iterator[str]:
    for one in policies:
        yield f"{one.policy.name} ({one.policy.where})"
        for key in _DESCRIBING:
            value = one.policy.document.get(key)
            if isinstance(value, str) and value.strip():
                yield " ".join(value.split())
        yield from one.said


def _valid_together(draft: PolicyDraft, pairs: Sequence[_Pair], kinds: Sequence[KindDescription]) -> list[RuleDraft]:
    """Rules that are right by themselves may be too many: the last ones become comments."""
    rules = list(draft.rules)
    for number in reversed(range(len(rules))):
        try:
            load_policy(write_policy(replace(draft, rules=tuple(rules))), "", kinds)
        except PolicyError as wrong:
            if rules[number].is_active:
                losses = pairs[number][0].losses
                losses.lose((), "the policy", f"together with those before it: {wrong.problems[0].message}")
                rules[number] = replace(rules[number], lost=tuple(losses.fatal))
        else:
            break
    return rules


def _first_match(pairs: Sequence[_Pair], rules: Sequence[RuleDraft]) -> None:
    """There, each policy acts by itself; here, the first rule that matches owns the resource."""
    for number, rule in enumerate(rules):
        earlier = [one for one in rules[:number] if one.is_active and rule.is_active and not apart(one, rule)]
        if earlier:
            names = ", ".join(one.name for one in earlier)
            why = "the first rule that matches owns a resource, so this one does not act on it; there, both do"
            pairs[number][0].losses.note((), f"what the rule {names} matches too", why)

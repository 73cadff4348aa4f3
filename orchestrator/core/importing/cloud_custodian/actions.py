"""Cloud Custodian's actions: which one a rule of ours has, and what is beside it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.core.importing.cloud_custodian.source import Losses
from orchestrator.core.model.kind import CloudCustodianNames
from orchestrator.core.policy.schema.tagging import TAG_VALUE
from orchestrator.core.policy.yaml_document import Path, value_words

STOP, START, TAG, NOTIFY, MARK = "stop", "start", "tag", "notify", "mark-for-op"
DEFAULT_MARK = "maid_status"
_TELLING = frozenset({"notify", "webhook", "put-metric"})
"""What only tells of it."""
_TAGGING = frozenset({"tag", "mark", "untag", "unmark", "remove-tag"})
_UTC = frozenset({"utc", "gmt", "gt"})
_VARIABLE = re.compile(r"\{[A-Za-z_]")
_NEAR = {
    "suspend": "near is a rule with `kinds: [asg]`, which sizes a group to zero",
    "resume": "near is a rule with `kinds: [asg]`, which sizes a group to zero",
    "auto-tag-user": "nothing tells who made a resource; near is `required_tags`, which reports what has no owner",
    "resize": "no rule changes sizes",
    "terminate": "nothing is ever terminated",
    "delete": "nothing is ever deleted",
    "snapshot": "no rule makes snapshots, and a stop without one would lose what it was for",
}


@dataclass(frozen=True, slots=True)
class RuleAction:
    """The one action that a rule has; `name` is empty where there is none."""

    name: str
    document: Mapping[str, Any]
    mark: str = ""
    """Of `mark-for-op`: the tag that it writes."""


def read_action(given: list[Any], names: CloudCustodianNames, losses: Losses) -> RuleAction:
    """Of all actions the one that decides; what tells of it and what tags beside a stop is only noted."""
    actions = [(_mapping(one), ("actions", number)) for number, one in enumerate(given)]
    kinds = [names.actions.get(str(action.get("type")), str(action.get("type"))) for action, _ in actions]
    if not actions:
        return RuleAction(NOTIFY, {"action": "notify"})
    main = next((name for name in (STOP, START, MARK, TAG) if name in kinds), "")
    if not main and all(kind in _TELLING for kind in kinds):
        for kind, (_, path) in zip(kinds, actions, strict=True):
            losses.note(path, f"the action `{kind}`: to whom and by which way", "`notify:` of the policy names a topic")
        return RuleAction(NOTIFY, {"action": "notify"})
    found: RuleAction | None = None
    for kind, (action, path) in zip(kinds, actions, strict=True):
        if kind == main and found is None:
            found = _READERS[kind](action, path, losses)
            if main == STOP and names.lost:
                losses.note(path, f"`{STOP}` without a word of what it loses", names.lost)
        else:
            _beside(kind, main, path, losses)
    return found or RuleAction("", {})


def _beside(kind: str, main: str, path: Path, losses: Losses) -> None:
    what = f"the action `{kind}`"
    if kind in _TELLING and main:
        losses.note(path, what, "a sweep tells of all its actions, by the policy's `notify:`")
    elif kind in _TAGGING and main in (STOP, START):
        losses.note(path, what, "a rule has one action; what is stopped gets a tag that names the sweep")
    else:
        losses.lose(path, what, _NEAR.get(kind, "there is no action for it"))


def _mapping(action: Any) -> Mapping[str, Any]:
    if isinstance(action, dict):
        return action
    return {"type": action if isinstance(action, str) else value_words(action)}


def _stop(action: Mapping[str, Any], path: Path, losses: Losses) -> RuleAction:
    hibernate = False
    for key, value in action.items():
        if key == "hibernate" and losses.policy.resource == "ec2" and isinstance(value, bool):
            hibernate = value
        elif key == "terminate-ephemeral" and losses.policy.resource == "ec2":
            why = "nothing is ever terminated: what has its root on an instance store is kept"
            losses.note((*path, key), f"`{key}`", why)
        elif key == "force" and losses.policy.resource == "ec2":
            losses.note((*path, key), f"`{key}`", "what AWS protects from stops is kept")
        elif key != "type":
            losses.lose((*path, key), f"`{key}`", "no key of the action `stop` that is known here")
    return RuleAction(STOP, {"action": "hibernate"} if hibernate else {})


def _start(action: Mapping[str, Any], path: Path, losses: Losses) -> RuleAction:
    for key in action:
        if key != "type":
            losses.lose((*path, key), f"`{key}`", "no key of the action `start` that is known here")
    return RuleAction(START, {"start": "everything"})


def _tag(action: Mapping[str, Any], path: Path, losses: Losses) -> RuleAction:
    known = {"type", "tags", "key", "tag", "value"}
    for key in action:
        if key not in known:
            losses.lose((*path, key), f"`{key}`", "no key of the action `tag` that is known here")
    given = action.get("tags")
    tags: dict[Any, Any] = dict(given) if isinstance(given, dict) else {}
    key = action.get("key", action.get("tag"))
    if key is not None or not tags:
        tags[key if key is not None else DEFAULT_MARK] = action.get("value", "Resource does not meet policy guidelines")
    for name, value in tags.items():
        is_text = isinstance(name, str) and isinstance(value, str)
        if not is_text or _VARIABLE.search(value) or not re.fullmatch(TAG_VALUE, value):
            why = "a value is a text of letters, digits, spaces and `_.:/=+-@`, and nothing is filled in"
            losses.lose(path, f"the tag {name!s}", why)
    return RuleAction(TAG, {"action": "tag", "tags": tags})


def _mark(action: Mapping[str, Any], path: Path, losses: Losses) -> RuleAction:
    """There, `days: 3` acts from the midnight on with which the third day begins; here, after that day has ended."""
    for key in action:
        if key not in ("type", "tag", "msg", "days", "hours", "tz", "op"):
            losses.lose((*path, key), f"`{key}`", "no key of the action `mark-for-op` that is known here")
    if action.get("op", "stop") != "stop":
        losses.lose((*path, "op"), f"`op: {action['op']}`", "only a stop can be announced")
    if "msg" in action:
        losses.note((*path, "msg"), "`msg`", "the tag of an announced stop has its day")
    days, hours = action.get("days", 0), action.get("hours", 0)
    numbers = [one for one in (days, hours) if not isinstance(one, bool) and isinstance(one, int | float)]
    is_exact = action.get("tz", "utc") in _UTC and not hours and isinstance(days, int)
    notice = days - 1 if is_exact else 0
    if not 1 <= notice <= 365:  # noqa: PLR2004 - what `notice` takes
        later = math.ceil(sum(numbers) if len(numbers) == len((days, hours)) and not hours else 4)
        near = f"near is `notice: {{days: {min(max(later, 1), 365)}}}`, which stops later"
        why = "it is exact from 2 to 366 whole days in UTC; with neither days nor hours, releases differ in what it is"
        losses.lose(path, "when the mark is due", f"{why}; {near}")
        notice = 1
    return RuleAction(MARK, {"notice": {"days": notice}}, str(action.get("tag", DEFAULT_MARK)))


_READERS = {STOP: _stop, START: _start, TAG: _tag, MARK: _mark}

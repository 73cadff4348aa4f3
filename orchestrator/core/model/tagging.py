"""Which tags an action writes or deletes: they travel with its resource, in what an undo needs to know (`restore`).

So they are part of the plan's file, of the intent and of the report, and are known where the plan cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from orchestrator.core.model.action import Action
from orchestrator.core.model.organization import Tags
from orchestrator.core.model.remembered import Notice
from orchestrator.core.model.resource import Fact, Resource

_WORDS = {Action.TAG: "tag:", Action.UNTAG: "untag:"}
_NOTICE = "notice:"


def with_tagging(resource: Resource, action: Action, tags: Tags, notice: Notice | None = None) -> Resource:
    """The resource of an action that writes, or deletes, these tags; `notice`: of which stop they tell."""
    changes: dict[str, Fact] = {f"{_WORDS[action]}{key}": value for key, value in tags.items()}
    of_notice: dict[str, Fact] = {}
    if notice is not None:
        day = notice.stop_after.isoformat()
        of_notice = {f"{_NOTICE}by": notice.sweep_id, f"{_NOTICE}rule": notice.rule, f"{_NOTICE}stop_after": day}
    return replace(resource, restore={**resource.restore, **changes, **of_notice})


def without_tagging(restore: Mapping[str, Fact]) -> Mapping[str, Fact]:
    """What else a later action needs to know."""
    ours = (*_WORDS.values(), _NOTICE)
    return {name: value for name, value in restore.items() if not name.startswith(ours)}


def tagging_of(restore: Mapping[str, Fact]) -> Tags:
    """The tags that an action writes or deletes; none of an action that stops or starts."""
    return {
        name.removeprefix(word): str(value)
        for name, value in restore.items()
        for word in _WORDS.values()
        if name.startswith(word)
    }


def tagging_action(restore: Mapping[str, Fact]) -> Action | None:
    """`tag` or `untag`; None for what stops or starts."""
    found = (action for action, word in _WORDS.items() if any(name.startswith(word) for name in restore))
    return next(found, None)


def notice_of(restore: Mapping[str, Fact], sweep_id: str) -> Notice | None:
    """The announcement that an action of that sweep tells of, its own or one from before; None: it tells of none."""
    rule, stop_after = restore.get(f"{_NOTICE}rule"), restore.get(f"{_NOTICE}stop_after")
    by = str(restore.get(f"{_NOTICE}by") or sweep_id)
    if not isinstance(rule, str) or not isinstance(stop_after, str):
        return None
    return Notice(by, rule, date.fromisoformat(stop_after))

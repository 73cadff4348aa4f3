"""Whether two imported rules can own the same resource, as far as their texts tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.core.importing.document import RuleDraft
from orchestrator.core.policy.conditions.matching import is_glob

_ABSENT: frozenset[str | None] = frozenset({None})
"""The tag is not there."""
_PRESENT = frozenset({"?*"})


def apart(one: RuleDraft, other: RuleDraft) -> bool:
    """Whether nothing can match both: other kinds, other regions, or other values of one tag."""
    if not set(one.document["kinds"]) & set(other.document["kinds"]):
        return True
    mine, theirs = dict(_asked(one.document["where"])), dict(_asked(other.document["where"]))
    return any(_differ(mine[key], theirs[key]) for key in mine.keys() & theirs.keys())


_Values = frozenset[str | None]


def _differ(mine: _Values, theirs: _Values) -> bool:
    if _PRESENT in (mine, theirs):
        return _ABSENT in (mine, theirs)
    return not mine & theirs


def _asked(where: Any) -> Iterator[tuple[str, _Values]]:
    """What has to hold, by what is asked: the values of a tag, or the regions."""
    if not isinstance(where, Mapping):
        return
    for part in where.get("all", ()):
        yield from _asked(part)
    if "region" in where:
        yield "region", frozenset({where["region"]})
    for key, form in where.get("tag", {}).items():
        values = _values(form)
        if values is not None:
            yield f"tag:{key}", values


def _values(form: Any) -> _Values | None:
    """Which it may have, as far as that is told by a list of them."""
    if form == {"absent": True}:
        return _ABSENT
    if form in ({"present": True}, "?*"):
        return _PRESENT
    texts = form if isinstance(form, list) else [form]
    return frozenset(texts) if all(isinstance(text, str) and not is_glob(text) for text in texts) else None

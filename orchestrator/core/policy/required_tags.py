"""The tags that running resources need by the policy, and what is wrong with those that one has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.core.policy.conditions.matching import globs_of
from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.schema.governance import PRESENT, RequiredTagDocument
from orchestrator.core.policy.yaml_document import Path

if TYPE_CHECKING:
    from orchestrator.core.model import Tags

MISSING_TAG = "missing_required_tag"
WRONG_TAG = "wrong_required_tag"
_MOST_SHOWN = 12
"""Values in a sentence."""


@dataclass(frozen=True, slots=True)
class RequiredTag:
    """One tag that resources need."""

    key: str
    values: tuple[str, ...] = ()
    """Those that are right, by glob; none: any but an empty one."""
    kinds: frozenset[str] = frozenset()
    """Of which kinds; none: of all."""

    def problem(self, kind: str, tags: Tags) -> tuple[str, str] | None:
        """The violation and what would be right; None where nothing is wrong."""
        if self.kinds and kind not in self.kinds:
            return None
        value = tags.get(self.key, "")
        if not value.strip():
            return MISSING_TAG, f"the tag {self.key} is {'empty' if self.key in tags else 'missing'}{self._right()}"
        if not self.values or globs_of(*self.values).match(value):
            return None
        near = nearest(value, self.values)
        hint = f" (did you mean {near!r}?)" if near else ""
        return WRONG_TAG, f"the tag {self.key} is {value!r}{hint}{self._right()}"

    def _right(self) -> str:
        if not self.values:
            return ""
        more = f" and {len(self.values) - _MOST_SHOWN} more" if len(self.values) > _MOST_SHOWN else ""
        return f"; right would be: {', '.join(self.values[:_MOST_SHOWN])}{more}"


def required_tags(document: Sequence[str] | Mapping[str, Any]) -> tuple[RequiredTag, ...]:
    """Those of a checked document, in its order."""
    if not isinstance(document, Mapping):
        return tuple(map(RequiredTag, document))
    return tuple(_required(key, value) for key, value in document.items())


def required_tag_problems(value: Any) -> Iterator[tuple[Path, str]]:
    """What the shape alone does not tell of the raw value: a tag that is named twice, and a key without a sign."""
    if isinstance(value, Mapping):
        for key in value:
            if isinstance(key, str) and not key.strip():
                yield ("required_tags", key), "must not be empty: it is the key of a tag"
        return
    seen: set[str] = set()
    for number, tag in enumerate(value if isinstance(value, list) else []):
        if isinstance(tag, str) and tag in seen:
            yield ("required_tags", number), f"the tag {tag!r} is named twice"
        elif isinstance(tag, str):
            seen.add(tag)


def _required(key: str, value: RequiredTagDocument | Sequence[str] | str) -> RequiredTag:
    kinds: frozenset[str] = frozenset()
    values: Sequence[str] | str = PRESENT
    if isinstance(value, RequiredTagDocument):
        kinds, values = frozenset(value.kinds), value.values
    else:
        values = value
    return RequiredTag(key, () if isinstance(values, str) else tuple(values), kinds)

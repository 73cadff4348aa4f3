"""What `age` and `running_for` have in common: how long ago a time of the resource is, held against `at_least: 7d`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from orchestrator.core import model
from orchestrator.core.model import time_text
from orchestrator.core.policy.conditions.all_of import AllOf
from orchestrator.core.policy.conditions.bounds import AT_LEAST, BELOW, COMPARISONS, bound_within, nothing_between
from orchestrator.core.policy.conditions.interface import Condition, Parser, Word
from orchestrator.core.policy.nearest import nearest, nearest_amount
from orchestrator.core.policy.other_words import right_bound, right_value
from orchestrator.core.policy.patterns import late_pattern
from orchestrator.core.policy.yaml_document import Path, value_words

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, KindDescription, Resource

_FORM = late_pattern(r"([0-9]{1,5})([mhdw])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
CREATED_AT, STARTED_AT = "created_at", "started_at"
_BOUNDS = (AT_LEAST, BELOW)
_TEXT = {"type": "string", "pattern": f"^{_FORM.pattern}$"}


@dataclass(frozen=True, slots=True)
class SpanCompares(Condition):
    """Unknown where AWS does not tell the time, or one that is still to come."""

    word: str
    time: str
    """Which time of the resource it asks for: `created_at` or `started_at`."""
    comparison: str
    bound: timedelta

    def since(self, resource: Resource) -> datetime | None:
        """From when on it counts. What does not run runs neither long nor short, and no rule must start it for that."""
        if self.time == CREATED_AT:
            return resource.created_at
        return resource.started_at if resource.state is model.ResourceState.RUNNING else None

    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool | None:
        since = self.since(resource)
        if since is None or since > now:
            return None
        return COMPARISONS[self.comparison](now - since, self.bound)

    def changes_between(
        self, resource: Resource, account: Account, start: datetime, end: datetime
    ) -> Iterable[datetime]:
        since = self.since(resource)
        return () if since is None else [at for at in (since, since + self.bound) if start < at <= end]

    def implies(self, other: Condition) -> bool:
        return (
            isinstance(other, SpanCompares)
            and other.word == self.word
            and bound_within(self.comparison, self.bound, other.comparison, other.bound)
        )

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        return {self.time: time_text(self.since(resource))}

    def unknown_facts(self, resource: Resource, account: Account, now: datetime) -> tuple[str, ...]:
        return () if self.evaluate(resource, account, now) is not None else (self.word,)


def span_word(name: str, time: str, description: str, kinds: Sequence[KindDescription]) -> Word:
    """The word of the kinds that tell the time."""

    def parse(value: Any, path: Path, parser: Parser) -> Condition | None:
        bounds = _bounds(value, path, parser)
        parts = tuple(SpanCompares(name, time, comparison, bound) for comparison, bound in bounds.items())
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else AllOf(parts)

    schema = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {
            AT_LEAST: {**_TEXT, "description": "So long or longer.", "examples": ["7d", "24h"]},
            BELOW: {**_TEXT, "description": "Shorter than that.", "examples": ["4w", "30m"]},
        },
        "description": description,
        "examples": [{AT_LEAST: "7d"}, {AT_LEAST: "24h", BELOW: "4w"}],
    }
    of_kinds = frozenset(kind.name for kind in kinds if time in kind.times)
    return Word(name, parse, schema, kinds=of_kinds)


def _bounds(value: Any, path: Path, parser: Parser) -> Mapping[str, timedelta]:
    if not isinstance(value, dict) or not value:
        shown = "an empty one" if value == {} else value_words(value)
        meant = right_value(path[-1], value)
        parser.wrong(path, f"must be a mapping such as {{at_least: 7d}}, not {shown}{meant and f'; write `{meant}`'}")
        return {}
    bounds: dict[str, timedelta] = {}
    for name, text in value.items():
        found = _FORM.fullmatch(text) if isinstance(text, str) else None
        if name not in _BOUNDS:
            right, near = right_bound(name, text), nearest(name, _BOUNDS)
            hint = f"; write `{{{right}}}`" if right else f" (did you mean `{near}`?)" if near else ""
            parser.wrong((*path, name), f"`{name}` is no bound{hint}; there are {', '.join(_BOUNDS)}")
        elif found is None:
            right = "must be a number with m, h, d or w, such as 30m, 24h, 7d or 4w"
            meant = nearest_amount(text, _UNITS)
            parser.wrong((*path, name), f"{right}, not {value_words(text)}{meant and f'; did you mean {meant}?'}")
        else:
            bounds[name] = int(found[1]) * _UNITS[found[2]]
    if nothing_between(bounds):
        parser.wrong(path, "holds for nothing: `below` has to be longer than `at_least`")
    return bounds

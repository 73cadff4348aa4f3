"""What is in an answer of AWS more than once, or on several of its pages: alike it counts once, else it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from orchestrator.core.model.resource import Obstacle, ObstacleCode, Resource, ResourceState

V = TypeVar("V")

_TIMES = {"changed_at": "when its state changed", "started_at": "when it was started", "created_at": "when it was made"}


@dataclass(frozen=True, slots=True)
class Told:
    """Each resource of an answer once, by its id."""

    clear: Mapping[str, Resource]
    ambiguous: Mapping[str, Resource]
    """Those of which the copies differ: with what they agree on, and an obstacle that says in what they do not."""
    ambiguities: Mapping[str, str]
    """The sentences that say so."""

    @property
    def each(self) -> tuple[Resource, ...]:
        """All of them."""
        return (*self.clear.values(), *self.ambiguous.values())


def tell_once(resources: Iterable[Resource]) -> Told:
    """Those of one target and kind, without copies. Which of them is true is not known, so none wins."""
    copies: dict[str, list[Resource]] = {}
    for one in resources:
        known = copies.setdefault(one.resource_id, [])
        if one not in known:
            known.append(one)
    clear = {resource_id: some[0] for resource_id, some in copies.items() if len(some) == 1}
    ambiguities = {resource_id: _sentence(some) for resource_id, some in copies.items() if len(some) > 1}
    joined = {resource_id: _joined(copies[resource_id], sentence) for resource_id, sentence in ambiguities.items()}
    return Told(clear, joined, ambiguities)


def _sentence(copies: Sequence[Resource]) -> str:
    what = ", ".join(dict.fromkeys(_differences(copies))) or "what else is known of it"
    return f"It is in AWS's answer more than once, and the copies differ in {what}, so one of them may spare it."


def _joined(copies: Sequence[Resource], sentence: str) -> Resource:
    """It runs where one copy says so: then the obstacle is why it is kept."""
    return replace(
        next((one for one in copies if one.state is ResourceState.RUNNING), copies[0]),
        tags=_agreed([one.tags for one in copies]),
        facts=_agreed([one.facts for one in copies]),
        details=_agreed([one.details for one in copies]),
        obstacle=Obstacle(ObstacleCode.CANNOT_STOP, sentence),
    )


def _agreed(each: Sequence[Mapping[str, V]]) -> dict[str, V]:
    return {key: value for key, value in each[0].items() if all(key in one and one[key] == value for one in each)}


def _differences(copies: Sequence[Resource]) -> Iterator[str]:
    states = [one.aws_state for one in copies]
    if len(set(states)) > 1:
        yield f"its state ({', '.join(dict.fromkeys(states))})"
    tags, facts = [one.tags for one in copies], [{**one.details, **one.facts} for one in copies]
    yield from (f"its tag {key}" for one in tags for key in one if key not in _agreed(tags))
    yield from (f"its {key.replace('_', ' ')}" for one in facts for key in one if key not in _agreed(facts))
    yield from (text for name, text in _TIMES.items() if len({getattr(one, name) for one in copies}) > 1)

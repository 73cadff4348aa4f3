"""A look at some of a target's resources, again and again while AWS's answers may be from before the last change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.core.model import AwsError, Resource, Target
from orchestrator.ports import Kind, LookRefusedError, TargetUnreadableError, World

_LOOKED_AGAIN_AFTER = (2.0, 3.0, 5.0, 5.0)
"""Seconds; together as long as AWS's answers may be behind (ANSWERS_BEHIND_AT_MOST)."""
_IsBehind = Callable[[Mapping[str, Resource]], bool]


@dataclass(frozen=True, slots=True)
class Seen:
    """When it was looked at last, and what was seen, by id."""

    at: datetime
    elapsed_at: float
    """The same by `Clocks.elapsed`."""
    fresh: Mapping[str, Resource]
    refusal: LookRefusedError | None = None
    """Why some could not be looked at."""

    @property
    def refused(self) -> Mapping[str, AwsError]:
        """Those, by id."""
        return self.refusal.refused if self.refusal else {}


def look_until_settled(world: World, kind: Kind, target: Target, ids: Sequence[str], is_behind: _IsBehind) -> Seen:
    """The resources as they are. `is_behind` says of what was seen whether some of it may be from before.

    Its account is bound. Raises TargetUnreadableError, also where a halt ends the waiting.
    """
    seen = _look(world, kind, target, ids)
    for pause in _LOOKED_AGAIN_AFTER:
        if not is_behind(seen.fresh):
            break
        world.sleep(pause)
        halt = world.halt()
        if halt is not None:
            raise TargetUnreadableError(AwsError("Halted", halt.text), "looking again at what changed a moment ago")
        seen = _look(world, kind, target, ids)
    return seen


def _look(world: World, kind: Kind, target: Target, ids: Sequence[str]) -> Seen:
    at, elapsed_at = world.now(), world.clocks.elapsed()
    try:
        return Seen(at, elapsed_at, kind.look(target, ids))
    except LookRefusedError as refusal:
        return Seen(at, elapsed_at, refusal.seen, refusal)

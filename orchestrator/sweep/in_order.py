"""The order within an account: hands its groups of actions out step by step, while other accounts go on by themselves.

A step begins when all of the one before it was acted on, and what that started was seen running or fell back, or its
time is over. Nothing is waited for where an account has one step: what its last step started is watched after the wave.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import groupby

from orchestrator.core.decide.waves import Steps
from orchestrator.core.model import (
    Decision,
    Halt,
    Outcome,
    Outcomes,
    OutcomeStatus,
    ResourceKey,
    Target,
)
from orchestrator.ports import World
from orchestrator.sweep.guard import GuardContext
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.starts import by_target_and_kind, look_at_starts, pauses, phase_text

Act = Callable[[World, GuardContext, tuple[Decision, ...]], Outcomes]


@dataclass(eq=False, slots=True)
class _Line:
    """The steps of one account that are left, and what the step before them waits for."""

    left: deque[tuple[Decision, ...]]
    running: int = 0
    """Groups and looks that were handed out and have no result yet."""
    starting: dict[ResourceKey, Outcome] = field(default_factory=dict)
    until: float | None = None
    """By `Clocks.elapsed`: when the time of what is starting is over; None: that was not reckoned yet."""
    pauses: Iterator[float] = field(default_factory=lambda: iter(()))
    due: float = 0.0
    """When it is looked at next."""
    is_ended: bool = False
    """A halt was met: what is left is not attempted."""


@dataclass(frozen=True, slots=True)
class OfStep:
    """What came of a group after which its account has more steps, or of a look at what such a group started."""

    line: _Line
    outcomes: Outcomes
    is_look: bool = False


Result = Outcomes | OfStep


class InOrder:
    """The actions of one wave, handed out to a pool by its coordinating thread. `act` acts on one group; `done` is what
    came of the plan so far, `done_keys` of what, and `within` how long a step waits for what it started; `note` is
    called often while anything is waited for.

    A step that failed, was kept or is unknown does not keep the next one from beginning. The order spares people work
    and is no protection: what is to be stopped is so by its own rule, whoever uses it has to bear that it is away, and
    one service that cannot be stopped would let all databases of its account run.
    """

    def __init__(
        self,
        world: World,
        context: GuardContext,
        act: Act,
        done: Outcomes,
        done_keys: frozenset[ResourceKey],
        within: timedelta,
        note: Callable[[], None] = lambda: None,
    ) -> None:
        self._world = world
        self._context = context
        self._act = act
        self._done = done
        self._done_keys = done_keys
        self._within = within
        self._note = note
        self._waiting: list[_Line] = []
        """Those that wait for what they started; none of them has anything handed out."""
        self._halt: Halt | None = None
        self.overdue: set[ResourceKey] = set()
        """What was still starting when its time was over; this wave does not wait for it again."""

    def carry_out(self, steps: Iterable[Steps], pool: Pool[Result]) -> Iterator[Outcomes]:
        """What came of each group, as it comes. Ends when there is nothing more to do, or at a halt."""
        for one in steps:
            self._begin(pool, _Line(deque(one)), first=False)
        while True:
            for result in pool.results():
                if isinstance(result, Outcomes):
                    yield result
                    continue
                if not result.is_look:
                    yield result.outcomes
                self._take(pool, result)
            if not self._waiting:
                return
            self._wait(pool)

    def meanwhile(self, pool: Pool[Result]) -> None:
        """For while results are awaited: looks at what lines wait for, where it is time to."""
        self._note()
        if self._waiting:
            self._look_at(pool, self._world.clocks.elapsed())

    def _look_at(self, pool: Pool[Result], now: float) -> None:
        due = [line for line in self._waiting if line.due <= now]
        if not due or self._halted():
            return
        for line in due:
            self._waiting.remove(line)
            for target, kind, some in by_target_and_kind(tuple(line.starting.values())):
                line.running += 1
                pool.submit(self._look, line, target, kind, some, first=True)

    def gathered(self, results: Iterable[Result]) -> Outcomes:
        """All that was done before and came of these, each as it was seen last."""
        parts = [self._done]
        seen: dict[ResourceKey, Outcome] = {}
        for result in results:
            if isinstance(result, Outcomes):
                parts.append(result)
            elif result.is_look:
                seen |= {one.resource.key: one for one in result.outcomes.outcomes}
            else:
                parts.append(result.outcomes)
        found = Outcomes.joined([*parts, Outcomes(halt=self._halt)])
        if not seen:
            return found
        return replace(found, outcomes=tuple(seen.get(one.resource.key, one) for one in found.outcomes))

    def _begin(self, pool: Pool[Result], line: _Line, *, first: bool) -> None:
        """The next step that has something to do, or to wait for. `first`: before what no account began with yet."""
        while line.left and not line.is_ended:
            step = line.left.popleft()
            keys = {one.resource.key for one in step} & self._done_keys if self._done_keys else ()
            line.starting = self._starting_before(keys) if line.left else {}
            line.until = None
            groups = groups_of([one for one in step if one.resource.key not in keys])
            for group in groups:
                if line.left:
                    line.running += 1
                    pool.submit(self._act_on_step, line, group, first=first)
                else:
                    pool.submit(self._act, self._world, self._context, group, first=first)
            if groups or (line.starting and self._waits(line)):
                return

    def _starting_before(self, keys: Collection[ResourceKey]) -> dict[ResourceKey, Outcome]:
        """What a process before this one started, of these."""
        if not keys:
            return {}
        found = (one for one in self._done.outcomes if one.status is OutcomeStatus.STARTING)
        return {one.resource.key: one for one in found if one.resource.key in keys}

    def _take(self, pool: Pool[Result], result: OfStep) -> None:
        line = result.line
        line.running -= 1
        line.is_ended |= result.outcomes.halt is not None
        for one in result.outcomes.outcomes:
            if one.status is OutcomeStatus.STARTING:
                line.starting[one.resource.key] = one
            else:
                line.starting.pop(one.resource.key, None)
        if line.running or line.is_ended or self._halt is not None:
            return
        if not line.starting or not self._waits(line):
            self._begin(pool, line, first=True)

    def _waits(self, line: _Line) -> bool:
        """Whether the next step waits for what is starting; False from when its time is over."""
        now = self._world.clocks.elapsed()
        if line.until is None:
            left = self._time_left(line.starting.values())
            line.until, line.pauses = now + left.total_seconds(), pauses(left)
        pause = next(line.pauses, None)
        if pause is None or now >= line.until:
            self.overdue |= line.starting.keys()
            return False
        line.due = min(now + pause, line.until)
        self._waiting.append(line)
        return True

    def _time_left(self, starting: Iterable[Outcome]) -> timedelta:
        """From when the last of them was asked for, by whichever process: a sweep that is handed over does not wait
        anew each time.
        """
        asked = [one.requested_at for one in starting if one.requested_at is not None]
        passed = self._world.now() - max(asked) if asked else timedelta()
        return self._within - min(max(passed, timedelta()), self._within)

    def _wait(self, pool: Pool[Result]) -> None:
        """Until the next look is due, while nothing else is left to do."""
        self._world.progress.phase(phase_text(sum(len(line.starting) for line in self._waiting)))
        due = min(line.due for line in self._waiting)
        pause = due - self._world.clocks.elapsed()
        if pause > 0 and not self._halted():
            self._world.sleep(pause)
        self._note()
        self._look_at(pool, due)

    def _halted(self) -> bool:
        """Whether nothing more begins; then nothing waits any more either."""
        self._halt = self._halt or self._context.halt()
        if self._halt is not None:
            self._waiting.clear()
        return self._halt is not None

    def _act_on_step(self, line: _Line, group: tuple[Decision, ...]) -> OfStep:
        return OfStep(line, self._act(self._world, self._context, group))

    def _look(self, line: _Line, target: Target, kind: str, starts: Sequence[Outcome]) -> OfStep:
        keys = [one.resource.key for one in starts]
        announced = ((key, self._context.intents.get(key) or self._done.intents.get(key)) for key in keys)
        intents = {key: intent for key, intent in announced if intent is not None}
        seen = look_at_starts(self._world, self._context.sweep_id, target, kind, starts, intents)
        return OfStep(line, Outcomes(seen), is_look=True)


def groups_of(actions: Sequence[Decision]) -> list[tuple[Decision, ...]]:
    """One group for each target and kind: two threads on one would race for the same rates, and look twice."""

    def group(action: Decision) -> tuple[Target, str]:
        return action.resource.target, action.resource.kind

    return [tuple(some) for _, some in groupby(sorted(actions, key=group), key=group)]

"""Fan out to act: waves of stops and starts over threads, each batch of them admitted by a guard.

An ApprovedPlan in, Outcomes out. What breaks off in the middle leaves what came of it until then with the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from orchestrator.core.decide.waves import failure_percent, steps_of, waves_of
from orchestrator.core.model import (
    AccountId,
    ActionCounts,
    ApprovedPlan,
    Decision,
    Halt,
    HaltCause,
    Outcome,
    Outcomes,
    OutcomeStatus,
    Plan,
    ResourceKey,
)
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import LedgerError
from orchestrator.ports import NOT_HANDED_OUT, TargetUnreadableError, World
from orchestrator.sweep.guard import GuardContext, TargetGuard
from orchestrator.sweep.in_order import InOrder, Result
from orchestrator.sweep.interruption import InterruptionNote, breakable
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.recheck import Recheck
from orchestrator.sweep.recover import outcomes_by_now
from orchestrator.sweep.starts import watch_starts

Keep = Callable[[Outcomes], None]


def act_on_plan(
    world: World, policy: OrgPolicy, approved: ApprovedPlan, recheck: Recheck, done: Outcomes, keep: Keep
) -> Outcomes:
    """Wave by wave, what of the plan has no outcome yet. `keep` is told what came of it in all, also when it breaks
    off.
    """
    sweep_id = approved.plan.sweep_id
    waves = waves_of(approved.plan.actions, policy.waves, sweep_id)
    actor = _Actor(world, policy, approved.plan, recheck, approved.plan.actions)
    for number, wave in enumerate(waves, 1):
        of = f" of wave {number} of {len(waves)}" if len(waves) > 1 else ""
        done = actor.act(wave, of, done, keep)
        if done.halt is None and number < len(waves):
            statuses = (one.status for one in done.outcomes)
            done = replace(done, halt=too_many_failures(policy, statuses, number))
        if done.halt is not None:
            break
    keep(done)
    return done


def act_on_accounts(
    world: World,
    policy: OrgPolicy,
    approved: ApprovedPlan,
    recheck: Recheck,
    accounts: Collection[AccountId],
    done: Outcomes,
) -> Outcomes:
    """The actions in these accounts that have no outcome yet: one part of a wave, of which others do the rest."""
    ids = frozenset(accounts)
    actions = tuple(one for one in approved.plan.actions if one.resource.target.account_id in ids)
    actor = _Actor(world, policy, approved.plan, recheck, actions)
    return actor.act(actions, f" in {len(accounts)} accounts", done, lambda _: None)


def too_many_failures(policy: OrgPolicy, statuses: Iterable[OutcomeStatus], wave: int) -> Halt | None:
    """Why no further wave begins after outcomes of these statuses, if so."""
    limit = policy.abort_if_failures_percent
    actual = failure_percent(statuses)
    if limit is None or actual <= limit:
        return None
    text = f"{actual:.4g} % of the actions failed by the end of wave {wave}, and abort_if_failures_percent is {limit:g}"
    return Halt(HaltCause.FAILURES, text)


@dataclass(frozen=True, slots=True)
class _Actor:
    """Acts on these actions of a plan, a wave at a time."""

    world: World
    policy: OrgPolicy
    plan: Plan
    recheck: Recheck
    actions: tuple[Decision, ...]

    def act(self, wave: Sequence[Decision], of: str, done: Outcomes, keep: Keep) -> Outcomes:
        """In each account in the plan's order; then watches what was started and is not known to run."""
        sweep_id, within = self.plan.sweep_id, self.policy.max_start_wait
        before = done.keys
        todo = [one for one in wave if one.resource.key not in before]
        if not todo:
            return watch_starts(self.world, sweep_id, done, within)
        self.world.progress.phase(f"Acting on {len(todo)} resources{of}")
        context = GuardContext(
            sweep_id,
            self.world.ledger,
            self.world.halt,
            self.recheck,
            policy_name=self.policy.name,
            found=done.intents,
        )
        note = InterruptionNote(self.world, sweep_id)
        in_order = InOrder(self.world, context, _act_on_target, done, before, within, note.write)
        pool = Pool[Result](self.world.workers, meanwhile=lambda: in_order.meanwhile(pool), keeps=True)
        try:
            with breakable(self.world), pool, self.recheck.read_ahead(todo):
                self._show_progress(in_order.carry_out(steps_of(wave, self.plan.order), pool), before)
        finally:  # also when the sweep breaks off: what the threads still did meanwhile was done
            done = in_order.gathered(pool.finished())
            done += self._left_to_others(replace(done, intents={**done.intents, **context.intents}))
            keep(done)
        return watch_starts(self.world, sweep_id, done, within, in_order.overdue)

    def _left_to_others(self, done: Outcomes) -> Outcomes:
        """What was announced and has no outcome here: as far as the ledger knows by now what came of it."""
        open_keys = done.open_intents - done.keys
        left = [one for one in self.actions if one.resource.key in open_keys]
        try:
            found = outcomes_by_now(self.world, self.plan.sweep_id, left) if left else ()
        except LedgerError:
            found = ()  # they are unknown
        return Outcomes(found, intents=done.intents)

    def _show_progress(self, results: Iterator[Outcomes], before: Collection[ResourceKey]) -> None:
        by_key = {one.resource.key: one for one in self.actions}
        total = ActionCounts.of(self.actions)
        counts = ActionCounts.of(by_key[key] for key in before if key in by_key)
        for came_to in results:
            counts += ActionCounts.of(by_key[key] for key in came_to.keys if key in by_key)
            self.world.progress.actions(counts, total)


def _act_on_target(world: World, context: GuardContext, actions: tuple[Decision, ...]) -> Outcomes:
    """What came of each action of one target that was admitted. A thread's boundary: nothing is raised past it."""
    first = actions[0].resource
    halt = context.halt()
    if halt is not None:
        return Outcomes(halt=halt)
    try:
        kind, actor = world.kind(first.kind), world.actor(first.kind)
    except TargetUnreadableError as refusal:
        code, text = refusal.error.code, refusal.error.message
        return Outcomes(tuple(Outcome(one.resource, OutcomeStatus.FAILED, code, text) for one in actions))
    guard = TargetGuard(context, kind, {one.resource.resource_id: one for one in actions})
    try:
        with world.accounts.bind(first.target.account_id):
            asked = [(one.resource, one.action) for one in actions]
            outcomes = actor.act(first.target, asked, context.sweep_id, guard)
        outcomes += tuple(guard.recovered)
    except TargetUnreadableError as refusal:
        outcomes = guard.fail_the_rest(actions, refusal.error.code, refusal.error.message)
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        outcomes = guard.fail_the_rest(actions, type(failure).__name__, str(failure))
    return Outcomes(tuple(_with_reason(outcome, guard.halt) for outcome in outcomes), guard.kept, guard.halt)


def _with_reason(outcome: Outcome, halt: Halt | None) -> Outcome:
    """A kind knows that it was told to leave the rest, and not why."""
    if halt is None or outcome.status is not OutcomeStatus.NOT_ATTEMPTED:
        return outcome
    return replace(outcome, message=outcome.message.replace(NOT_HANDED_OUT, halt.text) or halt.text)

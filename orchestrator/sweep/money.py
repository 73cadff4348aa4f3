"""What a plan saves, between the plan and the consent to it: nothing of it decides anything, and no failure of it ends
a sweep. What is not known is said, with the reason.

It is kept beside the plan as a file, for the process that resumes, ends or applies it: a plan's file has no facts that
only prices ask for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from orchestrator.core.decide.savings import (
    NO_NEXT_START,
    NO_NEXT_STOP,
    keys_of,
    next_change,
    price_of,
    saving_of,
)
from orchestrator.core.model import Decision, Mode, Resource, ResourceKey, Target, Verdict
from orchestrator.core.model.money import Forecast, HourlyPrice, Money, Saving
from orchestrator.core.model.price import Billed
from orchestrator.errors import StopOrchestratorError
from orchestrator.ports import PriceBook, TargetBilling, TargetUnreadableError, World
from orchestrator.sweep.measured_stops import measure_stops
from orchestrator.sweep.money_file import MONEY_FILE, money_bytes, money_from
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.read import Unread, read_unless_halted
from orchestrator.sweep.state import Sweep, SweepState

_NOT_KEPT = "the plan was made without prices; plan again"
_NOT_STORED = "the process that made the plan ended before it was stored"
_Billed = tuple[list[Resource], Mapping[str, Billed] | Unread]


def with_money(world: World, sweep: Sweep, state: SweepState, at: datetime | None = None) -> SweepState:
    """The same with what its plan saves, where prices were asked for; `at`: the moment it decided for, if not now."""
    book = world.prices
    if book is None:
        return state
    world.progress.phase("Asking what the plan saves")
    try:
        money = _money(world, book, sweep, state, at or world.now())
        if at is None:  # of a what-if nothing has come yet
            money = _with_measured(world, sweep, state, money)
    except Exception as failure:  # noqa: BLE001 - what it is worth is told, and never a reason why a sweep fails
        name = "" if isinstance(failure, StopOrchestratorError) else f"{type(failure).__name__}: "
        why = f"{name}{failure}"
        world.warn(f"What the plan saves is not known: {why}")
        money = _unknown(state, why, book.name)
    return replace(state, money=money)


def keep_money(world: World, sweep: Sweep, state: SweepState) -> None:
    """As a file of the sweep, once. A store that does not take it costs the process that resumes the sweep the sums."""
    if state.money is None:
        return
    try:
        if world.store.find(sweep.sweep_id, MONEY_FILE) is None:
            world.store.put(sweep.sweep_id, MONEY_FILE, money_bytes(state.money))
    except StopOrchestratorError as failure:
        world.warn(f"What the plan saves could not be stored: {failure}")


def restore_money(world: World, sweep_id: str, decisions: Sequence[Decision]) -> Money | None:
    """What `keep_money` kept of the actions among these; None where no prices are asked for."""
    if world.prices is None:
        return None
    try:
        content = world.store.find(sweep_id, MONEY_FILE)
        if content is not None:
            return money_from(content)
        why = _NOT_STORED
    except (StopOrchestratorError, ValueError) as damaged:
        why = f"{MONEY_FILE} cannot be read: {damaged}"
    return _of_unknown(decisions, why, world.prices.name)


def remembering_savings(world: World, money: Money | None) -> World:
    """The same world, whose ledger remembers with each stop what it is to save."""
    if money is None:
        return world
    forecasts = {key: one.as_item() for key, one in money.forecasts.items()}
    return replace(world, ledger=world.ledger.remembering(forecasts))


def note_ended(world: World, sweep: Sweep, state: SweepState) -> None:
    """Once the report tells what ended stops have saved: it is not told again. Until then, told twice is better."""
    ended = [one.key for one in state.money.measured if one.is_final] if state.money else []
    if not ended or world.prices is None:
        return
    try:
        world.ledger.note_measured(ended, sweep.sweep_id)
    except StopOrchestratorError as failure:
        world.warn(
            f"That {len(ended)} stops have ended could not be noted; the next sweep tells of them again: {failure}"
        )


# --- reading and pricing


def _money(world: World, book: PriceBook, sweep: Sweep, state: SweepState, now: datetime) -> Money:
    """Raises whatever prices and the ledger raise."""
    actions = [one for one in state.decisions.actions if not one.action.tags]
    if sweep.mode is Mode.APPLY:
        return _of_applied(world, book, sweep, actions, now)
    billed = _billed(world, actions)
    prices = book.prices(keys_of(billed.values()))
    accounts = {one.id: one for one in state.inventory.accounts}
    savings: dict[ResourceKey, Saving] = {}
    forecasts: dict[ResourceKey, Forecast] = {}
    for one in actions:
        key, account = one.resource.key, accounts.get(one.resource.target.account_id)
        price = price_of(billed[key], prices)
        until = next_change(sweep.policy, one, account, now)
        savings[key], forecasts[key] = _forecast(one, price, now, until)
    return Money(savings, forecasts, (), book.name, any(one.price.made_up for one in forecasts.values()))


def _with_measured(world: World, sweep: Sweep, state: SweepState, money: Money) -> Money:
    """With what earlier stops have saved by now."""
    try:
        measured = measure_stops(world, sweep, state, world.now())
    except StopOrchestratorError as unread:
        failure = f"what earlier stops have saved is not known: {unread}"
        return replace(money, failure="; ".join(filter(None, (money.failure, failure))))
    return replace(money, measured=measured, made_up=money.made_up or any(one.made_up for one in measured))


def _forecast(decision: Decision, price: HourlyPrice, now: datetime, until: datetime | None) -> tuple[Saving, Forecast]:
    saving = saving_of(price, now, until, NO_NEXT_STOP if decision.action.starts else NO_NEXT_START)
    return saving, Forecast(price, saving.until, saving.net)


def _of_applied(world: World, book: PriceBook, sweep: Sweep, actions: Sequence[Decision], now: datetime) -> Money:
    """By what was known when the plan was made, over the hours that are left of it."""
    content = world.store.find(sweep.source_sweep_id, MONEY_FILE)
    if content is None:
        return _of_unknown(actions, _NOT_KEPT, book.name)
    planned = money_from(content)
    savings: dict[ResourceKey, Saving] = {}
    forecasts: dict[ResourceKey, Forecast] = {}
    for one in actions:
        key = one.resource.key
        before = planned.forecasts.get(key, Forecast(HourlyPrice(None, None, "", _NOT_KEPT)))
        savings[key], forecasts[key] = _forecast(one, before.price, now, before.until)
    return Money(savings, forecasts, (), planned.prices, planned.made_up, planned.failure)


def _billed(world: World, actions: Sequence[Decision]) -> Mapping[ResourceKey, Billed]:
    """What AWS bills of each: one task for each target and kind that has some."""
    groups: defaultdict[tuple[Target, str], list[Resource]] = defaultdict(list)
    for one in actions:
        groups[one.resource.target, one.resource.kind].append(one.resource)
    found: dict[ResourceKey, Billed] = {}
    with Pool[_Billed](world.workers) as pool:
        for (target, kind), some in groups.items():
            pool.submit(_bill_target, world, target, kind, some)
        for some, told in pool.results():
            if isinstance(told, Unread):
                found.update(dict.fromkeys((one.key for one in some), _nothing_known(told.detail)))
            else:
                found.update((one.key, told[one.resource_id]) for one in some)
    return found


def _bill_target(world: World, target: Target, kind: str, resources: list[Resource]) -> _Billed:
    """A thread's boundary: nothing is raised past it."""

    def ask() -> Mapping[str, Billed]:
        """Raises TargetUnreadableError."""
        capable = world.kind(kind)
        if not isinstance(capable, TargetBilling):
            return {
                one.resource_id: _nothing_known(f"this release has no prices of the kind {kind}") for one in resources
            }
        with world.accounts.bind(target.account_id):
            return capable.billed(target, resources)

    try:
        return resources, read_unless_halted(world, ask)
    except TargetUnreadableError as refusal:
        return resources, {one.resource_id: _nothing_known(str(refusal)) for one in resources}


def _nothing_known(why: str) -> Billed:
    return Billed(running_unknown=why, still_unknown=why)


def _unknown(state: SweepState, why: str, prices: str) -> Money:
    return _of_unknown(state.decisions.actions, why, prices)


def _of_unknown(decisions: Sequence[Decision], why: str, prices: str) -> Money:
    keys = [one.resource.key for one in decisions if one.verdict is not Verdict.KEEP and not one.action.tags]
    forecast = Forecast(HourlyPrice(None, None, "", why))
    return Money({key: Saving(unknown=why) for key in keys}, dict.fromkeys(keys, forecast), (), prices, failure=why)

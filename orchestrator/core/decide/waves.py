"""Waves: in which order approved actions are carried out, so that a bad policy meets a few accounts before all of them.

Within a wave each account has steps by the plan's order: services before the databases that they use when stopping, and
the databases first when starting.

Canary accounts first, in an order that is the same for one sweep whenever it is asked for, and different from sweep
to sweep, so that it is not always the same team that finds out.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import ceil

from orchestrator.core.model import AccountId, Decision, OutcomeStatus
from orchestrator.core.model.order import Order, number_of
from orchestrator.core.policy.schema.limits import Wave

Waves = tuple[tuple[Decision, ...], ...]
Steps = tuple[tuple[Decision, ...], ...]
"""What is done one after the other; each step has at least one action."""

_ATTEMPTED = frozenset(
    {
        OutcomeStatus.STOPPED,
        OutcomeStatus.STOPPING,
        OutcomeStatus.ALREADY_STOPPED,
        OutcomeStatus.STARTED,
        OutcomeStatus.STARTING,
        OutcomeStatus.ALREADY_RUNNING,
        OutcomeStatus.TAGGED,
        OutcomeStatus.UNTAGGED,
        OutcomeStatus.FAILED,
    }
)


def waves_of(actions: Sequence[Decision], waves: Sequence[Wave], sweep_id: str) -> Waves:
    """Every action in exactly one wave; an account's actions are never split. Without waves in the policy: all at once.

    A wave says how many accounts are done with when it ends: so many, or so many percent of all that have actions.
    """
    accounts = accounts_in_order(actions, sweep_id)
    done = 0
    parts: list[tuple[Decision, ...]] = []
    for upto in [*(_accounts_until(wave, len(accounts)) for wave in waves), len(accounts)]:
        now = set(accounts[done:upto])
        if now:
            parts.append(tuple(one for one in actions if one.resource.target.account_id in now))
        done = max(done, upto)
    return tuple(parts)


def accounts_in_order(actions: Iterable[Decision], sweep_id: str) -> list[AccountId]:
    """By a hash of sweep and account: as good as shuffled, and the same when the sweep is resumed."""
    accounts = {action.resource.target.account_id for action in actions}
    return sorted(accounts, key=lambda account: hashlib.sha256(f"{sweep_id}#{account}".encode()).digest())


def steps_of(actions: Sequence[Decision], order: Order) -> Iterator[Steps]:
    """Every action in exactly one step. Steps that wait for nothing of each other come apart: those of each account,
    and of an account its stops, smaller numbers first, and its starts, greater numbers first.

    Changes of tags wait for nothing: they are in a first step. Without an order, or in an account that needs none, all
    is one step, so that each target is looked at once.
    """
    if not order:
        if actions:
            yield (tuple(actions),)
        return
    by_account: dict[AccountId, list[Decision]] = {}
    for action in actions:
        by_account.setdefault(action.resource.target.account_id, []).append(action)
    for account_id in sorted(by_account):
        yield from _steps_of_account(by_account[account_id], order)


def _steps_of_account(actions: Sequence[Decision], order: Order) -> Iterator[Steps]:
    stops: dict[int, list[Decision]] = {}
    starts: dict[int, list[Decision]] = {}
    tags: list[Decision] = []
    for one in actions:
        if one.action.tags:
            tags.append(one)
        else:
            numbered = starts if one.action.starts else stops
            numbered.setdefault(number_of(one.resource, order), []).append(one)
    if len(stops) <= 1 and len(starts) <= 1:
        yield (tuple(actions),)
        return
    for numbered, is_reversed in ((stops, False), (starts, True)):
        if numbered:
            first, *later = (numbered[number] for number in sorted(numbered, reverse=is_reversed))
            yield (*map(tuple, ([*tags, *first], *later)),)
            tags = []


def failure_percent(statuses: Iterable[OutcomeStatus]) -> float:
    """The share of attempted stops, starts and changes of tags that failed; what was not attempted says nothing."""
    attempted = Counter(status for status in statuses if status in _ATTEMPTED)
    return attempted[OutcomeStatus.FAILED] * 100 / max(attempted.total(), 1)


def _accounts_until(wave: Wave, accounts: int) -> int:
    if wave.accounts is not None:
        return min(wave.accounts, accounts)
    assert wave.percent is not None, "a wave has a size"
    return ceil(round(accounts * wave.percent / 100, 9))  # 0.1 + 0.2 must not cost one more account

"""Waves: in which order approved actions are carried out, so that a bad policy meets a few accounts before all of them.

Canary accounts first, in an order that is the same for one sweep whenever it is asked for, and different from sweep
to sweep, so that it is not always the same team that finds out.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil

from orchestrator.core.model import AccountId, Decision, OutcomeStatus
from orchestrator.core.policy.schema.limits import Wave

Waves = tuple[tuple[Decision, ...], ...]

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


def failure_percent(statuses: Iterable[OutcomeStatus]) -> float:
    """The share of attempted stops, starts and changes of tags that failed; what was not attempted says nothing."""
    attempted = Counter(status for status in statuses if status in _ATTEMPTED)
    return attempted[OutcomeStatus.FAILED] * 100 / max(attempted.total(), 1)


def _accounts_until(wave: Wave, accounts: int) -> int:
    if wave.accounts is not None:
        return min(wave.accounts, accounts)
    assert wave.percent is not None, "a wave has a size"
    return ceil(round(accounts * wave.percent / 100, 9))  # 0.1 + 0.2 must not cost one more account

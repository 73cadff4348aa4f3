"""The index of the last sweeps: what is kept of each beside the reports, and what its page shows of all of them.

It is no evidence: each sweep writes it anew, the last writer wins, and what one did not write another mends from the
ledger. Digests in, digests or what the page shows out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic import ConfigDict, TypeAdapter, with_config
from pydantic_core import to_json
from typing_extensions import TypedDict

from orchestrator.core.model import Mode, SweepStatus
from orchestrator.core.report.sweep_digest import (
    AccountDigest,
    OptOutDigest,
    SweepDigest,
    digest_of_record,
)

DIGESTS_FILE = "sweeps.json"
PAGE_FILE = "index.html"
SWEEPS_SHOWN = 90
_MOST_OF = {"%": 100.0}
WORST_SHOWN = 25
"""Accounts of all policies together."""
MOST_BYTES = 4 << 20
"""A file of digests that is larger is none of ours."""
FORMAT = 1
_WITHOUT_A_REPORT = frozenset({SweepStatus.MISSED.value, SweepStatus.ABANDONED.value})


@with_config(ConfigDict(extra="forbid", strict=True))
class _File(TypedDict):
    format: int
    sweeps: list[SweepDigest]


def read_digests(content: bytes | None) -> list[SweepDigest]:
    """Those in the file; none where there is no file, or it is not as a sweep of this release writes it."""
    if content is None or len(content) > MOST_BYTES:
        return []
    try:
        found: _File = TypeAdapter(_File).validate_json(content)
    except ValueError:
        return []
    return found["sweeps"] if found["format"] == FORMAT else []


def digests_bytes(digests: Sequence[SweepDigest]) -> bytes:
    """The file's content. Equal in, equal out."""
    return to_json({"format": FORMAT, "sweeps": digests})


def newest_digests(stored: Iterable[SweepDigest], records: Iterable[Mapping[str, Any]]) -> list[SweepDigest]:
    """One for each of the newest sweeps that have ended, newest first; the `records` are the ledger's, and it decides
    which sweeps there are and how they ended. Where it knows of none, those that are stored are all that is known.

    What names people is kept of the newest sweep of each policy alone: the rest is history.
    """
    known = {one["sweep_id"]: one for one in stored}
    ended = {row["sweep_id"]: row for row in records if row["finished_at"] or row["status"] in _WITHOUT_A_REPORT}
    found = [_of_record(row, known.get(sweep_id)) for sweep_id, row in ended.items()] if ended else [*known.values()]
    found.sort(key=lambda one: one["sweep_id"], reverse=True)
    told = set[str]()
    return [_without_opt_outs(one, told) for one in islice(found, SWEEPS_SHOWN)]


def _of_record(record: Mapping[str, Any], stored: SweepDigest | None) -> SweepDigest:
    made = digest_of_record(record)
    alike = ("finished_at", "status", "mode", "policy_name")
    is_of_it = stored is not None and [stored.get(name) for name in alike] == [made.get(name) for name in alike]
    return stored if stored is not None and is_of_it else made


def _without_opt_outs(digest: SweepDigest, told: set[str]) -> SweepDigest:
    """But of the first one of its policy that looked at all; `told` are the policies of which there was one."""
    if digest["policy_name"] not in told and digest["running"] is not None:
        told.add(digest["policy_name"])
        return digest
    return {**digest, "opt_outs": [], "opt_outs_left_out": 0}


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart: a number for each of its sweeps; None: not known."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """One chart of one policy: its sweeps from the oldest to the newest."""

    title: str
    unit: str
    labels: tuple[str, ...]
    """When each sweep began."""
    series: tuple[Series, ...]
    most: float | None = None
    """No value can be higher."""


@dataclass(frozen=True, slots=True)
class PolicyTrends:
    """What the sweeps by one policy that looked at all of it saw."""

    policy_name: str
    newest: SweepDigest
    trends: tuple[Trend, ...]


@dataclass(frozen=True, slots=True)
class WorstAccount:
    """As the newest sweep of its policy saw it, and for how long it has been so."""

    digest: AccountDigest
    policy_name: str
    sweep_id: str
    times: int
    """In so many of the sweeps by the policy it was among the worst."""
    of: int


@dataclass(frozen=True, slots=True)
class ExpiringOptOut:
    """As the newest sweep of a policy saw it."""

    digest: OptOutDigest
    sweep_id: str


@dataclass(frozen=True, slots=True)
class SweepIndex:
    """What the page shows."""

    sweeps: tuple[SweepDigest, ...]
    """Newest first."""
    policies: tuple[PolicyTrends, ...]
    """Those first that were swept last."""
    worst: tuple[WorstAccount, ...]
    expiring: tuple[ExpiringOptOut, ...]
    expiring_left_out: int
    made_up_prices: bool


def sweep_index(digests: Sequence[SweepDigest]) -> SweepIndex:
    """Of the newest sweeps, newest first."""
    by_policy: dict[str, list[SweepDigest]] = {}
    for one in digests:
        if one["running"] is not None:
            by_policy.setdefault(one["policy_name"], []).append(one)
    newest = [some[0] for some in by_policy.values()]
    worst = [one for some in by_policy.values() for one in _worst(some)]
    worst.sort(
        key=lambda one: (-one.digest["unread"], -one.digest["failed"], -one.digest["violations"], one.policy_name)
    )
    return SweepIndex(
        sweeps=tuple(digests),
        policies=tuple(PolicyTrends(name, some[0], _trends(some[::-1])) for name, some in by_policy.items()),
        worst=tuple(worst[:WORST_SHOWN]),
        expiring=_expiring(newest),
        expiring_left_out=sum(one["opt_outs_left_out"] for one in newest),
        made_up_prices=any(one["money"] is not None and one["money"]["made_up"] for one in digests),
    )


def _worst(sweeps: Sequence[SweepDigest]) -> list[WorstAccount]:
    times = Counter(account["account_id"] for one in sweeps for account in one["worst_accounts"])
    return [
        WorstAccount(
            account, sweeps[0]["policy_name"], sweeps[0]["sweep_id"], times[account["account_id"]], len(sweeps)
        )
        for account in sweeps[0]["worst_accounts"]
    ]


def _expiring(newest: Iterable[SweepDigest]) -> tuple[ExpiringOptOut, ...]:
    """Each once: by the newest of the sweeps that saw it. The next to end first."""
    found: dict[tuple[str, str | None, str, str], ExpiringOptOut] = {}
    for one in sorted(newest, key=lambda one: one["sweep_id"], reverse=True):
        for row in one["opt_outs"]:
            key = (row["carrier"], row["account_id"], row["carrier_id"], row["tag"])
            found.setdefault(key, ExpiringOptOut(row, one["sweep_id"]))
    return tuple(sorted(found.values(), key=lambda one: one.digest["until"]))


def _trends(sweeps: Sequence[SweepDigest]) -> tuple[Trend, ...]:
    """Oldest first; a chart of which nothing is known is left out, and so is a line."""
    labels = tuple(one["started_at"] for one in sweeps)
    charts: list[tuple[str, str, list[tuple[str, list[float | None]]]]] = [
        (
            "Resources",
            "resources",
            [
                ("running when read", [one["running"] for one in sweeps]),
                ("stopped", [one["stopped"] if acted(one) else None for one in sweeps]),
                (
                    "would stop (plans)",
                    [None if one["mode"] in (Mode.ENFORCE, Mode.APPLY) else one["would_stop"] for one in sweeps],
                ),
                ("exempt", [one["exempt"] for one in sweeps]),
            ],
        ),
        ("Coverage", "%", [("of the targets in scope, kind by kind", [one["coverage_percent"] for one in sweeps])]),
        (
            "Savings",
            "$",
            [
                ("forecast, net", [one["money"]["forecast_net"] if one["money"] else None for one in sweeps]),
                ("measured, net", [one["money"]["measured_net"] if one["money"] else None for one in sweeps]),
            ],
        ),
    ]
    made = (
        Trend(
            title,
            unit,
            labels,
            tuple(Series(name, tuple(values)) for name, values in lines if any_known(values)),
            _MOST_OF.get(unit),
        )
        for title, unit, lines in charts
    )
    return tuple(one for one in made if one.series)


def any_known(values: Iterable[float | None]) -> bool:
    """Whether one of them is."""
    return any(value is not None for value in values)


def acted(digest: SweepDigest) -> bool:
    """Whether it was there to stop, and nobody declined that."""
    return digest["mode"] in (Mode.ENFORCE, Mode.APPLY) and "declined" not in digest

"""Asks AWS itself, in every account and region and without any of the product's code, and holds the report to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.fleets import demo_kinds

ResourceKey = tuple[str, str, str, str]
"""Account, region, kind, id."""

_DOWN = frozenset({"stopping", "stopped"})
_LOOKS = 5
"""At most so many at what starts: the embedded AWS lets a state pass with the second look."""


def states(any_account: AnyAccount, organization: Mapping[str, Any]) -> dict[ResourceKey, str]:
    """The state of every resource of the organization, of what runs with its sizes."""
    kinds = demo_kinds()
    found: dict[ResourceKey, str] = {}
    for account in organization["accounts"]:
        with any_account.acting_in(account["id"]):
            for region in account["regions"]:
                for kind in account["resources"]:
                    for resource_id, state in kinds[kind].states(any_account, region):
                        found[account["id"], region, kind, resource_id] = state
    return found


def differences(
    report: Mapping[str, Any], before: Mapping[ResourceKey, str], after: Mapping[ResourceKey, str]
) -> list[str]:
    """One sentence for each resource of which AWS and the report do not say the same; empty when they agree."""
    planned = {_key(row) for row in report["decisions"] if row["verdict"] == "stop"}
    reported = {_key(row) for row in report["outcomes"] if row["status"] in _DOWN}
    accounted_for = {_key(row) for row in report["outcomes"]}
    stopped = {key for key, state in after.items() if state in _DOWN and before.get(key) not in _DOWN}
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    sentences = {
        "is stopped, but was not planned": stopped - planned,
        "is stopped, but the report does not say so": stopped - reported,
        "is reported as stopped, but is not": reported - stopped,
        "was planned, but has no outcome": planned - accounted_for,
        "has an outcome, but was not planned": accounted_for - planned,
        "is not as it was, although nobody stopped it": changed - stopped,
    }
    return [f"{'/'.join(key)} {text}" for text, keys in sentences.items() for key in sorted(keys)]


def not_given_back(look: Callable[[], Mapping[ResourceKey, str]], before: Mapping[ResourceKey, str]) -> list[str]:
    """One sentence for each resource that is not as it was before its stop; empty when an undo gave all back."""
    for _ in range(_LOOKS):
        after = look()
        if after == before:
            return []
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    gone = "not there"
    return [f"{'/'.join(one)} is {after.get(one, gone)}, and was {before.get(one, gone)}" for one in changed]


def _key(row: Mapping[str, Any]) -> ResourceKey:
    return row["account_id"], row["region"], row["kind"], row["resource_id"]

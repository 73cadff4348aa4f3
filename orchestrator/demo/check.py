"""Asks EC2 itself, in every account and region and without any of the product's code, and holds the report to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.demo.organization import AnyAccount
from orchestrator.demo.server import Serving

InstanceKey = tuple[str, str, str]
"""Account, region, instance id."""

_DOWN = frozenset({"stopping", "stopped"})


def states(aws: Serving) -> dict[InstanceKey, str]:
    """The state of every instance of the organization."""
    any_account = AnyAccount(aws.environment)
    found: dict[InstanceKey, str] = {}
    for account in aws.organization["accounts"]:
        with any_account.acting_in(account["id"]):
            for region in account["regions"]:
                pages = any_account.client("ec2", region).get_paginator("describe_instances").paginate()
                for reservation in (one for page in pages for one in page["Reservations"]):
                    for instance in reservation["Instances"]:
                        found[account["id"], region, instance["InstanceId"]] = instance["State"]["Name"]
    return found


def differences(
    report: Mapping[str, Any], before: Mapping[InstanceKey, str], after: Mapping[InstanceKey, str]
) -> list[str]:
    """One sentence for each instance of which EC2 and the report do not say the same; empty when they agree."""
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


def _key(row: Mapping[str, Any]) -> InstanceKey:
    return row["account_id"], row["region"], row["resource_id"]

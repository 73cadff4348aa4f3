"""Notebook instances: one whose rule accepts what a stop loses, and one that is kept as its rule does not."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.demo.accounts import FRANKFURT, TEST, DemoAccount, pairs
from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.fleets import DemoKind, IdAndState

_ACCOUNT = "dev-analytics"
_NOTEBOOKS = {"churn": {**TEST, "May-lose": "what is local"}, "forecast": TEST}
_STATES = {"Stopped": "stopped", "Stopping": "stopping"}


def _seed(aws: AnyAccount, account: DemoAccount, account_id: str) -> int:
    if account.name != _ACCOUNT:
        return 0
    for name, tags in _NOTEBOOKS.items():
        aws.client("sagemaker", FRANKFURT).create_notebook_instance(
            NotebookInstanceName=name,
            InstanceType="ml.t3.medium",
            RoleArn=f"arn:aws:iam::{account_id}:role/notebook",
            VolumeSizeInGB=20,
            Tags=pairs({**tags, "Name": name}),
        )
    return len(_NOTEBOOKS)


def _states(aws: AnyAccount, region: str) -> Iterator[IdAndState]:
    for page in aws.client("sagemaker", region).get_paginator("list_notebook_instances").paginate():
        for one in page["NotebookInstances"]:
            status = one["NotebookInstanceStatus"]
            yield one["NotebookInstanceName"], _STATES.get(status, status)


FLEETS = DemoKind("notebook instances", _seed, _states)

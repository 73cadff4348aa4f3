"""DescribeDBInstances, page by page: all of a region, or some by their ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from orchestrator.aws.failures import require_account
from orchestrator.aws.pages import MARKER, each_page
from orchestrator.core.model import AccountId
from orchestrator.kinds.shared.operations import Call, answer_with, in_portions

OPERATION = "DescribeDBInstances"
_PAGE_SIZE = 100
"""The most that RDS gives, and so many ids a filter."""


def all_databases(client: Any, call: Call) -> Iterator[Any]:
    """As botocore names their fields, whatever their state. Raises botocore's exceptions."""
    return _pages(client, call, {})


def of_account(account_id: AccountId, databases: Iterable[Any]) -> Iterator[Any]:
    """The same databases. Raises botocore's exception at one whose ARN is not of that account."""
    for one in databases:
        require_account(OPERATION, account_id, one.get("DBInstanceArn") or "")
        yield one


def databases_by_id(client: Any, ids: Sequence[str], call: Call) -> Iterator[Any]:
    """Those that RDS knows. By filter: asked for by its identifier, an unknown one would be an error."""
    for some in in_portions(ids, _PAGE_SIZE):
        yield from _pages(client, call, {"Filters": [{"Name": "db-instance-id", "Values": [*some]}]})


def _pages(client: Any, call: Call, asked: dict[str, Any]) -> Iterator[Any]:
    """A page that is tried again does not cost those before it."""

    def ask(**more: str) -> Any:
        databases = partial(client.describe_db_instances, MaxRecords=_PAGE_SIZE, **asked, **more)
        return call(OPERATION, partial(answer_with, "DBInstances", databases))

    for page in each_page(OPERATION, ask, MARKER):
        yield from page["DBInstances"]

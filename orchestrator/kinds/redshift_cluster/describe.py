"""DescribeClusters, page by page: all of a region, or some by their ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from orchestrator.aws.failures import error_of, require_account
from orchestrator.aws.pages import MARKER, each_page
from orchestrator.core.model import AccountId
from orchestrator.kinds.shared.operations import Call, answer_with

OPERATION = "DescribeClusters"
_PAGE_SIZE = 100
"""The most that Redshift gives."""
_GONE = "ClusterNotFound"


def all_clusters(client: Any, call: Call) -> Iterator[Any]:
    """As botocore names their fields, whatever their state. Raises botocore's exceptions."""

    def ask(**more: str) -> Any:
        clusters = partial(client.describe_clusters, MaxRecords=_PAGE_SIZE, **more)
        return call(OPERATION, partial(answer_with, "Clusters", clusters))

    for page in each_page(OPERATION, ask, MARKER):
        yield from page["Clusters"]


def of_account(account_id: AccountId, clusters: Iterable[Any]) -> Iterator[Any]:
    """The same clusters. Raises botocore's exception at one whose namespace is of another account.

    The answer has no ARN of the cluster itself.
    """
    for one in clusters:
        if one.get("ClusterNamespaceArn"):
            require_account(OPERATION, account_id, one["ClusterNamespaceArn"])
        yield one


def clusters_by_id(client: Any, ids: Sequence[str], call: Call) -> Iterator[Any]:
    """Those that Redshift knows. Raises botocore's exceptions. A call for each: no filter takes ids."""
    for one in ids:
        asked = partial(client.describe_clusters, ClusterIdentifier=one)
        try:
            answer = call(OPERATION, partial(answer_with, "Clusters", asked))
        except ClientError as failure:
            if error_of(failure).code != _GONE:
                raise
        else:
            yield from answer["Clusters"]

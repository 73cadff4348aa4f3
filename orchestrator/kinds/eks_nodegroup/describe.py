"""Reading node groups: clusters, then the names of each one's groups, then each group by itself, as EKS has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from orchestrator.aws.failures import error_of, require_account
from orchestrator.aws.pages import NEXT_TOKEN_IN_LOWER_CASE, each_page
from orchestrator.core.model import AccountId
from orchestrator.kinds.shared.operations import Call, answer_with

_LIST_CLUSTERS, _LIST, _DESCRIBE = "ListClusters", "ListNodegroups", "DescribeNodegroup"
_PAGE_SIZE = 100
"""The most that EKS gives."""
_NOT_FOUND = "ResourceNotFoundException"


def all_ids(client: Any, call: Call) -> Iterator[str]:
    """Of each node group of the region, once: its cluster's name and its own. Raises botocore's exceptions.

    A region without clusters costs one call.
    """
    for cluster in _names(_LIST_CLUSTERS, "clusters", client.list_clusters, call):
        groups = partial(client.list_nodegroups, clusterName=cluster)
        for group in _names(_LIST, "nodegroups", groups, call):
            yield f"{cluster}/{group}"


def each_group(client: Any, account_id: AccountId, ids: Iterable[str], call: Call) -> Iterator[Any]:
    """Those that EKS knows, as botocore names their fields. Raises botocore's exceptions, also at one of another
    account.
    """
    for one in ids:
        cluster, _, group = one.partition("/")
        ask = partial(client.describe_nodegroup, clusterName=cluster, nodegroupName=group)
        answer = call(_DESCRIBE, partial(_unless_gone, "nodegroup", ask))
        if answer is None:
            continue
        raw = answer["nodegroup"]
        if (raw.get("clusterName"), raw.get("nodegroupName")) != (cluster, group):
            raise ResponseParserError(f"the answer to {_DESCRIBE} is not about {one}")
        require_account(_DESCRIBE, account_id, raw.get("nodegroupArn") or "")
        yield raw


def _names(operation: str, key: str, function: Callable[..., Any], call: Call) -> Iterator[str]:
    """Each name once: pages may overlap where something was made or deleted in between."""

    def ask(**more: str) -> Any:
        listed = partial(function, maxResults=_PAGE_SIZE, **more)
        return call(operation, partial(_unless_gone, key, listed)) or {key: ()}

    pages = each_page(operation, ask, NEXT_TOKEN_IN_LOWER_CASE)
    yield from dict.fromkeys(name for page in pages for name in page[key])


def _unless_gone(key: str, ask: Callable[[], Any]) -> Any:
    """The answer; None where what is asked about is not there any more."""
    try:
        return answer_with(key, ask)
    except ClientError as refusal:
        if error_of(refusal).code == _NOT_FOUND:
            return None
        raise

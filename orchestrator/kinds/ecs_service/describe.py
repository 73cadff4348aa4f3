"""The calls that read services: clusters, the services of each, ten of them at a time, and what scales them.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from orchestrator.aws.failures import error_of, require_account
from orchestrator.aws.pages import NEXT_TOKEN, NEXT_TOKEN_IN_LOWER_CASE, Tokens, each_page
from orchestrator.core.model import AccountId
from orchestrator.kinds.ecs_service.rules import flags_of, scalable_id
from orchestrator.kinds.shared.operations import Call, answer_with, in_portions

LIST_CLUSTERS, LIST_SERVICES, DESCRIBE = "ListClusters", "ListServices", "DescribeServices"
DESCRIBE_SCALING = "application-autoscaling:DescribeScalableTargets"
CLUSTER_GONE = "ClusterNotFoundException"
DIMENSION, NAMESPACE = "ecs:service:DesiredCount", "ecs"
_PAGE, _SERVICES_A_CALL, _SCALABLE_A_PAGE = 100, 10, 50
_MISSING = "MISSING"

Flags = dict[str, dict[str, bool]]
"""By `cluster/service`, those of its scalable target; what has none is missing."""


def all_services(client: Any, account_id: AccountId, call: Call) -> Iterator[Any]:
    """As botocore names their fields, of every cluster. A cluster that is deleted meanwhile has none.

    Raises botocore's exceptions, also for an answer about another account.
    """
    for arn in cluster_arns(client, call):
        require_account(LIST_CLUSTERS, account_id, arn)
        try:
            names = list(service_names(client, arn, call))
            yield from _described(client, account_id, arn, names, call)
        except ClientError as failure:
            if error_of(failure).code != CLUSTER_GONE:
                raise


def cluster_arns(client: Any, call: Call) -> Iterator[str]:
    """Of the region."""
    return _listed(LIST_CLUSTERS, "clusterArns", partial(client.list_clusters, maxResults=_PAGE), call)


def service_names(client: Any, cluster: str, call: Call) -> Iterator[str]:
    """Of that cluster."""
    asked = partial(client.list_services, cluster=cluster, maxResults=_PAGE)
    return (arn.rpartition("/")[2] for arn in _listed(LIST_SERVICES, "serviceArns", asked, call))


def services_by_id(client: Any, account_id: AccountId, ids: Sequence[str], call: Call) -> Iterator[Any]:
    """Those that ECS knows, by `cluster/service`. Raises as `all_services`."""
    by_cluster: dict[str, list[str]] = {}
    for one in ids:
        cluster, _, name = one.partition("/")
        by_cluster.setdefault(cluster, []).append(name)
    for cluster, names in by_cluster.items():
        try:
            yield from _described(client, account_id, cluster, names, call)
        except ClientError as failure:
            if error_of(failure).code != CLUSTER_GONE:
                raise


def all_flags(client: Any, call: Call) -> Flags:
    """Of every service of the region that has a scalable target."""
    return _flags(client, call, {})


def flags_by_id(client: Any, ids: Sequence[str], call: Call) -> Flags:
    """Of those of these services that have one."""
    found: Flags = {}
    for some in in_portions(ids, _SCALABLE_A_PAGE):
        found |= _flags(client, call, {"ResourceIds": [scalable_id(one) for one in some]})
    return found


def _described(client: Any, account_id: AccountId, cluster: str, names: Sequence[str], call: Call) -> Iterator[Any]:
    """Each of them once, or its failure `MISSING`. Raises ResponseParserError for an answer that leaves one out, as
    what is not in it would count as deleted.
    """
    for some in in_portions(names, _SERVICES_A_CALL):
        describe = partial(client.describe_services, cluster=cluster, services=[*some], include=["TAGS"])
        answer = call(DESCRIBE, partial(answer_with, "services", describe))
        told = {one.get("serviceName") for one in answer["services"]}
        for failure in answer.get("failures") or ():
            if failure.get("reason") != _MISSING:
                text = f"{failure.get('arn')}: {failure.get('detail') or ''}"
                raise ClientError({"Error": {"Code": str(failure.get("reason")), "Message": text}}, DESCRIBE)
            told.add(str(failure.get("arn")).rpartition("/")[2])
        left_out = sorted(set(some) - told)
        if left_out:
            raise ResponseParserError(f"the answer leaves out {', '.join(left_out)}")
        for one in answer["services"]:
            require_account(DESCRIBE, account_id, one.get("serviceArn") or "")
            yield one


def _flags(client: Any, call: Call, asked: dict[str, Any]) -> Flags:
    describe = partial(
        client.describe_scalable_targets,
        ServiceNamespace=NAMESPACE,
        ScalableDimension=DIMENSION,
        MaxResults=_SCALABLE_A_PAGE,
        **asked,
    )
    found = _listed(DESCRIBE_SCALING, "ScalableTargets", describe, call, NEXT_TOKEN)
    return {one["ResourceId"].removeprefix(scalable_id("")): flags_of(one) for one in found}


def _listed(
    operation: str, key: str, asked: Callable[..., Any], call: Call, tokens: Tokens = NEXT_TOKEN_IN_LOWER_CASE
) -> Iterator[Any]:
    """What is on each page. A page that is tried again does not cost those before it."""

    def ask(**more: str) -> Any:
        return call(operation, partial(answer_with, key, partial(asked, **more)))

    for page in each_page(operation, ask, tokens):
        yield from page[key]

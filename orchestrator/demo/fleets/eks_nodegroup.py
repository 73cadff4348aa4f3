"""EKS node groups of one cluster: one that its rule lets stop, and one of Cluster Autoscaler, which is kept."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.demo.accounts import DEV, IRELAND, DemoAccount
from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.fleets import DemoKind, IdAndState

_ACCOUNT, _CLUSTER = "dev-mobile", "builds"
_GROUPS = {
    "workers": {**DEV, "May-lose": "what is local"},
    "scaled": {**DEV, "k8s.io/cluster-autoscaler/enabled": "true"},
}
_SIZES = {"minSize": 1, "maxSize": 5, "desiredSize": 3}


def _seed(aws: AnyAccount, account: DemoAccount, account_id: str) -> int:
    if account.name != _ACCOUNT:
        return 0
    client, role = aws.client("eks", IRELAND), f"arn:aws:iam::{account_id}:role/eks"
    client.create_cluster(name=_CLUSTER, roleArn=role, resourcesVpcConfig={})
    for name, tags in _GROUPS.items():
        client.create_nodegroup(
            clusterName=_CLUSTER,
            nodegroupName=name,
            scalingConfig=_SIZES,
            subnets=["subnet-1"],
            nodeRole=role,
            instanceTypes=["t3.large"],
            amiType="AL2_x86_64",
            capacityType="ON_DEMAND",
            tags=tags,
        )
    return len(_GROUPS)


def _states(aws: AnyAccount, region: str) -> Iterator[IdAndState]:
    client = aws.client("eks", region)
    for cluster in client.list_clusters()["clusters"]:
        for name in client.list_nodegroups(clusterName=cluster)["nodegroups"]:
            one = client.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
            least, most, wanted = (one["scalingConfig"][size] for size in _SIZES)
            down = "stopped" if one["status"] == "ACTIVE" else "stopping"
            yield f"{cluster}/{name}", f"{least} to {most}, {wanted} wanted, {one['status']}" if wanted else down


FLEETS = DemoKind("EKS node groups", _seed, _states)

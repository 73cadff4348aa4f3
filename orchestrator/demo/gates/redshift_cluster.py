"""Redshift as AWS answers it: states that pass, and what it refuses to pause or resume.

moto pauses and resumes at once and in any state, and does not tell whether a cluster answers queries, in how many zones
it is, nor the ARN of its namespace. Here a state passes with the second look at it.
"""

from __future__ import annotations

from typing import Any

from moto.redshift.models import redshift_backends

from orchestrator.demo.calls import Answer, Call

_PASSING = {"pausing": "paused", "resuming": "available"}
_FALLS_BACK = "falls_back"


def pause_gate(call: Call) -> Answer | None:
    """A pause as Redshift answers it; None where there is no such cluster, which moto refuses itself."""
    cluster = _cluster(call) if _asks(call, "PauseCluster") else None
    if cluster is None:
        return None
    if cluster.automated_snapshot_retention_period == 0 or vars(cluster).get("hsm_status"):
        return call.refused("UnsupportedOperation", f"The cluster {cluster.cluster_identifier} cannot be paused.")
    if cluster.status != "available" or cluster.cluster_availability_status != "Available":
        return _wrong_state(call, cluster, "available")
    return _changed(call, cluster, "pausing")


def resume_gate(call: Call) -> Answer | None:
    """A resume as Redshift answers it; None where there is no such cluster, which moto refuses itself."""
    cluster = _cluster(call) if _asks(call, "ResumeCluster") else None
    if cluster is None:
        return None
    return _changed(call, cluster, "resuming") if cluster.status == "paused" else _wrong_state(call, cluster, "paused")


def states_gate(call: Call) -> Answer | None:
    """A state that passes is seen once."""
    if _asks(call, "DescribeClusters"):
        named = call.form.get("ClusterIdentifier")
        for cluster in list(redshift_backends[call.account_id][call.region].clusters.values()):
            if named in (None, cluster.cluster_identifier):
                _pass(cluster)
                _complete(call, cluster)
    return None


def let_fall_back(cluster: Any) -> None:
    """From now on each resume of it comes to nothing: it is seen resuming, and paused again."""
    vars(cluster)[_FALLS_BACK] = True


def _pass(cluster: Any) -> None:
    if cluster.status in _PASSING and vars(cluster).get("seen_status") == cluster.status:
        falls_back = cluster.status == "resuming" and _FALLS_BACK in vars(cluster)
        cluster.status = "paused" if falls_back else _PASSING[cluster.status]
    vars(cluster)["seen_status"] = cluster.status


def _complete(call: Call, cluster: Any) -> None:
    """What moto does not tell, unless a test said it; by its status it answers queries or not."""
    namespace = f"arn:aws:redshift:{call.region}:{call.account_id}:namespace:{cluster.unique_cluster_id}"
    told = vars(cluster)
    told.setdefault("cluster_namespace_arn", namespace)
    told.setdefault("multi_az", "Disabled")
    if told.get("cluster_availability_status") in (None, "Available", "Unavailable"):
        told["cluster_availability_status"] = "Available" if cluster.status == "available" else "Unavailable"


def _asks(call: Call, action: str) -> bool:
    return call.service == "redshift" and call.action == action


def _cluster(call: Call) -> Any:
    """As `DescribeClusters` would tell it now."""
    cluster = redshift_backends[call.account_id][call.region].clusters.get(call.form.get("ClusterIdentifier", ""))
    if cluster is not None:
        _complete(call, cluster)
    return cluster


def _wrong_state(call: Call, cluster: Any, needed: str) -> Answer:
    text = f"The cluster {cluster.cluster_identifier} is not in the {needed} state."
    return call.refused("InvalidClusterState", text)


def _changed(call: Call, cluster: Any, status: str) -> Answer:
    cluster.status = status
    told = (
        f"<Cluster><ClusterIdentifier>{cluster.cluster_identifier}</ClusterIdentifier>"
        f"<ClusterStatus>{status}</ClusterStatus></Cluster>"
    )
    result = f"<{call.action}Result>{told}</{call.action}Result>"
    return Answer(200, "text/xml", f"<{call.action}Response>{result}</{call.action}Response>")


GATES = (pause_gate, resume_gate, states_gate)

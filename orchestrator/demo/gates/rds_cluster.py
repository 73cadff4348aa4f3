"""DB clusters as AWS answers them: what it does not stop, states that pass, members that follow, and DocumentDB.

moto stops Multi-AZ DB clusters, Serverless v1, global databases and replicas, knows no `stopping` and `starting`, does
not say when AWS will start a cluster again, takes tags in any state, and has no engine `docdb`. Here a state passes
with the second look at it. AWS documents what it refuses, and one code that StopDBCluster has for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.rds.models import rds_backends

from orchestrator.demo.calls import Answer, Call

_PASSING = {"stopping": "stopped", "starting": "available"}
_RESTARTED_AFTER = timedelta(days=7)
_WRONG_STATE = "InvalidDBClusterStateFault"
_DOCUMENTDB, _IN_ITS_PLACE = "docdb", "aurora-mysql"


def create_gate(call: Call) -> Answer | None:
    """A cluster of DocumentDB, or a member of one, is made as one that moto knows, and named at the first look."""
    if (_asks(call, "CreateDBCluster") or _asks(call, "CreateDBInstance")) and call.form.get("Engine") == _DOCUMENTDB:
        version = f"{_DOCUMENTDB}-{call.form.get('EngineVersion', '5.0.0')}"
        call.replace_form({**call.form, "Engine": _IN_ITS_PLACE, "EngineVersion": version})
    return None


def stop_gate(call: Call) -> Answer | None:
    """A stop as RDS answers it; None where there is no such cluster, which moto refuses itself."""
    cluster = _cluster(call) if _asks(call, "StopDBCluster") else None
    if cluster is None:
        return None
    if (why := _cannot_be_stopped(cluster)) is not None:
        return call.refused(_WRONG_STATE, f"The DB cluster {cluster.db_cluster_identifier} can't be stopped: {why}.")
    if cluster.status != "available":
        return _wrong_state(call, cluster, "available")
    cluster.automatic_restart_time = utcnow() + _RESTARTED_AFTER
    return _changed(call, cluster, "stopping")


def start_gate(call: Call) -> Answer | None:
    """A start as RDS answers it; None where there is no such cluster, which moto refuses itself."""
    cluster = _cluster(call) if _asks(call, "StartDBCluster") else None
    if cluster is None:
        return None
    if cluster.status != "stopped":
        return _wrong_state(call, cluster, "stopped,inaccessible-encryption-credentials-recoverable")
    cluster.automatic_restart_time = None
    return _changed(call, cluster, "starting")


def tags_gate(call: Call) -> Answer | None:
    """AWS's refusal of tags while the cluster is not `available`."""
    if not (_asks(call, "AddTagsToResource") or _asks(call, "RemoveTagsFromResource")):
        return None
    cluster = _clusters(call).get(call.form.get("ResourceName", "").rpartition(":cluster:")[2])
    return None if cluster is None or cluster.status == "available" else _wrong_state(call, cluster, "available")


def states_gate(call: Call) -> Answer | None:
    """A state that passes is seen once."""
    if _asks(call, "DescribeDBClusters") or _asks(call, "DescribeDBInstances"):
        for cluster in list(_clusters(call).values()):
            _name_documentdb(call, cluster)
            if not _asks(call, "DescribeDBClusters"):
                continue
            if cluster.status in _PASSING and vars(cluster).get("seen_status") == cluster.status:
                _put(call, cluster, _PASSING[cluster.status])
            vars(cluster)["seen_status"] = cluster.status
    return None


def _asks(call: Call, action: str) -> bool:
    return call.service == "rds" and call.action == action


def _clusters(call: Call) -> Any:
    return rds_backends[call.account_id][call.region].clusters


def _cluster(call: Call) -> Any:
    return _clusters(call).get(call.form.get("DBClusterIdentifier", "").lower())


def _members(call: Call, cluster: Any) -> Iterator[Any]:
    for database in list(rds_backends[call.account_id][call.region].databases.values()):
        if database.db_cluster_identifier == cluster.db_cluster_identifier:
            yield database


def _name_documentdb(call: Call, cluster: Any) -> None:
    engine, _, version = str(cluster.engine_version).partition("-")
    if engine == _DOCUMENTDB:
        cluster.engine, cluster.engine_version = engine, version
    if cluster.engine == _DOCUMENTDB:
        for member in _members(call, cluster):
            member.engine = _DOCUMENTDB


def _cannot_be_stopped(cluster: Any) -> str | None:
    if cluster.engine in ("mysql", "postgres"):
        return "it is a Multi-AZ DB cluster"
    if cluster.engine_mode == "serverless":
        return "its engine mode is serverless"
    if cluster.global_cluster_identifier:
        return "it is part of a global database"
    if cluster.replication_source_identifier or cluster.read_replica_identifiers:
        return "it replicates"
    return None


def _wrong_state(call: Call, cluster: Any, expected: str) -> Answer:
    text = f"DbCluster {cluster.db_cluster_identifier} is in {cluster.status} state but expected it to be one of"
    return call.refused(_WRONG_STATE, f"{text} {expected}.")


def _put(call: Call, cluster: Any, status: str) -> None:
    """Its members go with it."""
    cluster.status = status
    for member in _members(call, cluster):
        member.status = status


def _changed(call: Call, cluster: Any, status: str) -> Answer:
    _put(call, cluster, status)
    identifier = f"<DBClusterIdentifier>{cluster.db_cluster_identifier}</DBClusterIdentifier>"
    body = f"<DBCluster>{identifier}<Status>{status}</Status></DBCluster>"
    return Answer(
        200,
        "text/xml",
        f"<{call.action}Response><{call.action}Result>{body}</{call.action}Result></{call.action}Response>",
    )


GATES = (create_gate, stop_gate, start_gate, tags_gate, states_gate)

"""DB clusters: what the shared kind of databases takes to read, stop and start them."""

from __future__ import annotations

from orchestrator.kinds.rds_cluster.act import PROFILE, DbClusterOperations
from orchestrator.kinds.rds_cluster.describe import CLUSTERS
from orchestrator.kinds.rds_cluster.description import RDS_CLUSTER
from orchestrator.kinds.rds_cluster.prices import billed
from orchestrator.kinds.rds_cluster.rules import resource_of
from orchestrator.kinds.shared.database_kind import DatabaseKind, reading_only
from orchestrator.kinds.shared.entry import KindEntry


class DbClusters(DatabaseKind):
    """DB clusters, whose members stop and start with them."""

    description = RDS_CLUSTER
    profile = PROFILE
    listing = CLUSTERS
    make_resource = staticmethod(resource_of)
    make_operations = DbClusterOperations
    make_billed = staticmethod(billed)


KIND = KindEntry(RDS_CLUSTER, DbClusters, reading_only(RDS_CLUSTER, CLUSTERS, "DBClusterIdentifier"))

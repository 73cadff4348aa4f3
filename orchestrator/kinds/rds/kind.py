"""RDS DB instances: what the shared kind of databases takes to read, stop and start them."""

from __future__ import annotations

from orchestrator.kinds.rds.act import PROFILE, RdsOperations
from orchestrator.kinds.rds.describe import INSTANCES
from orchestrator.kinds.rds.description import RDS
from orchestrator.kinds.rds.prices import billed
from orchestrator.kinds.rds.rules import resource_of
from orchestrator.kinds.shared.database_kind import DatabaseKind, reading_only
from orchestrator.kinds.shared.entry import KindEntry


class DbInstances(DatabaseKind):
    """RDS DB instances. Those of clusters are reported as what these own."""

    description = RDS
    profile = PROFILE
    listing = INSTANCES
    make_resource = staticmethod(resource_of)
    make_operations = RdsOperations
    make_billed = staticmethod(billed)


KIND = KindEntry(RDS, DbInstances, reading_only(RDS, INSTANCES, "DBInstanceIdentifier"))

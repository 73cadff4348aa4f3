"""DescribeDBClusters of the client `rds`: Aurora, DocumentDB and Neptune at once.

The clients `docdb` and `neptune` reach the same endpoint, but the answers that they know have no tags.
"""

from __future__ import annotations

from orchestrator.kinds.shared.database_calls import DatabaseListing

CLUSTERS = DatabaseListing(
    operation="DescribeDBClusters", answered="DBClusters", filter="db-cluster-id", arn="DBClusterArn"
)

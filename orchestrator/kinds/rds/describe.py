"""DescribeDBInstances, as the shared listing of databases asks for it."""

from __future__ import annotations

from orchestrator.kinds.shared.database_calls import DatabaseListing

INSTANCES = DatabaseListing(
    operation="DescribeDBInstances", answered="DBInstances", filter="db-instance-id", arn="DBInstanceArn"
)

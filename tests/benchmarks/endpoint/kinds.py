"""What the services of the kinds beside EC2 answer in an account and region that has none of their resources."""

from __future__ import annotations

import json
import re

_QUERY = {
    "rds": {"DescribeDBInstances": "<DBInstances/>", "DescribeDBClusters": "<DBClusters/>"},
    "autoscaling": {"DescribeAutoScalingGroups": "<AutoScalingGroups/>"},
    "redshift": {"DescribeClusters": "<Clusters/>"},
}
"""By service and operation, what is in the result."""
_JSON = {
    "ecs": {"ListClusters": {"clusterArns": []}},
    "sagemaker": {"ListNotebookInstances": {"NotebookInstances": []}},
}
_REST = {"eks": ("ListClusters", re.compile(r"/clusters(\?|$)"), {"clusters": []})}
SERVICES = frozenset({*_QUERY, *_JSON, *_REST})


def query(service: str, operation: str) -> str:
    """The XML. Raises KeyError for what this benchmark does not ask."""
    result = _QUERY[service][operation]
    return (
        f"<{operation}Response><{operation}Result>{result}</{operation}Result>"
        f"<ResponseMetadata><RequestId>a-request</RequestId></ResponseMetadata></{operation}Response>"
    )


def of_target(service: str, operation: str) -> dict[str, list[str]]:
    """The JSON. Raises as `query`."""
    return _JSON[service][operation]


def of_path(service: str, path: str) -> tuple[str, bytes] | None:
    """The operation and the JSON of a service that is asked by paths; None for any other service."""
    if service not in _REST:
        return None
    operation, known, answer = _REST[service]
    assert known.match(path), f"the benchmark has no {service} {path}"
    return operation, json.dumps(answer).encode()

"""Requests to services with paths are known by the names of their operations."""

from __future__ import annotations

import pytest

from orchestrator.demo.rest_calls import rest_call

ARN = "arn:aws:eks:eu-central-1:111111111111:nodegroup/shop/group/0a1b"


@pytest.mark.parametrize(
    ("method", "path", "operation", "fields"),
    [
        ("GET", "/clusters", "ListClusters", {}),
        ("GET", "/clusters/shop", "DescribeCluster", {"name": "shop"}),
        ("GET", "/clusters/shop/node-groups", "ListNodegroups", {"name": "shop"}),
        ("GET", "/clusters/shop/node-groups/g", "DescribeNodegroup", {"name": "shop", "nodegroupName": "g"}),
        (
            "POST",
            "/clusters/shop/node-groups/g/update-config",
            "UpdateNodegroupConfig",
            {"name": "shop", "nodegroupName": "g"},
        ),
        ("POST", f"/tags/{ARN}", "TagResource", {"resourceArn": ARN}),
        ("DELETE", f"/tags/{ARN}", "UntagResource", {"resourceArn": ARN}),
    ],
)
def test_an_operation_is_known_by_its_method_and_path(
    method: str, path: str, operation: str, fields: dict[str, str]
) -> None:
    assert rest_call("eks", method, path) == (operation, fields)


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/clusters"), ("GET", "/"), ("GET", "/nothing/of/that")])
def test_what_is_no_operation_of_it_is_none(method: str, path: str) -> None:
    assert rest_call("eks", method, path) is None

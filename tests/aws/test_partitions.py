"""What botocore's endpoints say of regions: a service that one lacks, and nothing of what they do not know."""

from __future__ import annotations

import pytest

from orchestrator.aws.partitions import lacks_service


@pytest.mark.parametrize(
    ("service", "region", "lacks"),
    [
        ("workspaces", "eu-north-1", True),
        ("workspaces", "eu-central-1", False),
        ("rds", "eu-north-1", False),
        ("sagemaker", "eu-north-1", False),  # whose endpoints are under api.sagemaker
        ("ec2", "eu-north-1", False),
        ("workspaces", "eu-unheard-of-1", False),
        ("no-such-service", "eu-north-1", False),
        ("workspaces", "cn-north-1", True),
        ("workspaces", "cn-northwest-1", False),
        ("iam", "eu-north-1", False),  # of no region
    ],
)
def test_a_region_lacks_a_service_where_its_endpoints_have_ec2_and_not_the_service(
    service: str, region: str, *, lacks: bool
) -> None:
    assert lacks_service(service, region) is lacks

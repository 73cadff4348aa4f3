"""A template that lacks a permission does not pass, and what fails names it."""

from __future__ import annotations

import re

import pytest

from tests.e2e.conftest import WITHOUT, Deployer
from tests.e2e.expectations import assert_as_expected, swept


@pytest.mark.skipif(bool(WITHOUT), reason="one permission at a time")
@pytest.mark.parametrize("action", ["ec2:StopInstances", "dynamodb:PutItem"])
def test_without_a_permission_the_run_fails_and_names_it(deployed_without: Deployer, action: str) -> None:
    with deployed_without(action) as deployment, pytest.raises(AssertionError, match=f"denied: .*{re.escape(action)}"):
        assert_as_expected(deployment.organization, swept(deployment, "enforce"))

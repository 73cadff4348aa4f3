"""What the tests of the command line that act on the same instances share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Ran, Run
from tests.support.sweeps import DEV, FRANKFURT, IRELAND

Do = Callable[..., Ran]


@pytest.fixture
def do(run: Run) -> Do:
    """A command with JSON, and --yes where it wants one."""

    def _do(command: str, *arguments: str) -> Ran:
        yes = () if command == "plan" else ("--yes",)
        return run(command, *arguments, *yes, "--format", "json")

    return _do


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return organization.account("dev")


@pytest.fixture
def ids(organization: OrganizationBuilder, account: str) -> list[str]:
    """Two in Frankfurt and one in Ireland, all to be stopped."""
    return [
        *organization.instances(account, FRANKFURT, 2, DEV),
        *organization.instances(account, IRELAND, 1, DEV),
    ]

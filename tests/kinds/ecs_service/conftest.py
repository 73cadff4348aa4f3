"""Services in the embedded AWS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kinds.contract.harness import embedded
from tests.kinds.ecs_service.harness import Embedded
from tests.support.embedded import OrganizationBuilder
from tests.support.embedded_aws import *  # noqa: F403 - pytest finds fixtures by their names in this file


@pytest.fixture
def aws(organization: OrganizationBuilder) -> Iterator[Embedded]:
    with embedded(organization, Embedded) as harness:
        assert isinstance(harness, Embedded)
        yield harness

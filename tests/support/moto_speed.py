"""A quick moto for the tests that use it without the demo's server."""

from __future__ import annotations

import pytest

from orchestrator.demo.quick_moto import make_moto_quick


@pytest.fixture(scope="session", autouse=True)
def _moto_is_quick() -> None:
    make_moto_quick()

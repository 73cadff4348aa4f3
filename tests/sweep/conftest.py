"""A hub without sweeps, and one with three."""

from __future__ import annotations

import pytest

from tests.support.chain import A, B, C, Hub
from tests.support.parts import machine  # noqa: F401 - pytest finds fixtures by their names here


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def three(hub: Hub) -> Hub:
    for sweep_id in (A, B, C):
        hub.sweep(sweep_id)
    return hub

"""Fixtures of the tests in which commands are killed; their conftest imports them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.crashes.scene import Scene, scene
from tests.support.crashes.zygote import Zygote
from tests.support.embedded import OrganizationBuilder
from tests.support.suites import is_fast
from tests.support.sweeps import Sweeps


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    with Zygote() as started:
        yield started


@pytest.fixture
def place(
    zygote: Zygote,
    organization: OrganizationBuilder,
    sweep: Sweeps,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
) -> Iterator[Scene]:
    with scene(zygote, organization, sweep, monkeypatch, is_small=is_fast(pytestconfig)) as made:
        yield made

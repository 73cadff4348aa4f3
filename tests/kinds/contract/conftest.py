"""Each kind of the registry, with its AWS in memory and embedded."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from orchestrator.kinds.registry import DESCRIPTIONS
from tests.kinds.contract.harness import EmbeddedAws, Harness, MemoryAws, embedded
from tests.support.embedded_aws import *  # noqa: F403 - pytest finds fixtures by their names in this file

KINDS = [description.name for description in DESCRIPTIONS]


def _harness(kind: str) -> Any:
    return import_module(f"tests.kinds.{kind}.harness")


def _worlds() -> list[ParameterSet]:
    """Over HTTP each kind has tests of its own in the fast suite; the contract there is the full suite's."""
    return [
        pytest.param((kind, world), id=f"{kind}-{world}", marks=marks)
        for kind in KINDS
        for world, marks in (("memory", ()), ("embedded", pytest.mark.full))
    ]


@pytest.fixture(params=_worlds())
def aws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    kind, world = request.param
    if world == "memory":
        yield _harness(kind).InMemory(monkeypatch)
        return
    with embedded(request.getfixturevalue("organization"), _harness(kind).Embedded) as harness:
        yield harness


@pytest.fixture(params=KINDS)
def memory_aws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MemoryAws:
    made: MemoryAws = _harness(request.param).InMemory(monkeypatch)
    return made


@pytest.fixture(params=[kind for kind in KINDS if not _harness(kind).WORDS.tells_one_at_a_time])
def copying_aws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MemoryAws:
    """Of the kinds that AWS tells several of in an answer, which may have copies."""
    made: MemoryAws = _harness(request.param).InMemory(monkeypatch)
    return made


@pytest.fixture(params=KINDS)
def embedded_aws(request: pytest.FixtureRequest) -> Iterator[EmbeddedAws]:
    organization = request.getfixturevalue("organization")
    with embedded(organization, _harness(request.param).Embedded) as harness:
        yield harness

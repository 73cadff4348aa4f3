"""The made-up AWS of a test, and clients that talk to it; the test's own fixture `answers` is what it answers with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.aws.clients import Clients
from tests.support.local_aws import Answering, LocalAws, closing_clients, serving


@pytest.fixture
def aws(answers: Answering, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    with serving(answers, monkeypatch) as server:
        yield server


@pytest.fixture
def clients(aws: LocalAws) -> Iterator[Clients]:
    with closing_clients() as made:
        yield made

"""Each kind's reading where its service is not there, or may not be asked: coverage tells the one from the other."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

from orchestrator.aws.retries import Retries
from orchestrator.kinds.shared import paced
from orchestrator.ports import NotOfferedError, TargetUnreadableError
from tests.kinds.contract.conftest import KINDS
from tests.kinds.contract.harness import MemoryAws, refused
from tests.support.fake_ec2 import RecordingPacing

NO_HOST = EndpointConnectionError(endpoint_url="https://service.eu-central-1.amazonaws.com/")
SLOW = ConnectTimeoutError(endpoint_url="https://service.eu-central-1.amazonaws.com/")


@pytest.fixture(params=[kind for kind in KINDS if kind != "ec2"])  # which every region has: it tells them
def memory_aws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MemoryAws:
    made: MemoryAws = import_module(f"tests.kinds.{request.param}.harness").InMemory(monkeypatch)
    return made


class Refusing:
    """In place of clients: whatever is asked of them fails."""

    partition = "aws"
    light_path = None

    def __init__(self, failure: Exception) -> None:
        self.failure = failure
        self.asked: list[str] = []

    def member(self, *_: str) -> Refusing:
        return self

    def __getattr__(self, operation: str) -> Any:
        def ask(**_: Any) -> Any:
            self.asked.append(operation)
            raise self.failure

        return ask


def asked(aws: MemoryAws, failure: Exception, of: type[TargetUnreadableError]) -> tuple[int, TargetUnreadableError]:
    clients = Refusing(failure)
    retries = Retries(attempts=3, sleep=lambda _: None)
    kind = aws.words.entry.make(clients, retries, aws.process_now, RecordingPacing())  # type: ignore[arg-type]  # fakes
    with aws.binding(), pytest.raises(TargetUnreadableError) as caught:
        kind.read(aws.target, with_stopped=True)
    assert type(caught.value) is of
    return len(clients.asked), caught.value


def test_a_service_that_the_region_lacks_is_not_offered_there_and_is_asked_once(
    memory_aws: MemoryAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paced, "lacks_service", lambda *_: True)
    calls, refusal = asked(memory_aws, NO_HOST, NotOfferedError)
    assert calls == 1
    assert refusal.error.code == "EndpointConnectionError"


def test_a_service_that_cannot_be_reached_where_it_should_be_is_tried_again_and_then_unreadable(
    memory_aws: MemoryAws,
) -> None:
    calls, _ = asked(memory_aws, NO_HOST, TargetUnreadableError)
    assert calls == 3


@pytest.mark.parametrize("failure", [SLOW, refused("AccessDenied", "no"), refused("OptInRequired", "no")])
def test_nothing_but_a_missing_host_says_that_a_service_is_not_offered(
    memory_aws: MemoryAws, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setattr(paced, "lacks_service", lambda *_: True)
    asked(memory_aws, failure, TargetUnreadableError)

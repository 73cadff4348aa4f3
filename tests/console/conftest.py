"""A console that serves on a free port of this machine, in a thread that ends with the test."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

import pytest

from orchestrator.console.answers import Answer, text_answer
from orchestrator.console.server import ConsoleServer

PUBLIC = "sweeps.example.com"


def hello(_target: str) -> Answer:
    return text_answer(HTTPStatus.OK, "hello")


@dataclass
class Serving:
    """It answers what a test says."""

    answer: Callable[[str], Answer] = hello
    asked: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    port: int = 0

    def ask(self, method: str = "GET", target: str = "/", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by lower-case name, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, target, headers=headers)
            found = connection.getresponse()
            return found.status, {name.lower(): value for name, value in found.getheaders()}, found.read()
        finally:
            connection.close()

    def _answer(self, target: str) -> Answer:
        self.asked.append(target)
        return self.answer(target)


@pytest.fixture
def serving() -> Iterator[Serving]:
    made = Serving()
    with ConsoleServer(0, PUBLIC, made._answer, made.warned.append) as server:
        made.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join(10)

"""The made-up AWS of the benchmark, a process of its own on 127.0.0.1: every service that a sweep asks, with latency.

`python -m tests.benchmarks.endpoint.server '{"accounts": 100, ...}'` (see `Asked`) prints one line of JSON: the ports
of the services and of the meter. GET on the meter's port tells what was asked so far. It ends when its stdin closes,
and so with its parent.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from tests.benchmarks.endpoint import kinds
from tests.benchmarks.endpoint.certificate import server_context
from tests.benchmarks.endpoint.dynamodb import DynamoAnswers
from tests.benchmarks.endpoint.ec2 import Ec2Answers
from tests.benchmarks.endpoint.http import Connection, Request, response
from tests.benchmarks.endpoint.organization import OrganizationsAnswers
from tests.benchmarks.endpoint.s3 import S3Answers
from tests.benchmarks.endpoint.shape import Shape
from tests.benchmarks.safety import allow_many_files

_SCOPE = re.compile(r"Credential=(?P<key>\w+)/\d+/(?P<region>[\w-]+)/(?P<service>[\w-]+)/")
_OK = 200
_BACKLOG = 4096


@dataclass(frozen=True, slots=True)
class Asked:
    """What the endpoint is to be."""

    accounts: int
    regions: int = 17
    instances: bool = True
    latency: float = 0.05
    tls_folder: str = ""
    """Where TLS is spoken, the folder for the certificates."""
    cpu: int | None = None
    """The only one that it may use."""
    organizations_rate: float = 0.0
    """How many calls a second AWS Organizations takes, as many at once; 0: any number."""


@dataclass(slots=True)
class Aws:
    """All services; `calls` as the report's: by `service:Operation`."""

    shape: Shape
    organization: OrganizationsAnswers
    ec2: Ec2Answers
    dynamodb: DynamoAnswers = field(default_factory=DynamoAnswers)
    s3: S3Answers = field(default_factory=S3Answers)
    calls: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    organizations_rate: float = 0.0
    _tokens: float = 0.0
    _filled_at: float = 0.0

    def answer(self, request: Request) -> bytes:
        """What AWS would send. A fault of the benchmark's own is told by the meter."""
        try:
            return self._answer(request)
        except Exception:  # noqa: BLE001 - a server's boundary
            self.failures.append(f"{request.method} {request.path} {request.body[:300]!r}\n{traceback.format_exc()}")
            return response(400, {}, b"the benchmark's endpoint failed")

    def meter(self, _request: Request) -> bytes:
        """What was asked so far."""
        told = {
            "calls": self.calls,
            "write_units": self.dynamodb.units["write"],
            "read_units": self.dynamodb.units["read half"] / 2,
            "written": self.dynamodb.written,
            "s3": self.s3.requests,
            "s3_bytes": self.s3.bytes_stored,
            "cpu": time.process_time(),
            "failures": self.failures,
        }
        return response(_OK, {"Content-Type": "application/json"}, json.dumps(told).encode())

    def _answer(self, request: Request) -> bytes:
        scope = _SCOPE.search(request.headers.get("authorization", ""))
        service = scope["service"] if scope else ""
        if service == "s3":
            operation, (status, headers, body) = self.s3.answer(
                request.method, request.path, request.headers, request.body
            )
            self.calls[f"s3:{operation}"] += 1
            return response(status, headers, body)
        if asked := kinds.of_path(service, request.path):
            self.calls[f"{service}:{asked[0]}"] += 1
            return response(_OK, {"Content-Type": "application/json"}, asked[1])
        target = request.headers.get("x-amz-target", "")
        if target:
            operation = target.rpartition(".")[2]
            self.calls[f"{service}:{operation}"] += 1
            return _json(*self._json(service, operation, json.loads(request.body or b"{}")))
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        operation = form.get("Action", "")
        self.calls[f"{service}:{operation}"] += 1
        assert scope is not None, "a request without a signature"
        if service in kinds.SERVICES:
            status, text = _OK, kinds.query(service, operation)
        elif service == "sts":
            status, text = self.ec2.sts(operation, form, scope["key"])
        else:
            assert service == "ec2", f"the benchmark has no service {service}"
            status, text = self.ec2.ec2(operation, form, scope["key"], scope["region"])
        return response(status, {"Content-Type": "text/xml;charset=UTF-8"}, text.encode())

    def _json(self, service: str, operation: str, asked: dict[str, Any]) -> tuple[int, Mapping[str, Any]]:
        if service == "dynamodb":
            return self.dynamodb.answer(operation, asked)
        if service == "organizations":
            if not self._takes():
                return 400, {"__type": "TooManyRequestsException", "message": "too many requests"}
            return self.organization.organizations(operation, asked)
        if service == "tagging":
            return self.organization.tagging(operation, asked)
        if service in kinds.SERVICES:
            return _OK, kinds.of_target(service, operation)
        assert (service, operation) == ("ssm", "GetParameter"), f"the benchmark has no {service}:{operation}"
        return _OK, {"Parameter": {"Name": asked["Name"], "Type": "String", "Value": "go", "Version": 1}}

    def _takes(self) -> bool:
        """Whether one more call of Organizations is within the rate."""
        if not self.organizations_rate:
            return True
        now = time.monotonic()
        refilled = self._tokens + (now - self._filled_at) * self.organizations_rate
        self._tokens, self._filled_at = min(self.organizations_rate, refilled), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def make_aws(asked: Asked) -> Aws:
    """A fresh one."""
    shape = Shape(asked.accounts, asked.regions, asked.instances)
    return Aws(shape, OrganizationsAnswers(shape), Ec2Answers(shape), organizations_rate=asked.organizations_rate)


def _json(status: int, answer: Mapping[str, Any]) -> bytes:
    return response(status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode())


async def serve(asked: Asked) -> None:
    """Until stdin closes."""
    if asked.cpu is not None:
        os.sched_setaffinity(0, {asked.cpu})
    allow_many_files()
    aws = make_aws(asked)
    context = server_context(Path(asked.tls_folder)) if asked.tls_folder else None
    gc.collect()
    gc.freeze()
    loop = asyncio.get_running_loop()
    services = await loop.create_server(
        partial(Connection, aws.answer, asked.latency), "127.0.0.1", 0, ssl=context, backlog=_BACKLOG
    )
    meter = await loop.create_server(partial(Connection, aws.meter, 0.0), "127.0.0.1", 0)
    ports = {"port": services.sockets[0].getsockname()[1], "meter": meter.sockets[0].getsockname()[1]}
    sys.stdout.write(f"{json.dumps(ports)}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    services.close()
    meter.close()


if __name__ == "__main__":
    asyncio.run(serve(Asked(**json.loads(sys.argv[1]))))

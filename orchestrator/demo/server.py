"""The embedded AWS as a server on 127.0.0.1: in a thread (tests), or as a process of its own that dies with its parent.

`python -m orchestrator.demo.server` seeds the demo organization, prints one line of JSON (`url`, `environment`,
`organization`) and serves until its standard input ends.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from werkzeug.serving import BaseWSGIServer, make_server

if TYPE_CHECKING:
    from orchestrator.demo.front import Front

HOST = "127.0.0.1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIADEMODEMODEMODEMO",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_PROXIES = frozenset({"all_proxy", "http_proxy", "https_proxy", "no_proxy"})
_MOTO_SETTINGS = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false", "MOTO_IAM_LOAD_MANAGED_POLICIES": "false"}
_SECONDS_TO_STOP = 5


class DemoError(Exception):
    """The embedded AWS could not be started."""


class EmbeddedAws:
    """Front and moto in threads of this process. Use it as a context manager.

    Raises DemoError where the port cannot be had.
    """

    def __init__(self, port: int = 0) -> None:
        os.environ.update(_MOTO_SETTINGS)
        # moto reads the user's AWS profile when it is imported: only a process that serves may do that.
        from orchestrator.demo.connections import QuietRequestHandler  # noqa: PLC0415 - after moto's settings
        from orchestrator.demo.front import Front  # noqa: PLC0415 - after moto's settings
        from orchestrator.demo.quick_moto import make_moto_quick  # noqa: PLC0415 - after moto's settings

        make_moto_quick()
        self.front: Front = Front()
        with _listening(port) as listener:  # werkzeug would print and exit where the port is taken
            self._server: BaseWSGIServer = make_server(
                HOST, port, self.front, threaded=True, request_handler=QuietRequestHandler, fd=listener.fileno()
            )
        self._thread = threading.Thread(target=self._server.serve_forever, name="embedded-aws", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What lets boto3 talk to it, and to nothing else; the caller is the management account."""
        return {"AWS_ENDPOINT_URL": self.url, **CREDENTIALS}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _listening(port: int) -> socket.socket:
    if port not in range(65536):
        raise DemoError(f"{port} is no port; they go from 0 (a free one) to 65535")
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as refused:
        hint = "; leave --port out to take a free one" if refused.errno == errno.EADDRINUSE else ""
        raise DemoError(f"port {port} of {HOST} cannot be used: {os.strerror(refused.errno or 0)}{hint}") from refused


@dataclass(frozen=True, slots=True)
class Serving:
    """What a started server process says of itself."""

    url: str
    environment: Mapping[str, str]
    organization: Mapping[str, Any]


@contextmanager
def serving(port: int = 0) -> Iterator[Serving]:
    """A seeded embedded AWS in a process of its own; it ends with the block, or with this process, however that ends.

    Raises DemoError with what the process said when it could not start.
    """
    command = [sys.executable, "-P", "-m", "orchestrator.demo.server", str(port)]
    with (
        tempfile.TemporaryFile("w+") as errors,  # a pipe that is not read would fill up and block the server
        subprocess.Popen(  # noqa: S603 - our own module in our own interpreter
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=without_aws(os.environ),
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                errors.seek(0)
                raise DemoError(f"the embedded AWS did not start: {errors.read().strip()}")
            yield Serving(**json.loads(line))
        finally:
            process.stdin.close()
            try:
                process.wait(_SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """The same without the user's profile, keys, settings and proxies: they have no business in a demo."""
    foreign = ("AWS_", "MOTO_", "STOP_ORCHESTRATOR_")
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(foreign) and name.lower() not in _PROXIES
    }
    return {**kept, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "PYTHONUNBUFFERED": "1"}


def main(port: int) -> None:
    """Seeds and serves until standard input ends; port 0 takes a free one."""
    for reaches_the_whole_group in (signal.SIGINT, signal.SIGHUP):  # the parent decides when to end
        signal.signal(reaches_the_whole_group, signal.SIG_IGN)
    watch = threading.Thread(target=_end_with_standard_input, name="parent", daemon=True)
    watch.start()
    from orchestrator.demo.organization import seed  # noqa: PLC0415 - only the process that serves the demo needs it

    try:
        aws = EmbeddedAws(port)
    except DemoError as refused:
        sys.exit(str(refused))
    with aws:
        seeded = seed(aws.environment, today=datetime.now(UTC).date())  # noqa: TID251 - dates of the demo's opt-outs
        ready = {"url": aws.url, "environment": {**aws.environment, **seeded.settings}, "organization": seeded.summary}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        watch.join()


def _end_with_standard_input() -> None:
    """Ends the process, whatever it is doing, when its parent closes the pipe or is gone, however it went."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)  # nothing to clean up: everything is in memory


if __name__ == "__main__":
    main(int(sys.argv[1]))

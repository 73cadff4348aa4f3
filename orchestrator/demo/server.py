"""The embedded AWS as a server on 127.0.0.1: in a thread (tests), or as a process of its own that dies with its parent.

`python -m orchestrator.demo.server` seeds the demo organization, prints one line of JSON (`url`, `environment`,
`organization`) and serves until its standard input ends.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from orchestrator.demo.front import Front

HOST = "127.0.0.1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIADEMODEMODEMODEMO",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_MOTO_SETTINGS = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false", "MOTO_IAM_LOAD_MANAGED_POLICIES": "false"}
_SECONDS_TO_STOP = 5


class DemoError(Exception):
    """The embedded AWS could not be started."""


class EmbeddedAws:
    """Front and moto in threads of this process. Use it as a context manager."""

    def __init__(self, port: int = 0) -> None:
        os.environ.update(_MOTO_SETTINGS)
        self.front = Front()
        self._server: BaseWSGIServer = make_server(
            HOST, port, self.front, threaded=True, request_handler=_QuietRequestHandler
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="embedded-aws", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}"

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


class _QuietRequestHandler(MotoRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Says nothing: a sweep makes thousands of requests."""


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
    command = [sys.executable, "-m", "orchestrator.demo.server", str(port)]
    with subprocess.Popen(  # noqa: S603 - our own module in our own interpreter
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=without_aws(os.environ),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise DemoError(f"the embedded AWS did not start: {process.stderr.read().strip()}")
            yield Serving(**json.loads(line))
        finally:
            process.stdin.close()
            try:
                process.wait(_SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """The same without the user's profile, keys and settings: they have no business in a demo."""
    foreign = ("AWS_", "MOTO_", "STOP_ORCHESTRATOR_")
    kept = {name: value for name, value in environment.items() if not name.startswith(foreign)}
    return {**kept, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "PYTHONUNBUFFERED": "1"}


def main(port: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides when to end
    from orchestrator.demo.organization import seed  # noqa: PLC0415 - only the process that serves the demo needs it

    try:
        aws = EmbeddedAws(port)
    except OSError as taken:
        sys.exit(f"port {port} of {HOST} cannot be used: {taken.strerror}")
    except SystemExit:  # werkzeug's own way to say that the port is taken
        sys.exit(f"port {port} of {HOST} is in use; leave --port out to take a free one")
    with aws:
        seeded = seed(aws.environment, today=datetime.now(UTC).date())  # noqa: TID251 - dates of the demo's opt-outs
        ready = {"url": aws.url, "environment": {**aws.environment, **seeded.settings}, "organization": seeded.summary}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))

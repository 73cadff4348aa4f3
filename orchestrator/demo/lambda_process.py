"""A Lambda, as far as the demo needs one: a handler by its name, in a process with its own environment.

`python -m orchestrator.demo.lambda_process HANDLER RESULT_FILE` reads the event from standard input, as Lambda's own
runtime finds the handler by name, and writes what it returned to the file; logs go to standard output.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from orchestrator.demo.server import without_aws

TIMEOUT_SECONDS = 900


class LambdaFailedError(Exception):
    """The handler raised; the text is what it said last."""


class Context:
    """The part of Lambda's context object that handlers use."""

    function_name = "stop-orchestrator"
    function_version = "$LATEST"
    memory_limit_in_mb = "1769"
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:stop-orchestrator"

    def __init__(self) -> None:
        self.aws_request_id = str(uuid4())
        self._started = time.monotonic()

    def get_remaining_time_in_millis(self) -> int:
        return int((TIMEOUT_SECONDS - (time.monotonic() - self._started)) * 1000)


def invoke(
    handler: str, event: Mapping[str, Any], environment: Mapping[str, str], on_log: Callable[[str], None]
) -> dict[str, Any]:
    """What the handler returned. `on_log` gets each line that it logs. Raises LambdaFailedError."""
    with tempfile.TemporaryDirectory(prefix="stop-orchestrator-") as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-P", "-m", "orchestrator.demo.lambda_process", handler, str(result)]
        with subprocess.Popen(  # noqa: S603 - our own module in our own interpreter
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**without_aws(os.environ), **environment},
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(event))
            process.stdin.close()
            last = ""
            try:
                for line in process.stdout:
                    last = line.strip() or last
                    on_log(line.rstrip("\n"))
            except BaseException:
                process.kill()
                raise
        if not result.exists():
            raise LambdaFailedError(f"{handler} failed: {last}")
        returned: dict[str, Any] = json.loads(result.read_text())
        return returned


def main(handler: str, result: Path) -> None:
    """Runs the handler on the event in standard input, and writes what it returned to `result`."""
    module, _, function = handler.rpartition(".")
    handle = getattr(importlib.import_module(module), function)
    result.write_text(json.dumps(handle(json.loads(sys.stdin.read()), Context())))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

"""An undo as a person does it: the command, in a process with its own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from orchestrator.demo.server import DemoError, without_aws


def undo(sweep_id: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The undo's report. Raises DemoError with what the command said where it gave none."""
    command = [sys.executable, "-P", "-m", "orchestrator", "undo", sweep_id, "--yes", "--format", "json"]
    with tempfile.TemporaryDirectory(prefix="stop-orchestrator-") as folder:  # nothing of the user's is in it
        ended = subprocess.run(  # noqa: S603 - our own module in our own interpreter
            command,
            cwd=folder,
            env={**without_aws(os.environ), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        report: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        said = ended.stderr.strip() or ended.stdout.strip()
        raise DemoError(f"undo {sweep_id} gave no report (exit code {ended.returncode}): {said}") from None
    return report

"""The seam of time of the product's wiring: tests pass other clocks and waits through it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator import app


def set_time(monkeypatch: pytest.MonkeyPatch, **parts: Any) -> None:
    """`now`, `clock` or `sleep` of whatever is wired from here on."""
    monkeypatch.setattr(app, "SYSTEM_TIME", replace(app.SYSTEM_TIME, **parts))

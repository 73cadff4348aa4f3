"""What an entry point does once, before its first event."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.lambdas import entry


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    del context
    return event


class FakeTracer:
    def __init__(self, **how: object) -> None:
        assert how == {"service": "stop-orchestrator", "auto_patch": False}

    def capture_lambda_handler(self, inner: Callable[..., Any], *, capture_response: bool) -> Callable[..., Any]:
        assert not capture_response
        return lambda event, context: {"traced": inner(event, context)}


@pytest.mark.parametrize("value", [None, "", "true", "1"])
def test_nobody_asked_for_a_subsegment_so_there_is_no_tracer(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "Tracer", pytest.fail)
    monkeypatch.delenv("POWERTOOLS_TRACE_DISABLED", raising=False)
    if value is not None:
        monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", value)
    assert entry.entry_point(handler) is handler


def test_a_subsegment_that_was_asked_for_is_around_each_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "Tracer", FakeTracer)
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "false")
    assert entry.entry_point(handler)({"mode": "plan"}, None) == {"traced": {"mode": "plan"}}


def test_garbage_is_looked_for_again_once_everything_is_imported() -> None:
    gc.disable()
    try:
        entry.entry_point(handler)
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()

"""A person is told what ended a sweep, and not what our exceptions are called."""

from __future__ import annotations

import pytest

from orchestrator.core.report.endings import ended_by


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("NotConfirmedError: Declined: nothing was stopped.", "Declined: nothing was stopped."),
        ("Interrupted: the same command again does the rest", "Interrupted: the same command again does the rest"),
        ("KeyError: 'x'", "KeyError: 'x'"),
        ("", ""),
    ],
)
def test_only_the_names_of_our_own_exceptions_are_left_out(error: str, told: str) -> None:
    assert ended_by(error) == told

"""A clock for what waits."""

from __future__ import annotations


class Clock:
    """Time passes only by sleeping, or by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

"""The metrics that conditions ask for."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

CPU, NETWORK, GPU = "cpu", "network", "gpu"
METRICS = (CPU, NETWORK, GPU)
PERIOD = timedelta(minutes=5)
"""One datapoint for each: what basic monitoring gives, and what CloudWatch still has after 15 days."""


class MetricSpan(NamedTuple):
    """One metric over the time just before it is read: what a condition asks for."""

    metric: str
    """`cpu` and `gpu` in percent, the highest of each period; `network` in bytes in and out, their sum of each."""
    span: timedelta

    @property
    def periods(self) -> int:
        """How many datapoints it has where none is missing."""
        return self.span // PERIOD

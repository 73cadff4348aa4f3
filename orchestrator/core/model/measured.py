"""What CloudWatch measured of a resource: read only of one whose decision depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.core.model.metric import MetricSpan

METRIC_PRICE_USD = 0.01 / 1000
"""Of one metric in GetMetricData: https://aws.amazon.com/cloudwatch/pricing/"""


@dataclass(frozen=True, slots=True)
class Series:
    """One metric over one span, as far as CloudWatch has it."""

    metric: str
    span: timedelta
    begins: datetime
    points: int
    """The periods of which there is a datapoint."""
    highest: float | None
    """Of the datapoints; None where there is none."""

    @property
    def is_whole(self) -> bool:
        """Whether there are datapoints of at least 90 % of its periods."""
        return self.highest is not None and self.points * 10 >= MetricSpan(self.metric, self.span).periods * 9


@dataclass(frozen=True, slots=True)
class Measured:
    """What was asked of CloudWatch about one resource, and what came of it."""

    read_at: datetime
    asked: tuple[MetricSpan, ...]
    series: tuple[Series, ...] = ()
    """One for each that was asked for, unless it is unread."""
    accelerators: int | None = None
    """How many GPUs and the like its type has; None: unknown."""
    requested: int = 0
    """Metrics that AWS charges for."""
    unread: str = ""
    """Why nothing of it is known, with AWS's words; empty where it was read."""

    def of(self, metric: str, span: timedelta) -> Series | None:
        """None where it is not known."""
        return next((one for one in self.series if (one.metric, one.span) == (metric, span)), None)

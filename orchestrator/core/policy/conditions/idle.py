"""`idle`: what CloudWatch measured of a resource stayed below limits for a whole span. In doubt it is unknown.

A datapoint is one period of five minutes: the highest value of it for `cpu` and `gpu`, the sum of the bytes in and out
for `network`. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from orchestrator.core import model
from orchestrator.core.model import time_text
from orchestrator.core.model.metric import CPU, GPU, METRICS, NETWORK, MetricSpan
from orchestrator.core.policy.conditions.interface import Condition, Parser, Word
from orchestrator.core.policy.nearest import nearest, nearest_amount
from orchestrator.core.policy.patterns import late_pattern
from orchestrator.core.policy.yaml_document import Path, value_words

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, KindDescription, Resource
    from orchestrator.core.model.measured import Measured, Series

IDLE = "idle"
_LIMITS = {f"{metric}_below": metric for metric in METRICS}
_FOR = "for"
_SPAN = late_pattern(r"([0-9]{1,3})([hd])")
_SHORTEST, _LONGEST = timedelta(hours=1), timedelta(days=15)
_ALL = 100
_SIZE = late_pattern(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(B|kB|KB|MB|GB)")
_UNITS = {"B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3}
_SUCH_AS = "{cpu_below: 5, network_below: 1MB, for: 24h}"


@dataclass(frozen=True, slots=True)
class Idle(Condition):
    """Known only where every metric of it has datapoints of at least 90 % of the span, and it ran all of the span."""

    span: timedelta
    limits: tuple[tuple[str, float], ...]
    """By metric: below that."""

    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool | None:
        measured = resource.measured
        if measured is None or self._doubt(resource, measured):
            return None
        found = ((self._series(measured, metric).highest, below) for metric, below in self.limits)
        return all(highest is not None and highest < below for highest, below in found)

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        measured = resource.measured
        return {f"{IDLE}:{metric}": _shown(measured, metric, self.span) for metric, _ in self.limits}

    def unknown_facts(self, resource: Resource, account: Account, now: datetime) -> tuple[str, ...]:
        measured = resource.measured
        why = self._doubt(resource, measured) if measured is not None else "its metrics were not read"
        return (f"{IDLE} ({why})",) if why else ()

    def metrics(self) -> Iterator[MetricSpan]:
        return (MetricSpan(metric, self.span) for metric, _ in self.limits)

    def _doubt(self, resource: Resource, measured: Measured) -> str:
        """Why it is unknown, in a few words; empty where it is known."""
        if resource.state is not model.ResourceState.RUNNING:
            return f"it is {resource.aws_state}"
        if measured.unread:
            return measured.unread
        if measured.accelerators is None:
            return "AWS does not say whether its type has accelerators"
        if measured.accelerators and GPU not in (metric for metric, _ in self.limits):
            return "its type has accelerators, which only gpu_below asks for"
        doubts = (self._doubt_of(metric, resource, measured) for metric, _ in self.limits)
        return next(filter(None, doubts), "")

    def _doubt_of(self, metric: str, resource: Resource, measured: Measured) -> str:
        text, series = span_text(self.span), measured.of(metric, self.span)
        if series is None:
            return f"its {metric} was not read for {text}"
        if resource.started_at is None or resource.started_at > series.begins:
            started = f": started at {time_text(resource.started_at)}" if resource.started_at else ""
            return f"it may not have run for all of the last {text}{started}"
        if not series.is_whole:
            wanted = MetricSpan(metric, self.span).periods
            return f"{metric} has {series.points} of the {wanted} datapoints of the last {text}, 90 % are needed"
        return ""

    def _series(self, measured: Measured, metric: str) -> Series:
        series = measured.of(metric, self.span)
        assert series is not None, "what is not known leaves no doubt"
        return series


def span_text(span: timedelta) -> str:
    """As a policy has it: `24h`, `15d`."""
    days, rest = divmod(span, timedelta(days=1))
    return f"{days}d" if days > 1 and not rest else f"{span // timedelta(hours=1)}h"


def _shown(measured: Measured | None, metric: str, span: timedelta) -> str | None:
    series = measured.of(metric, span) if measured is not None else None
    if series is None or series.highest is None:
        return None
    value = f"{series.highest:.0f} bytes" if metric == NETWORK else f"{series.highest:.1f} %"
    whole = MetricSpan(metric, span).periods
    return f"at most {value} in {span_text(span)} ({series.points} of {whole} datapoints)"


# --- from the document ------------------------------------------------------------------------------------------------


def idle_word(kinds: Sequence[KindDescription]) -> tuple[Word, ...]:
    """The word, for the kinds that CloudWatch measures; none where there is no such kind."""
    measured = {kind.name: kind.metrics for kind in kinds if kind.metrics}
    return (Word(IDLE, _parse, _SCHEMA, kinds=frozenset(measured)),) if measured else ()


def _parse(value: Any, path: Path, parser: Parser) -> Condition | None:
    if not isinstance(value, dict):
        parser.wrong(path, f"must be a mapping such as {_SUCH_AS}, not {value_words(value)}")
        return None
    known = [*_LIMITS, _FOR]
    for key in value:
        if key not in known:
            near = nearest(key, known)
            hint = f" (did you mean `{near}`?)" if near else ""
            parser.wrong((*path, key), f"`{key}` is nothing that `{IDLE}` has{hint}; it has {', '.join(known)}")
    span = _span(value, path, parser)
    limits = {
        metric: _limit(value[key], (*path, key), metric, parser) for key, metric in _LIMITS.items() if key in value
    }
    if not limits:
        parser.wrong(path, f"must have at least one of {', '.join(_LIMITS)}, such as {_SUCH_AS}")
    given = tuple((metric, below) for metric, below in limits.items() if below is not None)
    return Idle(span, given) if span is not None and len(given) == len(limits) > 0 else None


def _span(value: Mapping[str, Any], path: Path, parser: Parser) -> timedelta | None:
    if _FOR not in value:
        parser.wrong(path, f"must have `{_FOR}`, such as {_SUCH_AS}")
        return None
    text, place = value[_FOR], (*path, _FOR)
    found = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        meant = nearest_amount(text, "hd")
        hint = f"; did you mean {meant}?" if meant else ""
        parser.wrong(place, f"must be a number with h or d, such as 24h or 7d, not {value_words(text)}{hint}")
        return None
    span = timedelta(hours=int(found[1])) if found[2] == "h" else timedelta(days=int(found[1]))
    if not _SHORTEST <= span <= _LONGEST:
        parser.wrong(place, f"must be from {span_text(_SHORTEST)} to {span_text(_LONGEST)}, not {text}")
        return None
    return span


def _limit(value: Any, path: Path, metric: str, parser: Parser) -> float | None:
    return _bytes(value, path, parser) if metric == NETWORK else _percent(value, path, parser)


def _percent(value: Any, path: Path, parser: Parser) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 < value <= _ALL:
        return float(value)
    parser.wrong(path, f"must be a number of percent above 0 and up to 100, not {value_words(value)}")
    return None


def _bytes(value: Any, path: Path, parser: Parser) -> float | None:
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    size = float(found[1]) * _UNITS[found[2]] if found else 0
    if size > 0:
        return size
    meant = nearest_amount(value, _UNITS)
    hint = f"; did you mean {meant}?" if meant and not size and meant != value else ""
    parser.wrong(path, f"must be an amount above 0 with B, kB, MB or GB, such as 1MB, not {value_words(value)}{hint}")
    return None


_PERCENT = {"type": "number", "exclusiveMinimum": 0, "maximum": _ALL}
_BELOW = {
    f"{CPU}_below": {
        **_PERCENT,
        "description": "CPUUtilization, in percent: the highest of each five minutes.",
        "examples": [5],
    },
    f"{NETWORK}_below": {
        "type": "string",
        "pattern": rf"^{_SIZE.pattern}$",
        "description": "NetworkIn and NetworkOut together, in each five minutes; 1MB is 1,000,000 bytes.",
        "examples": ["1MB", "500kB"],
    },
    f"{GPU}_below": {
        **_PERCENT,
        "description": "The CloudWatch agent's nvidia_smi_utilization_gpu, in percent, of each GPU. For a type with "
        "accelerators `idle` is unknown without it.",
        "examples": [5],
    },
}
_SCHEMA = {
    "type": "object",
    "description": "Every metric that is named stayed below its limit for all of the span, by CloudWatch; unknown "
    "where less than 90 % of its datapoints are there, and for what was started within the span.",
    "properties": {
        **_BELOW,
        _FOR: {
            "type": "string",
            "pattern": rf"^{_SPAN.pattern}$",
            "description": "From `1h` to `15d`.",
            "examples": ["24h", "7d"],
        },
    },
    "required": [_FOR],
    "anyOf": [{"required": [name]} for name in _BELOW],
    "additionalProperties": False,
    "examples": [{"cpu_below": 5, "network_below": "1MB", "for": "24h"}],
}

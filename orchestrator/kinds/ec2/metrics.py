"""What CloudWatch measured of instances: processor and network by EC2 itself, GPUs by the CloudWatch agent.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html: 500 metrics a call, from which
several pages may come. The agent's metric has the instance's id beside other dimensions, one metric for each GPU
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-NVIDIA-GPU.html): only ListMetrics
tells them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from math import isfinite
from typing import Any

from botocore.parsers import ResponseParserError

from orchestrator.aws.failures import unreadable_when_refused
from orchestrator.aws.pages import each_page
from orchestrator.core.model.measured import Measured, Series
from orchestrator.core.model.metric import CPU, GPU, NETWORK, PERIOD, MetricSpan
from orchestrator.kinds.shared.operations import Call, answer_with, in_portions

GET_METRIC_DATA, LIST_METRICS = "GetMetricData", "ListMetrics"
_METRICS_A_CALL = 500
_NAMESPACE, _INSTANCE = "AWS/EC2", "InstanceId"
_AGENT, _GPU_METRIC, _GPU_INDEX = "CWAgent", "nvidia_smi_utilization_gpu", "index"
_OF_EC2 = {CPU: (("CPUUtilization", "Maximum"),), NETWORK: (("NetworkIn", "Sum"), ("NetworkOut", "Sum"))}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMPLETE, _MORE = "Complete", "PartialData"

Points = dict[datetime, float]


@dataclass(slots=True)
class _Query:
    """One metric of one resource, and the datapoints of it so far."""

    stat: Mapping[str, Any]
    points: Points = field(default_factory=dict)
    status: str = ""


@dataclass(slots=True)
class _Asked:
    """What is asked about one resource: the queries of each metric over the longest of its spans."""

    spans: Collection[MetricSpan]
    longest: timedelta
    accelerators: int | None
    queries: dict[str, list[_Query]] = field(default_factory=dict)


def measure(
    client: Any, call: Call, wanted: Sequence[tuple[str, Collection[MetricSpan], int | None]], now: datetime
) -> Mapping[str, Measured]:
    """By instance id, of the bound account. `wanted`: its id, what to measure, and how many accelerators it has.

    Raises TargetUnreadableError: all or nothing.
    """
    end = _EPOCH + (now - _EPOCH) // PERIOD * PERIOD
    gpus = _gpu_metrics(client, call) if any(one.metric == GPU for _, spans, _ in wanted for one in spans) else {}
    asked = {instance: _asked(instance, spans, count, gpus) for instance, spans, count in wanted}
    by_span: defaultdict[timedelta, list[_Query]] = defaultdict(list)
    for one in asked.values():
        by_span[one.longest] += [query for queries in one.queries.values() for query in queries]
    with unreadable_when_refused(f"cloudwatch:{GET_METRIC_DATA}"):
        for span, queries in by_span.items():
            for some in in_portions(queries, _METRICS_A_CALL):
                _read(client, call, some, end - span, end)
    return {instance: _measured(one, end, now) for instance, one in asked.items()}


def _asked(
    instance: str, spans: Collection[MetricSpan], accelerators: int | None, gpus: Mapping[str, list[Any]]
) -> _Asked:
    queries = {metric: [_Query(stat) for stat in _stats(instance, metric, gpus)] for metric, _ in spans}
    return _Asked(spans, max(one.span for one in spans), accelerators, queries)


def _stats(instance: str, metric: str, gpus: Mapping[str, list[Any]]) -> Iterable[Mapping[str, Any]]:
    period = PERIOD // timedelta(seconds=1)
    if metric == GPU:
        metrics = ((one, "Maximum") for one in gpus.get(instance, ()))
    else:
        dimensions = [{"Name": _INSTANCE, "Value": instance}]
        metrics = (
            ({"Namespace": _NAMESPACE, "MetricName": name, "Dimensions": dimensions}, statistic)
            for name, statistic in _OF_EC2[metric]
        )
    return ({"Metric": one, "Period": period, "Stat": statistic} for one, statistic in metrics)


def _gpu_metrics(client: Any, call: Call) -> Mapping[str, list[Any]]:
    """Those that had data lately, by instance: one for each GPU, as the agent names it."""

    def ask(**more: str) -> Any:
        listed = partial(
            client.list_metrics,
            Namespace=_AGENT,
            MetricName=_GPU_METRIC,
            Dimensions=[{"Name": _INSTANCE}],
            RecentlyActive="PT3H",
            **more,
        )
        return call(LIST_METRICS, partial(answer_with, "Metrics", listed))

    found: defaultdict[str, list[Any]] = defaultdict(list)
    with unreadable_when_refused(f"cloudwatch:{LIST_METRICS}"):
        for page in each_page(LIST_METRICS, ask):
            for one in page["Metrics"]:
                dimensions = _dimensions(one)
                if _INSTANCE in dimensions and _GPU_INDEX in dimensions:
                    metric = {"Namespace": _AGENT, "MetricName": _GPU_METRIC, "Dimensions": one["Dimensions"]}
                    found[dimensions[_INSTANCE]].append(metric)
    return found


def _dimensions(metric: Any) -> Mapping[str, str]:
    return {one["Name"]: one["Value"] for one in metric.get("Dimensions", ())}


def _read(client: Any, call: Call, queries: Sequence[_Query], begin: datetime, end: datetime) -> None:
    """Fills in what CloudWatch has of them. Raises botocore's exceptions, also for a metric that it does not give."""
    by_id = {f"m{number}": query for number, query in enumerate(queries)}
    asked = [{"Id": name, "MetricStat": query.stat} for name, query in by_id.items()]

    def ask(**more: str) -> Any:
        data = partial(client.get_metric_data, MetricDataQueries=asked, StartTime=begin, EndTime=end, **more)
        return call(GET_METRIC_DATA, partial(answer_with, "MetricDataResults", data))

    for page in each_page(GET_METRIC_DATA, ask):
        for result in page["MetricDataResults"]:
            query = by_id[result["Id"]]
            query.status = result.get("StatusCode", _COMPLETE)
            if query.status not in (_COMPLETE, _MORE):
                raise ResponseParserError(f"CloudWatch gives no data of a metric: {query.status}{_said(result)}")
            times_and_values = zip(result.get("Timestamps", ()), result.get("Values", ()), strict=True)
            query.points.update((at, value) for at, value in times_and_values if begin <= at < end and isfinite(value))


def _said(result: Any) -> str:
    return "".join(f": {one.get('Value') or one.get('Code')}" for one in result.get("Messages", ()))


def _measured(asked: _Asked, end: datetime, now: datetime) -> Measured:
    spans = tuple(sorted(asked.spans))
    series = tuple(_series(one, asked, end) for one in spans)
    requested = sum(map(len, asked.queries.values()))
    return Measured(now, spans, series, asked.accelerators, requested)


def _series(one: MetricSpan, asked: _Asked, end: datetime) -> Series:
    """What was read of one metric, of the last `span` of it."""
    begins = end - one.span
    queries = asked.queries[one.metric]
    each = [{at: value for at, value in query.points.items() if at >= begins} for query in queries]
    if any(query.status != _COMPLETE for query in queries):
        each = []
    if one.metric == GPU:
        return _of_gpus(one, each, _indexes(queries), asked.accelerators, begins)
    common = set[datetime].intersection(*map(set, each)) if each else set()
    values = [sum(points[at] for points in each) for at in common]
    return Series(one.metric, one.span, begins, len(values), max(values, default=None))


def _indexes(queries: Iterable[_Query]) -> set[str]:
    return {_dimensions(query.stat["Metric"])[_GPU_INDEX] for query in queries}


def _of_gpus(
    one: MetricSpan, each: Sequence[Points], indexes: Collection[str], accelerators: int | None, begins: datetime
) -> Series:
    """As whole as the least whole of them; nothing where the agent does not report each accelerator of the type."""
    if not each or accelerators is None or len(indexes) < accelerators:
        return Series(one.metric, one.span, begins, 0, None)
    values = [value for points in each for value in points.values()]
    return Series(one.metric, one.span, begins, min(map(len, each)), max(values, default=None))

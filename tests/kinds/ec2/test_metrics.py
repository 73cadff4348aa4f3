"""What CloudWatch has of instances: every metric over its span, page by page, and nothing made up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.aws.clients import Clients, bound_to
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, Region, Target
from orchestrator.core.model.measured import Measured
from orchestrator.core.model.metric import MetricSpan
from orchestrator.kinds.ec2.kind import Ec2Instances
from orchestrator.ports import TargetUnreadableError
from tests.support.builders import AT, a_resource
from tests.support.fake_ec2 import RecordingPacing
from tests.support.local_aws import (
    EC2_NAMESPACE,
    Answer,
    Fixed,
    LocalAws,
    Request,
    closing_clients,
    json_answer,
    serving,
)

TARGET = Target(AccountId("111111111111"), Region("eu-west-1"))
HOUR = timedelta(hours=1)
CPU, NETWORK, GPU = (MetricSpan(one, HOUR) for one in ("cpu", "network", "gpu"))
NOW = AT + timedelta(minutes=2)
"""Two minutes into a period, which is left out."""


@dataclass
class MadeUpCloudWatch:
    """Values from the newest period backwards, by metric and instance; for GPUs by `index` too."""

    values: dict[tuple[str, ...], list[float]] = field(default_factory=dict)
    listed: list[list[dict[str, str]]] = field(default_factory=list)
    """Dimensions of the agent's metrics, in pages."""
    accelerators: dict[str, str] = field(default_factory=dict)
    """XML by type; empty for a type without."""
    status: str = "Complete"
    page_size: int = 10_000
    refused: dict[str, list[Answer]] = field(default_factory=dict)

    def __call__(self, request: Request) -> Answer:
        if self.refused.get(request.operation):
            return self.refused[request.operation].pop(0)
        if request.operation == "DescribeInstanceTypes":
            items = "".join(
                f"<item><instanceType>{name}</instanceType>"
                f"<instanceStorageSupported>false</instanceStorageSupported>{text}</item>"
                for name, text in self.accelerators.items()
            )
            return Answer(
                f'<DescribeInstanceTypesResponse xmlns="{EC2_NAMESPACE}"><instanceTypeSet>{items}</instanceTypeSet>'
                "</DescribeInstanceTypesResponse>"
            )
        asked = request.json
        if request.operation == "ListMetrics":
            return self._list(int(asked.get("NextToken", "0")))
        return self._data(asked, int(asked.get("NextToken", "0")))

    def _list(self, page: int) -> Answer:
        metrics = [
            {"Dimensions": [{"Name": name, "Value": value} for name, value in one.items()]} for one in self.listed[page]
        ]
        more = {"NextToken": str(page + 1)} if page + 1 < len(self.listed) else {}
        return json_answer({"Metrics": metrics, **more})

    def _data(self, asked: Any, page: int) -> Answer:
        results, left = [], False
        for query in asked["MetricDataQueries"]:
            points = self._points(query["MetricStat"], asked)
            mine = points[page * self.page_size : (page + 1) * self.page_size]
            more = len(points) > (page + 1) * self.page_size
            left = left or more
            results.append(
                {
                    "Id": query["Id"],
                    "Timestamps": [at.timestamp() for at, _ in mine],
                    "Values": [value for _, value in mine],
                    "StatusCode": "PartialData" if more else self.status,
                }
            )
        return json_answer({"MetricDataResults": results, **({"NextToken": str(page + 1)} if left else {})})

    def _points(self, stat: Any, asked: Any) -> list[tuple[datetime, float]]:
        dimensions = {one["Name"]: one["Value"] for one in stat["Metric"]["Dimensions"]}
        key = (stat["Metric"]["MetricName"], dimensions["InstanceId"], *filter(None, [dimensions.get("index")]))
        end, begin = (datetime.fromtimestamp(asked[name], UTC) for name in ("EndTime", "StartTime"))
        times = (end - (number + 1) * timedelta(minutes=5) for number in range(10_000))
        return [(at, value) for at, value in zip(times, self.values.get(key, ()), strict=False) if at >= begin]


@pytest.fixture
def cloudwatch() -> MadeUpCloudWatch:
    return MadeUpCloudWatch(accelerators={"t3.micro": ""})


@pytest.fixture
def aws(cloudwatch: MadeUpCloudWatch, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    with serving(cloudwatch, monkeypatch) as server:
        yield server


@pytest.fixture
def clients(aws: LocalAws) -> Iterator[Clients]:
    with closing_clients() as made, bound_to(Fixed(TARGET.account_id)):
        yield made


@pytest.fixture
def kind(clients: Clients) -> Ec2Instances:
    retries = Retries(attempts=2, sleep=lambda _: None)
    return Ec2Instances(clients, retries, lambda: NOW, RecordingPacing())  # type: ignore[arg-type]  # a fake


def measure(kind: Ec2Instances, *spans: MetricSpan, ids: tuple[str, ...] = ("i-1",), type_: str = "t3.micro") -> Any:
    wanted = [(a_resource(one, facts={"instance_type": type_}), spans) for one in ids]
    return kind.measure(TARGET, wanted)


def one(kind: Ec2Instances, *spans: MetricSpan, type_: str = "t3.micro") -> Measured:
    found: Measured = measure(kind, *spans, type_=type_)["i-1"]
    return found


def queries(aws: LocalAws) -> list[int]:
    return [len(request.json["MetricDataQueries"]) for request in aws.of("GetMetricData")]


def test_the_highest_of_the_span_counts_and_every_datapoint_is_counted(
    cloudwatch: MadeUpCloudWatch, kind: Ec2Instances
) -> None:
    cloudwatch.values = {("CPUUtilization", "i-1"): [1.0] * 11 + [3.5, 99.0]}  # the last is before the span
    [series] = one(kind, CPU).series
    assert (series.highest, series.points, series.begins, series.is_whole) == (3.5, 12, AT - HOUR, True)
    assert (one(kind, CPU).read_at, one(kind, CPU).accelerators) == (NOW, 0)


def test_bytes_in_and_out_are_one_datapoint_and_one_without_the_other_is_none(
    cloudwatch: MadeUpCloudWatch, kind: Ec2Instances
) -> None:
    cloudwatch.values = {("NetworkIn", "i-1"): [100.0] * 12, ("NetworkOut", "i-1"): [7.0, 900.0] + [0.0] * 8}
    [series] = one(kind, NETWORK).series
    assert (series.highest, series.points, series.is_whole) == (1000.0, 10, False)


def test_what_cloudwatch_has_nothing_of_is_no_zero(kind: Ec2Instances) -> None:
    assert [(found.highest, found.points) for found in one(kind, CPU, NETWORK).series] == [(None, 0), (None, 0)]


def test_five_hundred_metrics_go_in_one_call_and_no_more(kind: Ec2Instances, aws: LocalAws) -> None:
    ids = tuple(f"i-{number}" for number in range(200))
    found = measure(kind, CPU, NETWORK, ids=ids)
    assert queries(aws) == [500, 100]
    assert sum(each.requested for each in found.values()) == 600


def test_every_page_of_the_data_is_read(cloudwatch: MadeUpCloudWatch, kind: Ec2Instances, aws: LocalAws) -> None:
    cloudwatch.page_size = 5
    cloudwatch.values = {("CPUUtilization", "i-1"): [1.0] * 11 + [50.0]}
    [series] = one(kind, CPU).series
    assert (series.highest, series.points) == (50.0, 12)
    assert queries(aws) == [1, 1, 1]


def test_several_spans_of_one_metric_are_one_query_over_the_longest(
    cloudwatch: MadeUpCloudWatch, kind: Ec2Instances, aws: LocalAws
) -> None:
    cloudwatch.values = {("CPUUtilization", "i-1"): [1.0] * 12 + [60.0] * 12}
    found = one(kind, CPU, MetricSpan("cpu", 2 * HOUR))
    assert [(each.span, each.highest, each.points) for each in found.series] == [(HOUR, 1.0, 12), (2 * HOUR, 60.0, 24)]
    assert (queries(aws), found.requested) == ([1], 1)


@pytest.mark.parametrize("status", ["PartialData", "InternalError", "Forbidden"])
def test_data_that_is_not_complete_is_none(cloudwatch: MadeUpCloudWatch, kind: Ec2Instances, status: str) -> None:
    cloudwatch.status = status
    cloudwatch.values = {("CPUUtilization", "i-1"): [1.0] * 12}
    if status == "PartialData":
        assert one(kind, CPU).series[0].points == 0
    else:
        with pytest.raises(TargetUnreadableError, match=f"CloudWatch gives no data of a metric: {status}"):
            one(kind, CPU)


def test_a_refusal_is_told_in_awss_words(cloudwatch: MadeUpCloudWatch, kind: Ec2Instances) -> None:
    denied = json_answer({"__type": "AccessDenied", "message": "not you"}, 403)
    cloudwatch.refused = {"GetMetricData": [denied], "ListMetrics": [denied]}
    with pytest.raises(TargetUnreadableError) as unreadable:
        one(kind, CPU)
    assert str(unreadable.value) == "cloudwatch:GetMetricData: AccessDenied: not you"
    with pytest.raises(TargetUnreadableError, match="cloudwatch:ListMetrics: AccessDenied: not you"):
        one(kind, GPU)


def test_calls_are_signed_for_the_account_and_counted_under_the_name_that_iam_has(
    kind: Ec2Instances, aws: LocalAws, clients: Clients
) -> None:
    one(kind, CPU)
    [request] = aws.of("GetMetricData")
    assert (request.access_key, request.region, request.service) == ("ASIA111111111111", "eu-west-1", "monitoring")
    assert clients.calls() == {"cloudwatch:GetMetricData": 1, "ec2:DescribeInstanceTypes": 1}
    assert set(clients.calls()) <= kind.description.read_permissions


# --- accelerators -----------------------------------------------------------------------------------------------------


def gpus(count: int) -> str:
    return f"<gpuInfo><gpus><item><count>{count}</count></item></gpus></gpuInfo>"


@pytest.mark.parametrize(
    ("type_", "told", "count"),
    [
        ("t3.micro", "", 0),
        ("p4d.24xlarge", gpus(8), 8),
        ("g6f.large", gpus(0), 1),
        ("g4dn.xlarge", "", None),  # AWS tells of one
        ("inf2.xlarge", "<neuronInfo><neuronDevices><item><count>1</count></item></neuronDevices></neuronInfo>", 1),
        ("f1.2xlarge", "<fpgaInfo><fpgas><item><count>1</count></item></fpgas></fpgaInfo>", 1),
        ("gone.large", None, None),
    ],
)
def test_the_accelerators_of_a_type_are_those_that_ec2_tells(
    cloudwatch: MadeUpCloudWatch, kind: Ec2Instances, type_: str, told: str | None, count: int | None
) -> None:
    cloudwatch.accelerators = {type_: told} if told is not None else {}
    assert one(kind, CPU, type_=type_).accelerators == count


def of_gpu(instance: str, index: str) -> dict[str, str]:
    return {"InstanceId": instance, "index": index, "name": "Tesla T4", "arch": "Turing"}


def test_every_gpu_counts_as_the_agent_names_it(
    cloudwatch: MadeUpCloudWatch, kind: Ec2Instances, aws: LocalAws
) -> None:
    cloudwatch.accelerators = {"g4dn.12xlarge": gpus(2)}
    cloudwatch.listed = [[of_gpu("i-1", "0"), of_gpu("i-2", "0")], [], [of_gpu("i-1", "1"), {"InstanceId": "i-1"}]]
    metric = "nvidia_smi_utilization_gpu"
    cloudwatch.values = {(metric, "i-1", "0"): [0.0] * 12, (metric, "i-1", "1"): [0.0] * 10 + [80.0]}
    [series] = one(kind, GPU, type_="g4dn.12xlarge").series
    assert (series.highest, series.points, series.is_whole) == (80.0, 11, True)
    assert [request.json.get("NextToken") for request in aws.of("ListMetrics")] == [None, "1", "2"]
    assert queries(aws) == [2]


def test_a_gpu_that_the_agent_does_not_report_makes_all_of_them_unknown(
    cloudwatch: MadeUpCloudWatch, kind: Ec2Instances
) -> None:
    cloudwatch.accelerators = {"g4dn.12xlarge": gpus(4)}
    cloudwatch.listed = [[of_gpu("i-1", str(index)) for index in range(3)]]
    cloudwatch.values = {("nvidia_smi_utilization_gpu", "i-1", str(index)): [0.0] * 12 for index in range(3)}
    [series] = one(kind, GPU, type_="g4dn.12xlarge").series
    assert (series.highest, series.is_whole) == (None, False)


def test_gpus_are_listed_only_where_they_are_asked_for(kind: Ec2Instances, aws: LocalAws) -> None:
    one(kind, CPU, NETWORK)
    assert aws.of("ListMetrics") == []

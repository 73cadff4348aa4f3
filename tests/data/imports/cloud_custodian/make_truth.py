"""Writes `truth.json.gz`: what Cloud Custodian's own filters match, in the cases of `cases.json`.

Runs where c7n is installed, which is no dependency of this project: `python make_truth.py`. See README.md.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import c7n.filters.core
import c7n.filters.offhours
import yaml
from c7n.config import Config
from c7n.policy import PolicyCollection
from c7n.resources import load_resources

HERE = Path(__file__).parent
STATES = ("running", "stopped")
STEP = 15
"""Minutes: a filter looks at the hour of a clock alone, and clocks differ from UTC by quarters of an hour."""


class _Frozen(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, dt.datetime)


class Clock(dt.datetime, metaclass=_Frozen):
    """What `datetime.datetime` is for c7n: its now is given."""

    at: ClassVar[dt.datetime]

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
        return cls.at.astimezone(tz or dt.UTC)


def instances(all_tags: list[dict[str, str]]) -> list[dict[str, Any]]:
    """As EC2 describes them: each with each state, in the order of `STATES`."""
    return [
        {
            "InstanceId": f"i-{number:04}-{state}",
            "State": {"Name": state},
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        for number, tags in enumerate(all_tags)
        for state in STATES
    ]


def minutes(start: str, end: str, step: int) -> Iterator[dt.datetime]:
    at, last = (dt.datetime.fromisoformat(one).replace(tzinfo=dt.UTC) for one in (start, end))
    while at < last:
        yield at
        at += dt.timedelta(minutes=step)


def matched(policies: Any, described: list[dict[str, Any]], at: dt.datetime) -> dict[str, set[str]]:
    """The ids that each policy matches at that time."""
    Clock.at = at
    return {
        one.name: {found["InstanceId"] for found in one.resource_manager.filter_resources(list(described))}
        for one in policies
    }


def runs(steps: list[set[str]]) -> list[list[Any]]:
    """The same in a row as one: how many steps, and what is matched in them."""
    found: list[list[Any]] = []
    for ids in steps:
        if found and found[-1][1] == sorted(ids):
            found[-1][0] += 1
        else:
            found.append([1, sorted(ids)])
    return found


def described_as_ec2(number: int, instance: dict[str, Any]) -> dict[str, Any]:
    """Of an instance in `filters.json`: its tags as a list, its times as times, and no keys without a value."""
    tags = [{"Key": key, "Value": value} for key, value in instance["Tags"].items()]
    devices = [
        {"Ebs": {"AttachTime": dt.datetime.fromisoformat(one["Ebs"]["AttachTime"])}}
        for one in instance["BlockDeviceMappings"]
    ]
    whole = {
        **instance,
        "InstanceId": f"i-{number:04}",
        "State": {"Name": instance.get("State", "running")},
        "LaunchTime": dt.datetime.fromisoformat(instance["LaunchTime"]),
        "BlockDeviceMappings": devices,
        "Tags": tags,
    }
    return {key: value for key, value in whole.items() if value is not None}


def matched_by_filters(case: dict[str, Any]) -> Iterator[list[int] | None]:
    """The numbers of the instances that each filter matches; None for a filter that ends in an error."""
    described = [described_as_ec2(number, one) for number, one in enumerate(case["instances"])]
    Clock.at = dt.datetime.fromisoformat(case["now"])
    for one in case["filters"]:
        try:
            policies = PolicyCollection.from_data(
                {"policies": [{"name": "one", "resource": "ec2", "filters": [one]}]},
                Config.empty(account_id="111111111111", region="eu-central-1"),
            )
            (policy,) = policies
            found = policy.resource_manager.filter_resources([dict(each) for each in described])
            yield sorted(int(each["InstanceId"].removeprefix("i-")) for each in found)
        except Exception:  # noqa: BLE001 - whatever it is, such a policy does nothing
            yield None


def main() -> None:
    logging.disable(logging.CRITICAL)
    load_resources(["aws.ec2"])
    frozen = SimpleNamespace(**{**vars(dt), "datetime": Clock})
    c7n.filters.core.datetime = c7n.filters.offhours.datetime = frozen
    truth: dict[str, Any] = {}
    for name, case in json.loads((HERE / "cases.json").read_text()).items():
        data = yaml.safe_load((HERE / name).read_text())
        policies = PolicyCollection.from_data(data, Config.empty(account_id="111111111111", region="eu-central-1"))
        for one in policies:
            one.ctx.output = SimpleNamespace(root_dir="")  # nowhere to log to
        described = instances(case["tags"])
        spans = [(*span, STEP) for span in case["spans"]]
        if "year" in case:
            spans.append((case["year"]["start"], case["year"]["end"], case["year"]["step"]))
        truth[name] = []
        for start, end, step in spans:
            each = [matched(policies, described, at) for at in minutes(start, end, step)]
            by_policy = {one.name: runs([step_[one.name] for step_ in each]) for one in policies}
            truth[name].append({"start": start, "step": step, "matched": by_policy})
    truth["filters"] = [*matched_by_filters(json.loads((HERE / "filters.json").read_text()))]
    text = json.dumps(truth, separators=(",", ":"), sort_keys=True).encode()
    (HERE / "truth.json.gz").write_bytes(gzip.compress(text, mtime=0))


if __name__ == "__main__":
    main()

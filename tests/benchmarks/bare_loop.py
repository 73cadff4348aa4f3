"""The baseline: botocore alone, one client for each region, one DescribeInstances per account and region, in a loop.

In mode `enforce` what runs there of the policy's is described once more, marked, stopped, and described again, in one
batch each. `python -m tests.benchmarks.bare_loop '{"mode": "plan", "accounts": 10, ...}'` prints JSON: the CPU seconds
of start-up (imports) and of the work: a session, the clients, and the loop. Each account is asked as itself, by
credentials that cost no call: a real loop would assume a role for each.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import Credentials

from tests.benchmarks.endpoint.shape import Shape
from tests.benchmarks.safety import peak_memory, require_own_endpoint

_RUNNING = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping"]}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be looped over."""

    mode: str
    accounts: int
    regions: int
    meter: int
    cpu: int | None = None


class _Account(Credentials):
    """Of whichever account the loop is at: the same client serves all."""

    account_id_now = ""

    def get_frozen_credentials(self) -> Any:
        return Credentials(f"ASIA{self.account_id_now}0000", "s" * 40, "t" * 800).get_frozen_credentials()

    def get_deferred_property(self, property_name: str) -> Any:
        del property_name
        return lambda: None


def main(asked: Asked) -> None:
    if asked.cpu is not None:
        os.sched_setaffinity(0, {asked.cpu})
    meter = require_own_endpoint(os.environ, asked.meter)
    shape = Shape(asked.accounts, asked.regions)
    started, began = time.process_time(), time.perf_counter()
    account = _Account("unused", "unused")
    session = boto3.Session()
    session._session._credentials = account
    config = Config(retries={"total_max_attempts": 1})
    clients = [session.client("ec2", region_name=name, config=config) for name in shape.region_names]
    for account_id in shape.account_ids:
        account.account_id_now = account_id
        for client in clients:
            found = client.describe_instances(Filters=[_RUNNING], MaxResults=1000)
            if asked.mode == "enforce":
                stop(client, found)
    figures = {
        "start": started,
        "work": time.process_time() - started,
        "wall": time.perf_counter() - began,
        "memory": peak_memory(),
        "others": 0.0,
        "endpoint": meter.read(),
    }
    sys.stdout.write(json.dumps(figures))


def stop(client: Any, found: Any) -> None:
    """One batch of what the policy stops, if there is any."""
    instances = [one for some in found["Reservations"] for one in some["Instances"]]
    ids = [one["InstanceId"] for one in instances if {"Key": "Environment", "Value": "dev"} in one["Tags"]]
    if not ids:
        return
    these = [{"Name": "instance-id", "Values": ids}]
    client.describe_instances(Filters=these)
    client.create_tags(Resources=ids, Tags=[{"Key": key, "Value": "benchmark"} for key in ("by", "at")])
    client.stop_instances(InstanceIds=ids)
    client.describe_instances(Filters=these)


if __name__ == "__main__":
    main(Asked(**json.loads(sys.argv[1])))

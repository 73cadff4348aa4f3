"""The baseline: botocore alone, shared clients, one DescribeInstances per account and region, in one thread.

In mode `enforce` what it finds there is described once more, marked, stopped, and described again, in one batch each.
`python -m tests.benchmarks.bare_loop MODE ACCOUNTS REGIONS` prints JSON: the CPU seconds of start-up (imports) and
of the work: a session, one client for each region, and the loop.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

import boto3
from botocore.config import Config

from tests.benchmarks.fast_endpoint import REGIONS


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(mode: str, accounts: int, regions: int) -> None:
    config = Config(retries={"total_max_attempts": 1})
    started = cpu()
    session = boto3.Session()
    clients = [session.client("ec2", region_name=name, config=config) for name in REGIONS[:regions]]
    for _ in range(accounts):
        for client in clients:
            found = client.describe_instances(
                Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}], MaxResults=1000
            )
            if mode == "enforce":
                stop(client, [one["InstanceId"] for some in found["Reservations"] for one in some["Instances"]])
    sys.stdout.write(json.dumps({"start": started, "work": cpu() - started}))


def stop(client: Any, ids: list[str]) -> None:
    """One batch."""
    these = [{"Name": "instance-id", "Values": ids}]
    client.describe_instances(Filters=these)
    client.create_tags(Resources=ids, Tags=[{"Key": key, "Value": "benchmark"} for key in ("by", "at")])
    client.stop_instances(InstanceIds=ids)
    client.describe_instances(Filters=these)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

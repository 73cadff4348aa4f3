"""The baseline: botocore alone, shared clients, one DescribeInstances per account and region, in one thread.

`python -m tests.benchmarks.bare_loop ACCOUNTS REGIONS` prints JSON: the CPU seconds of start-up (imports) and of the
work: a session, one client for each region, and the loop.
"""

from __future__ import annotations

import json
import resource
import sys

import boto3
from botocore.config import Config

from tests.benchmarks.fast_endpoint import REGIONS


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(accounts: int, regions: int) -> None:
    config = Config(retries={"total_max_attempts": 1})
    started = cpu()
    session = boto3.Session()
    clients = [session.client("ec2", region_name=name, config=config) for name in REGIONS[:regions]]
    for _ in range(accounts):
        for client in clients:
            client.describe_instances(
                Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}], MaxResults=1000
            )
    sys.stdout.write(json.dumps({"start": started, "work": cpu() - started}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

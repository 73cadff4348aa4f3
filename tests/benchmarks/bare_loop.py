"""The baseline: botocore alone, shared clients, one DescribeInstances per account and region; prints its CPU seconds.

`python -m tests.benchmarks.bare_loop ACCOUNTS REGIONS`; prints JSON with the CPU of start-up and of the loop.
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
    session = boto3.Session()
    config = Config(retries={"total_max_attempts": 1})
    session.client("ec2", region_name=REGIONS[0], config=config)
    started = cpu()
    clients = [session.client("ec2", region_name=name, config=config) for name in REGIONS[:regions]]
    made = cpu()
    for _ in range(accounts):
        for client in clients:
            client.describe_instances(
                Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}], MaxResults=1000
            )
    print(json.dumps({"start": started, "clients": made - started, "loop": cpu() - made}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

"""What a sweep costs in calls, time and money, from the size of the organization alone: nothing is read.

The calls are what the code does. Time, memory and write units come from measured figures, all in `MEASURED`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType

from orchestrator.core.model.size import Size

WORKERS = 128
ACCOUNTS_A_PAGE = 20
"""https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html"""
TAGGED_A_PAGE = 100
"""https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html"""
ORGANIZATIONS_CALLS_A_SECOND = 5
"""At first, and where AWS takes no more."""
ORGANIZATIONS_MOST_A_SECOND = 40
_DOUBLES_AFTER = 2.0
"""Seconds, while AWS takes all (aws/organization_pace.py)."""
BATCH = 50
"""Instances in one StopInstances, and in one CreateTags."""
STOPS_AT_ONCE, STOPS_A_SECOND = 1000, 20
DESCRIBES_A_BATCH = 2
"""The look right before it, and the one after it."""
INSTANCES_A_PAGE = 1000
LAMBDA_SECONDS = 870
"""Of the 900 that a Lambda may run, without what is kept back for the report."""
LAMBDA_MB = 1769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html: with so much it has one processor."""
FILES = 9
"""Of a sweep, in S3, with plan and manifest."""

Listings = Mapping[str, str]
"""By kind, the call that each target takes, as `service:Operation`."""
EC2_ALONE: Listings = MappingProxyType({"ec2": "ec2:DescribeInstances"})


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one run each; CPU and seconds of one processor that is a Lambda's."""

    latency: float = 0.05
    """From a call to its answer, over regions near and far."""
    start: float = 1.9
    """CPU of importing, without bytecode, and of making clients."""
    account: float = 0.0017
    target: float = 0.00035
    resource: float = 0.00045
    stop: float = 0.011
    """In a target of its own: with its looks, marks and writes."""
    base_mb: float = 85.0
    target_mb: float = 0.003
    resource_mb: float = 0.004
    write_units_a_sweep: int = 30
    write_units_an_account: float = 1.0
    """Its coverage, in one item."""
    write_units_a_stop: float = 5.0
    """The intent, what is held down and the outcome; the latter two with their index."""
    read_units_a_sweep: int = 20
    """Of an upper bound: the lease, the chain and a few records."""
    read_units_a_batch: float = 1.2
    """What is held down in its target, and whether the lease is held still."""


MEASURED = Measured()


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars, without any free tier. Calls to EC2, STS, Organizations and the Tagging API cost nothing."""

    region: str = "us-east-1"
    as_of: str = "2026-11-28"
    source: str = "https://aws.amazon.com/lambda/pricing/ /dynamodb/pricing/on-demand/ /s3/pricing/"
    lambda_gb_second: float = 0.0000133334
    """arm64."""
    lambda_request: float = 0.20 / 1_000_000
    write_unit: float = 0.625 / 1_000_000
    read_unit: float = 0.125 / 1_000_000
    s3_put: float = 0.005 / 1_000


PRICES = Prices()


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one sweep in one mode; seconds and dollars."""

    calls: Mapping[str, int]
    """By `service:Operation`, retries left out."""
    write_units: int
    read_units: int
    files: int
    cpu_seconds: float
    seconds: float
    """Where tags come in bulk, and AWS Organizations takes a rising pace."""
    seconds_without_bulk_tags: float
    """Where each account's tags are one call, at the pace that AWS is sure to take."""
    memory_mb: float
    dollars: Mapping[str, float]

    @property
    def fits_one_lambda(self) -> bool:
        """Whether one invocation ends in time and memory; else the state machine is for it."""
        return self.seconds <= LAMBDA_SECONDS and self.memory_mb <= LAMBDA_MB

    @property
    def fits_without_bulk_tags(self) -> bool:
        """The same where tags are read one by one."""
        return self.fits_one_lambda and self.seconds_without_bulk_tags <= LAMBDA_SECONDS


def estimate(size: Size, *, enforce: bool = False, workers: int = WORKERS, listings: Listings = EC2_ALONE) -> Cost:
    """Of a plan, or of an enforce with the size's stops, each as far from the others as can be.

    Each target takes a call for each of the policy's kinds.
    """
    batches = _batches(size) if enforce else 0
    calls = _calls(size, batches, listings)
    stops = size.stops if enforce else 0
    one = MEASURED
    cpu = one.start + size.accounts * one.account + size.targets * one.target + size.resources * one.resource
    cpu += stops * one.stop
    organizations = calls["organizations:ListAccounts"] + calls["organizations:ListRoots"]
    waiting = (
        sum(number for name, number in calls.items() if not name.startswith(("organizations:", "tag:")))
        * one.latency
        / workers
    )
    listing = _at_a_rising_pace(organizations + min(size.accounts, batches))
    write_units = one.write_units_a_sweep + size.accounts * one.write_units_an_account + stops * one.write_units_a_stop
    writing = write_units * one.latency / workers
    seconds = max(cpu, waiting + writing, listing, _pacing(stops, size.targets))
    read_units = ceil(one.read_units_a_sweep + batches * one.read_units_a_batch)
    memory = one.base_mb + size.targets * one.target_mb + size.resources * one.resource_mb
    dollars = {
        "lambda": seconds * LAMBDA_MB / 1024 * PRICES.lambda_gb_second + PRICES.lambda_request,
        "dynamodb": write_units * PRICES.write_unit + read_units * PRICES.read_unit,
        "s3": FILES * PRICES.s3_put,
    }
    return Cost(
        calls=MappingProxyType(calls),
        write_units=ceil(write_units),
        read_units=read_units,
        files=FILES,
        cpu_seconds=cpu,
        seconds=seconds,
        seconds_without_bulk_tags=max(seconds, (organizations + size.accounts) / ORGANIZATIONS_CALLS_A_SECOND),
        memory_mb=memory,
        dollars=MappingProxyType({**dollars, "total": sum(dollars.values())}),
    )


def cost_of_sweep(seconds: float, accounts: int, actions: int) -> float:
    """Dollars of one that took so long and acted on so many, as if in one Lambda; without metrics, which AWS counts."""
    one = MEASURED
    write_units = one.write_units_a_sweep + accounts * one.write_units_an_account + actions * one.write_units_a_stop
    read_units = one.read_units_a_sweep + actions * one.read_units_a_batch
    table = write_units * PRICES.write_unit + read_units * PRICES.read_unit
    compute = seconds * LAMBDA_MB / 1024 * PRICES.lambda_gb_second + PRICES.lambda_request
    return compute + table + FILES * PRICES.s3_put


def assumptions(size: Size, workers: int = WORKERS, listings: Listings = EC2_ALONE) -> tuple[str, ...]:
    """What the figures rest on, in sentences."""
    batches = (
        f"each of the {size.stops:,} stops is in another target, while there are targets: {_batches(size):,} batches"
    )
    return (
        f"{MEASURED.latency * 1000:.0f} ms from a call to its answer, {workers} calls at a time, no retries",
        "one processor; time is what binds: calls, CPU, or the pace of Organizations or EC2",
        (
            f"Organizations takes {ORGANIZATIONS_CALLS_A_SECOND} calls a second at first and up to "
            f"{ORGANIZATIONS_MOST_A_SECOND} later; one by one, {ORGANIZATIONS_CALLS_A_SECOND} at all times"
        ),
        "tags one by one: no Tagging API that is believed, and one ListTagsForResource for each account instead",
        "the policy names regions that have to be opted into, or patterns: else there is no DescribeRegions",
        *_of_kinds(listings),
        *([batches] if size.stops and "ec2" in listings else []),
        f"prices of {PRICES.region} on {PRICES.as_of}, no free tier; EC2, STS and Organizations cost nothing",
    )


def _of_kinds(listings: Listings) -> Iterator[str]:
    at_most = f"at most {INSTANCES_A_PAGE:,} resources in a target"
    if listings == EC2_ALONE:
        yield f"{at_most}, all of them EC2 instances"
        return
    yield f"the policy's kinds: {', '.join(sorted(listings))}; each takes a call in each target"
    yield f"{at_most}; calls about single resources of the other kinds than ec2 are left out, as stops and tags of them"
    yield "CPU, memory and writes of a resource and a stop are as measured of EC2 instances"


def _at_a_rising_pace(calls: int) -> float:
    """Seconds, where none is refused."""
    seconds, pace, left = 0.0, float(ORGANIZATIONS_CALLS_A_SECOND), float(calls)
    while left > pace * _DOUBLES_AFTER and pace < ORGANIZATIONS_MOST_A_SECOND:
        left -= pace * _DOUBLES_AFTER
        seconds += _DOUBLES_AFTER
        pace = min(pace * 2, ORGANIZATIONS_MOST_A_SECOND)
    return seconds + left / pace


def _pacing(stops: int, targets: int) -> float:
    """Of StopInstances in one target: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html."""
    return max(0.0, stops / targets - STOPS_AT_ONCE) / STOPS_A_SECOND if targets else 0.0


def _batches(size: Size) -> int:
    return max(min(size.stops, size.targets), ceil(size.stops / BATCH))


def _calls(size: Size, batches: int, listings: Listings) -> dict[str, int]:
    looks = batches * DESCRIBES_A_BATCH
    calls = {
        "organizations:ListRoots": 1,
        "organizations:ListAccounts": max(1, ceil(size.accounts / ACCOUNTS_A_PAGE)),
        "tag:GetResources": max(1, ceil(size.accounts / TAGGED_A_PAGE)),
        "organizations:ListTagsForResource": min(size.accounts, batches),
        "sts:AssumeRole": size.accounts,
        "ec2:DescribeRegions": size.accounts,
        **{name: size.targets * number for name, number in sorted(Counter(listings.values()).items())},
    }
    if "ec2" in listings:
        calls |= {
            "ec2:DescribeInstances": size.targets + looks,
            "ec2:CreateTags": batches,
            "ec2:StopInstances": batches,
        }
    return {name: number for name, number in calls.items() if number}

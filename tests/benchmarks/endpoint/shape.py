"""The made-up organization: how many accounts, in which regions, and what runs where. Pure, and equal in each run.

Of five accounts four have instances, each in two regions; their targets have 1, 2, 5, 9, 15, 20, 30 and 54 of them in
turn, 17 on average. So 1,000 accounts have 1,600 targets with 27,200 running instances, and 15,400 without any. The
first instance of each target is a development machine, and so is the second of each fourth one: 2,000, which the policy
stops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

ORGANIZATION = "o-benchmark00"
MANAGEMENT = "999999999999"
REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1"),
    *("ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
)
"""Those that are enabled in every account: 17."""
OPT_IN_REGIONS = ("af-south-1", "ap-east-1", "eu-south-1", "me-south-1")
"""Enabled in none."""
_SIZES = (1, 2, 5, 9, 15, 20, 30, 54)
_FILLED_REGIONS = ("us-east-1", "eu-central-1")
FIRST_ACCOUNT = 100_000_000_001

POLICY = f"""\
version: 1
name: benchmark
regions: {{include: [{", ".join(REGIONS)}]}}
rules:
  - name: development
    kinds: [ec2]
    where: {{tag: {{Environment: [dev]}}}}
guardrails: {{max_stops: 100000, max_stops_percent: 60}}
"""
"""Every region of it is one that no account can disable."""


def policy_of(kinds: str) -> str:
    """The same for these kinds, with commas between them."""
    return POLICY.replace("kinds: [ec2]", f"kinds: [{kinds}]")


@dataclass(frozen=True, slots=True)
class Shape:
    """`instances` False: nothing runs anywhere, for what an empty target costs."""

    accounts: int
    regions: int = len(REGIONS)
    instances: bool = True

    @property
    def account_ids(self) -> list[str]:
        return [str(FIRST_ACCOUNT + number) for number in range(self.accounts)]

    @property
    def region_names(self) -> tuple[str, ...]:
        return REGIONS[: self.regions]

    @property
    def targets(self) -> int:
        return self.accounts * self.regions

    def filled(self) -> Iterator[tuple[str, str, int, int]]:
        """Account, region, how many instances, and how many of them are the policy's to stop."""
        number = 0
        for position, account in enumerate(self.account_ids if self.instances else ()):
            if position % 5 == 4:
                continue
            for region in _FILLED_REGIONS:
                if region in self.region_names:
                    size = _SIZES[number % len(_SIZES)]
                    yield account, region, size, 2 if number % 4 == 3 else 1
                number += 1

    @property
    def running(self) -> int:
        return sum(size for _, _, size, _ in self.filled())

    @property
    def stops(self) -> int:
        return sum(stops for _, _, _, stops in self.filled())

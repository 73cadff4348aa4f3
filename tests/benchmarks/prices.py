"""What one sweep costs on AWS, from what the endpoint counted. US East (N. Virginia), on-demand, in dollars.

As published in 2026 (DynamoDB's since November 2024); requests to Organizations, STS and EC2 are free, and so are
deletes in S3. Storage is left out: a sweep's files of some MB cost a hundredth of a cent a
month.
https://aws.amazon.com/lambda/pricing/ https://aws.amazon.com/dynamodb/pricing/on-demand/ https://aws.amazon.com/s3/pricing/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LAMBDA_MEMORY_MB = 1769
"""That of one whole CPU."""
GB_SECOND_ARM64 = 0.0000133334
LAMBDA_REQUEST = 0.20 / 1_000_000
WRITE_UNIT = 0.625 / 1_000_000
READ_UNIT = 0.125 / 1_000_000
S3_PUT, S3_GET = 0.005 / 1_000, 0.0004 / 1_000


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars."""

    compute: float
    table: float
    bucket: float

    @property
    def total(self) -> float:
        return self.compute + self.table + self.bucket


def price_of(wall: float, endpoint: Mapping[str, Any]) -> Price:
    """Of a sweep that took so many seconds in one Lambda."""
    compute = wall * LAMBDA_MEMORY_MB / 1024 * GB_SECOND_ARM64 + LAMBDA_REQUEST
    table = endpoint["write_units"] * WRITE_UNIT + endpoint["read_units"] * READ_UNIT
    s3 = endpoint["s3"]
    return Price(compute, table, s3.get("put", 0) * S3_PUT + s3.get("get", 0) * S3_GET)

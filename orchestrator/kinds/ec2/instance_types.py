"""Which instance types have instance-store volumes: asked once for each type and region, for all accounts of a sweep.

A type's hardware is the same whoever asks; an account may only not know it yet, so what is not told is asked again.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.pages import each_page
from orchestrator.core.model import Region
from orchestrator.kinds.ec2.rules import InstanceStores
from orchestrator.kinds.shared.operations import in_portions
from orchestrator.kinds.shared.paced import Paced

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_OPERATION = "DescribeInstanceTypes"
_TYPES_A_CALL = 100


@dataclass(frozen=True, slots=True)
class InstanceTypes:
    """What was told so far. Asked from every thread: two that ask for the same at once get the same."""

    _known: dict[Region, dict[str, bool]] = field(default_factory=lambda: defaultdict(dict))

    def instance_stores(self, client: EC2Client, types: Collection[str], paced: Paced) -> InstanceStores:
        """Of these types, in the bound account and its region. What cannot be read is missing; nothing is raised."""
        known = self._known[paced.target.region]
        refusal = ""
        for some in in_portions(sorted(set(types) - known.keys()), _TYPES_A_CALL):
            try:
                known.update(_told(client, some, paced))
            except AWS_FAILURES as failure:
                refusal = error_of(failure).code
                break
        return InstanceStores({one: known[one] for one in types if one in known}, refusal)


def _told(client: EC2Client, types: Sequence[str], paced: Paced) -> Iterator[tuple[str, bool]]:
    """By filter: one unknown type would make AWS refuse the others."""
    only_these: Any = [{"Name": "instance-type", "Values": [*types]}]

    def ask(**more: Any) -> Any:
        call = partial(client.describe_instance_types, Filters=only_these, MaxResults=_TYPES_A_CALL, **more)
        return paced.call(_OPERATION, call)

    for page in each_page(_OPERATION, ask):
        for one in page.get("InstanceTypes", ()):
            if one.get("InstanceType") in types and isinstance(one.get("InstanceStorageSupported"), bool):
                yield one["InstanceType"], one["InstanceStorageSupported"]

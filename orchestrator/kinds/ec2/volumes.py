"""DescribeVolumes: what is attached to some instances of one target. Asked only where prices were asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.pages import each_page
from orchestrator.kinds.shared.operations import in_portions
from orchestrator.kinds.shared.paced import Paced

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

OPERATION = "DescribeVolumes"
_IDS_A_FILTER = 200
_PAGE_SIZE = 500


def volumes_of(client: EC2Client, instance_ids: Sequence[str], paced: Paced) -> Mapping[str, list[Any] | str]:
    """By instance, as botocore names the fields; AWS's refusal in place of those that it did not tell of."""
    found: dict[str, list[Any] | str] = {}
    for some in in_portions(instance_ids, _IDS_A_FILTER):
        try:
            attached = _attached(client, some, paced)
        except AWS_FAILURES as failure:
            found.update(dict.fromkeys(some, f"ec2:{OPERATION}: {error_of(failure)}"))
        else:
            found.update({one: attached[one] for one in some})
    return found


def _attached(client: EC2Client, instance_ids: Sequence[str], paced: Paced) -> defaultdict[str, list[Any]]:
    """Raises botocore's exceptions."""
    these: Any = [{"Name": "attachment.instance-id", "Values": [*instance_ids]}]
    wanted, found = frozenset(instance_ids), defaultdict[str, list[Any]](list)

    def ask(**more: Any) -> Any:
        call = partial(client.describe_volumes, Filters=these, MaxResults=_PAGE_SIZE, **more)
        return paced.call(OPERATION, call)

    for page in each_page(OPERATION, ask):
        for volume in page.get("Volumes", ()):
            for name in {one.get("InstanceId") for one in volume.get("Attachments", ())} & wanted:
                found[name].append(volume)
    return found

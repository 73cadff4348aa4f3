"""Which instance types have instance-store volumes, and accelerators: asked once for each type and region, for all
accounts of a sweep.

A type's hardware is the same whoever asks; an account may only not know it yet, so what is not told is asked again.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

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


_WAIT_SECONDS = 1.0
"""For what another thread is asking just then; an account that AWS throttles holds no other one up for longer."""


_ACCELERATORS = {
    "GpuInfo": "Gpus",
    "FpgaInfo": "Fpgas",
    "InferenceAcceleratorInfo": "Accelerators",
    "MediaAcceleratorInfo": "Accelerators",
    "NeuronInfo": "NeuronDevices",
}
"""The parts of an answer that tell of them, and the list in each."""


_MUST_HAVE_SOME = re.compile(r"(dl|f|g|gr|inf|p|trn|vt)[0-9]")
"""Families of accelerated types: one of which no accelerator is told was not told of whole.
https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html
"""


class _Hardware(NamedTuple):
    has_store: bool
    accelerators: int | None


class InstanceTypes:
    """What was told so far. Asked from every thread: what several look for at once, one of them asks for."""

    def __init__(self) -> None:
        self._known: defaultdict[Region, dict[str, _Hardware]] = defaultdict(dict)
        self._turns: defaultdict[Region, Lock] = defaultdict(Lock)

    def instance_stores(self, client: EC2Client, types: Collection[str], paced: Paced) -> InstanceStores:
        """Of these types, in the bound account and its region. What cannot be read is missing; nothing is raised."""
        known, refusal = self._hardware(client, types, paced)
        return InstanceStores({one: known[one].has_store for one in types if one in known}, refusal)

    def accelerators(self, client: EC2Client, types: Collection[str], paced: Paced) -> Mapping[str, int | None]:
        """How many GPUs and the like each of these types has. What cannot be read is missing; nothing is raised."""
        known, _ = self._hardware(client, types, paced)
        return {one: known[one].accelerators for one in types if one in known}

    def _hardware(self, client: EC2Client, types: Collection[str], paced: Paced) -> tuple[Mapping[str, _Hardware], str]:
        """With AWS's code where it refused."""
        known, refusal = self._known[paced.target.region], ""
        if not known.keys() >= set(types):
            turn = self._turns[paced.target.region]
            has_it = turn.acquire(timeout=_WAIT_SECONDS)
            try:
                refusal = _ask(client, sorted(set(types) - known.keys()), paced, known)
            finally:
                if has_it:
                    turn.release()
        return known, refusal


def _ask(client: EC2Client, types: Sequence[str], paced: Paced, known: dict[str, _Hardware]) -> str:
    """Adds what is told to what is known; AWS's code where it refuses."""
    for some in in_portions(types, _TYPES_A_CALL):
        try:
            known.update(_told(client, some, paced))
        except AWS_FAILURES as failure:
            return error_of(failure).code
    return ""


def _told(client: EC2Client, types: Sequence[str], paced: Paced) -> Iterator[tuple[str, _Hardware]]:
    """By filter: one unknown type would make AWS refuse the others."""
    only_these: Any = [{"Name": "instance-type", "Values": [*types]}]

    def ask(**more: Any) -> Any:
        call = partial(client.describe_instance_types, Filters=only_these, MaxResults=_TYPES_A_CALL, **more)
        return paced.call(_OPERATION, call)

    for page in each_page(_OPERATION, ask):
        for one in page.get("InstanceTypes", ()):
            if one.get("InstanceType") in types and isinstance(one.get("InstanceStorageSupported"), bool):
                yield one["InstanceType"], _Hardware(one["InstanceStorageSupported"], _accelerators(one))


def _accelerators(told: Any) -> int | None:
    """At least one where a part of the answer tells of some, and does not count them; None where it is unknown."""
    parts = [told[part].get(devices, ()) for part, devices in _ACCELERATORS.items() if told.get(part)]
    if not parts:
        return None if _MUST_HAVE_SOME.match(told["InstanceType"]) else 0
    return max(1, sum(int(one.get("Count") or 0) for devices in parts for one in devices))

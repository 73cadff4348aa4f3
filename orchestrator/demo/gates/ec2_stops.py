"""StopInstances as EC2 answers it: one bad id and nothing of the batch is stopped; codes and words are AWS's.

moto stops the ids before a protected one, and accepts hibernation, one-time spot and terminated instances; its
instances do not name their spot requests.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance

from orchestrator.demo.calls import Answer, Call

_ID = re.compile(r"i-([0-9a-f]{8}|[0-9a-f]{17})")
Refusal = tuple[str, str]


def stop_gate(call: Call) -> Answer | None:
    """The first refusal of the error table that fits one of the ids; None lets moto stop them all."""
    if call.service != "ec2" or call.action != "StopInstances" or call.form.get("DryRun", "").lower() == "true":
        return None
    ids = call.form_list("InstanceId")
    instances = instances_of(call)
    persistent = {request.instance.id for request in _spot_requests(call) if request.type == "persistent"}
    hibernate = call.form.get("Hibernate", "").lower() == "true"
    refusal = next(_refusals(ids, instances, persistent, hibernate=hibernate), None)
    return call.refused(*refusal) if refusal else None


def spot_requests_gate(call: Call) -> Answer | None:
    """Lets each spot instance name its request, as EC2 does; moto keeps only the other direction."""
    if call.service == "ec2" and call.action == "DescribeInstances":
        for request in _spot_requests(call):
            request.instance.spot_instance_request_id = request.id
    return None


def _spot_requests(call: Call) -> list[Any]:
    return list(ec2_backends[call.account_id][call.region].spot_instance_requests.values())


def instances_of(call: Call) -> dict[str, Instance]:
    """Moto's instances in the call's account and region, by id."""
    backend = ec2_backends[call.account_id][call.region]
    return {instance.id: instance for instance in backend.all_instances()}


def _refusals(
    ids: Sequence[str], instances: dict[str, Instance], persistent: Container[str], *, hibernate: bool
) -> Iterator[Refusal]:
    """In the order in which EC2 looks: the ids as such, whether they exist, and then each instance."""
    yield from refused_ids(ids, instances)
    for one in ids:
        yield from _of_instance(instances[one], hibernate=hibernate, is_persistent=one in persistent)


def refused_ids(ids: Sequence[str], instances: Container[str]) -> Iterator[Refusal]:
    """What is no id, and what is the id of nothing."""
    for one in ids:
        if not _ID.fullmatch(one):
            yield "InvalidInstanceID.Malformed", f'Invalid id: "{one}"'
    missing = [one for one in ids if one not in instances]
    if missing:
        words = f"ID '{missing[0]}' does not exist" if len(missing) == 1 else f"IDs '{', '.join(missing)}' do not exist"
        yield "InvalidInstanceID.NotFound", f"The instance {words}"


def _of_instance(instance: Instance, *, hibernate: bool, is_persistent: bool) -> Iterator[Refusal]:
    if instance.state in {"pending", "shutting-down", "terminated"}:
        text = f"This instance '{instance.id}' is not in a state from which it can be stopped."
        yield "IncorrectInstanceState", text
    if instance.root_device_type != "ebs":
        text = f"The instance '{instance.id}' does not have an 'ebs' root device type and cannot be stopped."
        yield "UnsupportedOperation", text
    if instance.lifecycle == "spot" and not is_persistent:
        text = (
            f"You can't stop the Spot Instance '{instance.id}' because it is associated with a one-time Spot Instance "
            "request. You can only stop Spot Instances associated with persistent Spot Instance requests."
        )
        yield "UnsupportedOperation", text
    if _is_true(instance.disable_api_stop):
        attribute = "Modify its 'disableApiStop' instance attribute and try again."
        yield "OperationNotPermitted", f"The instance '{instance.id}' may not be stopped. {attribute}"
    if hibernate and not (instance.hibernation_options or {}).get("Configured"):
        yield "UnsupportedHibernationConfiguration", f"The instance '{instance.id}' is not configured for hibernation."


def _is_true(value: object) -> bool:
    """Moto keeps the text `true` where the attribute was modified."""
    return value is True or str(value).lower() == "true"


GATES = (spot_requests_gate, stop_gate)

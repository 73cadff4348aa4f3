"""EC2's dry runs of ids that do not exist; moto says of any id that the request would have succeeded."""

from __future__ import annotations

from orchestrator.demo.calls import Answer, Call
from orchestrator.demo.gates.ec2_stops import instances_of, refused_ids

_IDS = {
    "CreateTags": "ResourceId",
    "DeleteTags": "ResourceId",
    "StartInstances": "InstanceId",
    "StopInstances": "InstanceId",
}


def dry_run_gate(call: Call) -> Answer | None:
    """The refusal of the first id that there is none of; None lets moto answer DryRunOperation."""
    if call.service != "ec2" or call.action not in _IDS or call.form.get("DryRun", "").lower() != "true":
        return None
    refusal = next(refused_ids(call.form_list(_IDS[call.action]), instances_of(call)), None)
    return call.refused(*refusal) if refusal else None


GATES = (dry_run_gate,)

"""StartInstances as EC2 answers it: one bad id and nothing of the batch is started; codes and words are AWS's.

moto starts terminated instances, and leaves the launch time as it was; EC2's is that of the last start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from moto.core.utils import utcnow
from moto.ec2.models.instances import Instance

from orchestrator.demo.calls import Answer, Call
from orchestrator.demo.gates.ec2_stops import Refusal, instances_of, refused_ids

_CANNOT_BE_STARTED = frozenset({"shutting-down", "stopping", "terminated"})


def start_gate(call: Call) -> Answer | None:
    """The first refusal that fits one of the ids; None lets moto start them all."""
    if call.service != "ec2" or call.action != "StartInstances" or call.form.get("DryRun", "").lower() == "true":
        return None
    ids = call.form_list("InstanceId")
    instances = instances_of(call)
    refusal = next(_refusals(ids, instances), None)
    if refusal is not None:
        return call.refused(*refusal)
    for one in ids:
        if instances[one].state == "stopped":
            instances[one].launch_time = utcnow()
    return None


def _refusals(ids: Sequence[str], instances: Mapping[str, Instance]) -> Iterator[Refusal]:
    yield from refused_ids(ids, instances)
    for one in ids:
        if instances[one].state in _CANNOT_BE_STARTED:
            text = f"The instance '{one}' is not in a state from which it can be started."
            yield "IncorrectInstanceState", text


GATES = (start_gate,)

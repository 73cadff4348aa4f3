"""StartInstances as EC2 answers it: one bad id and nothing of the batch is started; codes and words are AWS's.

moto starts terminated instances, and leaves the launch time as it was; EC2's is that of the last start. An instance can
be told to fall back: its start is accepted, it is seen pending, and then stopped again, with a reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from moto.core.utils import utcnow
from moto.ec2.models.instances import Instance, StateReason

from orchestrator.demo.calls import Answer, Call
from orchestrator.demo.gates.ec2_behind import BEHIND
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
            another_second = instances[one].launch_time + timedelta(seconds=1)  # its times have whole seconds
            instances[one].launch_time = max(utcnow(), another_second)
            vars(instances[one])[_STARTED] = True
    return None


def let_fall_back(
    instance: Instance, code: str = "Client.InternalError", message: str = "Client error on launch"
) -> None:
    """From now on each start of it comes to nothing, for that reason; with no code, it stays pending."""
    vars(instance)[_FALLS_BACK] = (code, message)


def let_start(instance: Instance) -> None:
    """From now on it starts again."""
    vars(instance).pop(_FALLS_BACK, None)


def states_gate(call: Call) -> Answer | None:
    """A start that falls back is seen pending once."""
    if call.service != "ec2" or call.action != "DescribeInstances":
        return None
    for instance in instances_of(call).values():
        falls_back = vars(instance).get(_FALLS_BACK)
        if falls_back is None or instance.state not in {"running", "pending"} or _STARTED not in vars(instance):
            continue
        code, message = falls_back
        if instance.state == "running" or not code:
            _set_state(instance, "pending", 0)
        else:
            BEHIND.note(instance)
            _set_state(instance, "stopped", 80)
            instance.state_reason = StateReason(f"{code}: {message}", code)
    return None


def _set_state(instance: Instance, name: str, number: int) -> None:
    instance._state.name, instance._state.code = name, number  # noqa: SLF001 - moto sets it only by its own calls


_FALLS_BACK, _STARTED = "falls_back", "was_started"


def _refusals(ids: Sequence[str], instances: Mapping[str, Instance]) -> Iterator[Refusal]:
    yield from refused_ids(ids, instances)
    for one in ids:
        if instances[one].state in _CANNOT_BE_STARTED:
            text = f"The instance '{one}' is not in a state from which it can be started."
            yield "IncorrectInstanceState", text


GATES = (start_gate, states_gate)

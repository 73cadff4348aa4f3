"""Auto Scaling groups as AWS sizes them: sizes that fit, instances that come and go, hooks that hold them.

moto takes a minimum above the desired capacity, launches and terminates at once, forgets a mixed instances policy at
any update, knows no lifecycle hook that waits, and breaks at tags of a group that is not there. Here the instances of a
new size pass with the second look at the group, and end only once its hooks for that are gone. What moto gives of
instances whatever is asked, AWS does too: it includes them unless told not to.
"""

from __future__ import annotations

import re
from typing import Any

from moto.autoscaling.models import autoscaling_backends

from orchestrator.demo.calls import Answer, Call

_SIZES = {"MinSize": "min_size", "MaxSize": "max_size", "DesiredCapacity": "desired_capacity"}
_OTHERS = {"Action", "Version", "AutoScalingGroupName"}
_TERMINATING_HOOK = "autoscaling:EC2_INSTANCE_TERMINATING"
_GROUP_OF_TAG = re.compile(r"Tags\.member\.\d+\.ResourceId")


def sizes_gate(call: Call) -> Answer | None:
    """A change of sizes and of nothing else; None for any other, and for a group that moto refuses itself."""
    group = _group(call, call.form.get("AutoScalingGroupName", "")) if _asks(call, "UpdateAutoScalingGroup") else None
    if group is None or call.form.keys() - _SIZES.keys() - _OTHERS:
        return None
    least, most, wanted = (int(call.form.get(asked, getattr(group, name))) for asked, name in _SIZES.items())
    if "DesiredCapacity" not in call.form:  # AWS moves it into the new limits
        wanted = min(max(wanted, least), most)
    if least > most:
        return call.refused("ValidationError", f"Min bound, {least}, cannot be greater than max bound, {most}")
    if not least <= wanted <= most:
        text = f"Desired capacity:{wanted} must be between the specified min size:{least} and max size:{most}"
        return call.refused("ValidationError", text)
    group.min_size, group.max_size, group.desired_capacity = least, most, wanted
    _resize(group, wanted)
    return Answer(200, "text/xml", _DONE.format(call.action))


def tags_gate(call: Call) -> Answer | None:
    """AWS's refusal of tags of a group that is not there."""
    if not (_asks(call, "CreateOrUpdateTags") or _asks(call, "DeleteTags")):
        return None
    for field, name in call.form.items():
        if _GROUP_OF_TAG.fullmatch(field) and _group(call, name) is None:
            text = f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"
            return call.refused("ValidationError", text)
    return None


def states_gate(call: Call) -> Answer | None:
    """What passes is seen once."""
    if _asks(call, "DescribeAutoScalingGroups"):
        for group in list(_backend(call).autoscaling_groups.values()):
            for instance in list(group.instance_states):
                if vars(instance).get("seen_as") == instance.lifecycle_state:
                    _pass(group, instance)
                vars(instance)["seen_as"] = instance.lifecycle_state
    return None


def _resize(group: Any, wanted: int) -> None:
    """Instances on standby do not count, and what is protected from scale-in is not ended."""
    counted = [one for one in group.instance_states if one.lifecycle_state in {"InService", "Pending"}]
    known = {id(one) for one in group.instance_states}
    if wanted > len(counted):
        group.replace_autoscaling_group_instances(wanted - len(counted), group.get_propagated_tags())
    for one in group.instance_states:
        if id(one) not in known:
            one.lifecycle_state = "Pending"
    unprotected = [one for one in counted if not one.protected_from_scale_in]
    for one in unprotected[: max(0, len(counted) - wanted)]:
        one.lifecycle_state = "Terminating:Wait" if _holds(group) else "Terminating"


def _pass(group: Any, instance: Any) -> None:
    if instance.lifecycle_state == "Pending":
        instance.lifecycle_state = "InService"
    elif instance.lifecycle_state.startswith("Terminating") and not _holds(group):
        group.ec2_backend.terminate_instances([instance.instance.id])
        group.instance_states = [one for one in group.instance_states if one is not instance]


def _holds(group: Any) -> bool:
    """Whether a hook of it waits for somebody who lets its instances end."""
    hooks = group.autoscaling_backend.lifecycle_hooks.values()
    mine = [one for one in hooks if one.auto_scaling_group_name == group.name]
    return any(one.lifecycle_transition == _TERMINATING_HOOK for one in mine)


def _asks(call: Call, action: str) -> bool:
    return call.service == "autoscaling" and call.action == action


def _backend(call: Call) -> Any:
    return autoscaling_backends[call.account_id][call.region]


def _group(call: Call, name: str) -> Any:
    return _backend(call).autoscaling_groups.get(name)


_DONE = (
    "<{0}Response><ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>"
    "</{0}Response>"
)

GATES = (sizes_gate, tags_gate, states_gate)

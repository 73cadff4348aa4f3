"""IAM's policy simulator, which moto does not have; refused, as to a member role that may not ask it."""

from __future__ import annotations

from orchestrator.demo.calls import Answer, Call

_ACTION = "SimulatePrincipalPolicy"


def policy_simulator_gate(call: Call) -> Answer | None:
    """AWS's refusal of the simulation."""
    if call.service != "iam" or call.action != _ACTION:
        return None
    role = call.form.get("PolicySourceArn", "")
    text = f"not authorized to perform: iam:{_ACTION} on resource: {role} because no identity-based policy allows it"
    return call.refused("AccessDenied", text, 403)


GATES = (policy_simulator_gate,)

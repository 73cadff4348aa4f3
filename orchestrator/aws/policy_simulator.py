"""What the member role allows, by IAM's policy simulator: for calls that have no dry run. It changes nothing.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
It looks at the role's policies, its boundary and service control policies, and at no session policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import unreadable_when_refused
from orchestrator.aws.pages import MARKER, each_page
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, AwsError, Region
from orchestrator.core.model.marks import MARKS, STOPPED_BY_TAG

SIMULATE = "iam:SimulatePrincipalPolicy"
_NAME = "doctor/doctor"
"""Of a resource that there need not be: the ids of some kinds have two parts, and no pattern minds one more."""
_MARKED = (
    {
        "ContextKeyName": f"aws:ResourceTag/{STOPPED_BY_TAG}",
        "ContextKeyValues": ["doctor"],
        "ContextKeyType": "string",
    },
    {"ContextKeyName": "aws:TagKeys", "ContextKeyValues": list(MARKS), "ContextKeyType": "stringList"},
)
"""A start is allowed of what carries a mark, and tagging with our own keys."""


class PolicySimulator:
    """doctor.SimulatorPort; runs inside `AccountsPort.bind`."""

    def __init__(self, clients: Clients, retries: Retries, role: str) -> None:
        """`role`: its name in each account, after its path."""
        self._clients = clients
        self._retries = retries
        self._role = role

    def simulate(
        self, account_id: AccountId, region: Region, arn_form: str, actions: Sequence[str]
    ) -> Mapping[str, AwsError | None]:
        """doctor.SimulatorPort."""
        service, _, resource = arn_form.partition(":")
        place = f"arn:{self._clients.partition}:{service}:{region}:{account_id}"
        arn = f"{place}:{resource.format(id=_NAME).replace('*', 'doctor')}"
        with unreadable_when_refused(SIMULATE):
            try:
                found = dict(self._ask(account_id, arn, actions))
            except ClientError as refusal:
                # AWS takes no actions together that "require different authorization information", and lists none.
                if refusal.response.get("Error", {}).get("Code") != "InvalidInput" or len(actions) == 1:
                    raise
                found = {name: error for one in actions for name, error in self._ask(account_id, arn, [one])}
        unanswered = AwsError("NoAnswer", "the policy simulator's answer does not name it")
        return {one: found.get(one, unanswered) for one in actions}

    def _ask(self, account_id: AccountId, arn: str, actions: Sequence[str]) -> Iterator[tuple[str, AwsError | None]]:
        ask = partial(
            self._clients.member("iam", self._clients.common_region).simulate_principal_policy,
            PolicySourceArn=f"arn:{self._clients.partition}:iam::{account_id}:role/{self._role}",
            ActionNames=list(actions),
            ResourceArns=[arn],
            ContextEntries=list(_MARKED),
        )
        for page in each_page(SIMULATE, lambda **more: self._retries.call(partial(ask, **more)), MARKER):
            for one in page["EvaluationResults"]:
                yield one["EvalActionName"], _error_of(one, arn)


def _error_of(result: Mapping[str, Any], arn: str) -> AwsError | None:
    """In the words by which AWS itself tells of a refusal."""
    decision, action = result["EvalDecision"], result["EvalActionName"]
    if decision == "allowed":
        return None
    said = f"by IAM's policy simulator the member role is not authorized to perform: {action} on resource: {arn}"
    if not result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
        return AwsError("AccessDenied", f"{said} with an explicit deny in a service control policy")
    if decision == "explicitDeny":
        return AwsError("AccessDenied", f"{said} with an explicit deny in an identity-based policy")
    if not result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary", True):
        return AwsError("AccessDenied", f"{said} because no permissions boundary allows the {action} action")
    return AwsError("AccessDenied", f"{said} because no identity-based policy allows the {action} action")

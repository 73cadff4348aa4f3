"""IAM for the embedded AWS: what the templates allow, held against each call that comes in, with its conditions.

What a call of one of the kinds' services asks for: `asked`, a file a service. The evaluator is ministack's, used as a
library. A call that the templates do not allow is refused as AWS does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ministack.core.iam_evaluator import EvalContext, EvalResult, evaluate, parse_policy_document

from orchestrator.demo.calls import Answer, Call
from orchestrator.demo.organization import BUCKET, TABLE
from tests.support import cloudformation
from tests.support.embedded import MANAGEMENT, ROLE, OrganizationBuilder

_S3 = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}
_SAME_ORGANIZATION = {
    "aws:resourceorgid": cloudformation.ORGANIZATION,
    "aws:principalorgid": cloudformation.ORGANIZATION,
}
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One action on one resource, of which a call may have several."""

    action: str
    resource: str = "*"
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Permissions:
    """A gate of the front: both roles as the templates make them, for every account."""

    member: Document
    hub: Document
    hub_account: str = MANAGEMENT
    management: Document | None = None
    """The role in the management account, of a hub elsewhere."""
    used: set[tuple[str, str]] = field(default_factory=set)
    """Role (`member` or `hub`) and Sid of each statement that allowed something."""
    actions: set[tuple[str, str]] = field(default_factory=set)
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Role and action."""

    def __call__(self, call: Call) -> Answer | None:
        role = "hub" if call.account_id == self.hub_account else "member"
        if role == "member" and call.account_id == MANAGEMENT and self.management is not None:
            role = "management"
        for asked in _asked(call):
            result = self._evaluated(role, call, asked)
            if result.decision != "Allow":
                self.refused.append((role, asked.action))
                return _refusal(call, role, asked, result)
            self.used.add((role, result.matched_sid))
            self.actions.add((role, asked.action))
        return self._simulated(role, call) if call.action == "SimulatePrincipalPolicy" else None

    def _simulated(self, role: str, call: Call) -> Answer:
        """IAM's policy simulator: the same evaluator, with the context that it was given."""
        form, context = call.form, {"aws:tagkeys": None}
        for key, name in form.items():
            if found := re.fullmatch(r"(ContextEntries\.member\.\d+)\.ContextKeyName", key):
                values = [form[one] for one in form if one.startswith(f"{found[1]}.ContextKeyValues.member.")]
                context[name.lower()] = values if form[f"{found[1]}.ContextKeyType"].endswith("List") else values[0]
        results = []
        for key in sorted(one for one in form if one.startswith("ActionNames.member.")):
            asked = Asked(form[key], form["ResourceArns.member.1"], context)
            decision = {"Allow": "allowed", "Deny": "explicitDeny"}
            said = decision.get(self._evaluated(role, call, asked).decision, "implicitDeny")
            results.append(
                f"<member><EvalActionName>{asked.action}</EvalActionName><EvalDecision>{said}</EvalDecision></member>"
            )
        text = (
            "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated>"
            f"<EvaluationResults>{''.join(results)}</EvaluationResults></SimulatePrincipalPolicyResult>"
            "</SimulatePrincipalPolicyResponse>"
        )
        return Answer(200, "text/xml", text)

    def _evaluated(self, role: str, call: Call, asked: Asked) -> EvalResult:
        documents = {"member": self.member, "hub": self.hub, "management": self.management or {}}
        document, name = documents[role], ROLE if role == "member" else f"stop-orchestrator-{role}"
        context = EvalContext(
            principal_arn=f"arn:aws:sts::{call.account_id}:assumed-role/{name}/sweep",
            principal_type="AssumedRole",
            principal_account=call.account_id,
            action=asked.action,
            resource_arn=asked.resource,
            region=call.region,
            service_context={"aws:tagkeys": None, **_SAME_ORGANIZATION, **asked.context},
        )
        text = json.dumps(document).replace(cloudformation.ACCOUNT, call.account_id)
        return evaluate(context, [parse_policy_document(text)])


def enforce(organization: OrganizationBuilder, permissions: Permissions) -> None:
    """From here on each call is held against them, right after the faults that a test has added."""
    front = organization.front
    front._gates = (*front._gates[:1], permissions, *front._gates[1:])


def pause(organization: OrganizationBuilder, permissions: Permissions) -> None:
    front = organization.front
    front._gates = tuple(gate for gate in front._gates if gate is not permissions)


def policy_of(name: str, role: str, **parameters: str) -> Document:
    """Every statement of one role of a template, as one document; names as the embedded AWS has them."""
    resource = cloudformation.resolved(name, **parameters)["Resources"][role]
    statements = [one for policy in resource["Properties"]["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    text = text.replace("arn:aws:s3:::reportbucket", f"arn:aws:s3:::{BUCKET}")
    return dict(json.loads(re.sub(r"(:table/)[A-Za-z0-9_.-]+", rf"\g<1>{TABLE}", text)))


def without(document: Document, action: str) -> Document:
    """The same document with this action taken out of every Allow."""
    statements = []
    for statement in document["Statement"]:
        actions = [one for one in cloudformation.as_list(statement["Action"]) if one != action]
        if statement["Effect"] == "Deny" or actions:
            kept = statement["Action"] if statement["Effect"] == "Deny" else actions
            statements.append({**statement, "Action": kept})
    return {**document, "Statement": statements}


def diagnosing(document: Document, *, only: bool = True) -> Document:
    """The statements that are for `doctor` alone, or all others."""
    kept = [one for one in document["Statement"] if one["Sid"].startswith("Diagnose") is only]
    return {**document, "Statement": kept}


def allowed_actions(document: Document) -> set[str]:
    allowing = (one for one in document["Statement"] if one["Effect"] == "Allow")
    return {action for statement in allowing for action in cloudformation.as_list(statement["Action"])}


def _asked(call: Call) -> Iterator[Asked]:
    service = call.service
    file = f"tests.support.asked.{service.replace('-', '_')}"
    if find_spec(file):
        yield from import_module(file).asked(call)
    elif call.action == "GetCallerIdentity":
        return  # AWS asks for no permission
    elif service == "sts":
        yield Asked("sts:AssumeRole", call.form.get("RoleArn", "*"), {"sts:externalid": call.form.get("ExternalId")})
        if call.form.get("SourceIdentity"):
            yield Asked("sts:SetSourceIdentity", call.form["RoleArn"])
    elif service == "s3":
        yield _s3(call)
    elif service == "dynamodb":
        yield from _dynamodb(call)
    elif service == "lambda":
        function = call.action.split("/functions/")[1].split("/")[0]
        name = (
            function
            if function.startswith("arn:")
            else f"arn:aws:lambda:{call.region}:{call.account_id}:function:{function}"
        )
        action = "GetFunctionConfiguration" if call.action.endswith("/configuration") else "InvokeFunction"
        yield Asked(f"lambda:{action}", name)
    elif service == "ssm":
        name = call.json["Name"]
        yield Asked(f"ssm:{call.action}", f"arn:aws:ssm:{call.region}:{call.account_id}:parameter{name}")
    elif service == "sns":
        yield Asked(f"sns:{call.action}", call.form.get("TopicArn", "*"))
    else:
        yield Asked(f"{service}:{call.action}")


def _s3(call: Call) -> Asked:
    method = str(call.environ["REQUEST_METHOD"])
    bucket, _, key = str(call.environ["PATH_INFO"]).lstrip("/").partition("/")
    if not key:
        return Asked("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    return Asked(_S3[method], f"arn:aws:s3:::{bucket}/{key}")


def _dynamodb(call: Call) -> Iterator[Asked]:
    """A transaction has no permission of its own: each part needs that of its kind."""
    body = call.json
    if call.action == "TransactWriteItems":
        actions = {
            "Put": "PutItem",
            "Update": "UpdateItem",
            "Delete": "DeleteItem",
            "ConditionCheck": "ConditionCheckItem",
        }
        parts = {
            (actions[kind], part["TableName"], _partition(part))
            for item in body["TransactItems"]
            for kind, part in item.items()
        }
    elif call.action == "BatchWriteItem":
        parts = {
            ("BatchWriteItem", table, _partition(write))
            for table, requests in body["RequestItems"].items()
            for request in requests
            for write in request.values()
        }
    else:
        parts = {(call.action, body["TableName"], _partition(body))}
    for action, table, key in sorted(parts):
        context = {"dynamodb:leadingkeys": [key]} if key else {}
        yield Asked(f"dynamodb:{action}", f"arn:aws:dynamodb:{call.region}:{call.account_id}:table/{table}", context)


def _partition(part: Mapping[str, Any]) -> str:
    """The partition key of the one item that is read or written, or of those that are queried."""
    queried = part.get("ExpressionAttributeValues", {}).get(":pk", {}).get("S", "")
    return str((part.get("Item") or part.get("Key") or {}).get("PK", {}).get("S", "") or queried)


def _refusal(call: Call, role: str, asked: Asked, result: EvalResult) -> Answer:
    explicit = " with an explicit deny in an identity-based policy" if result.decision == "Deny" else ""
    own = f" because no identity-based policy allows the {asked.action} action" if call.service == "sts" else ""
    text = (
        f"the {role} role is not authorized to perform: {asked.action} on resource: {asked.resource}{explicit or own}"
    )
    code = "UnauthorizedOperation" if call.service == "ec2" else "AccessDenied"
    if call.service in {"application-autoscaling", "dynamodb", "ecs", "organizations", "sagemaker", "ssm"}:
        code = "AccessDeniedException"
    return call.refused(code, text, 403)

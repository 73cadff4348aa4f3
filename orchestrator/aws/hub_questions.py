"""The doctor's questions about the hub: who it is, how the member role is rolled out, and what it keeps its records in.

Nothing is left behind: the writes are conditional, and their conditions cannot hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, error_of, unreadable_when_refused
from orchestrator.aws.pages import each_page
from orchestrator.core.diagnosis import hub as doctor_hub
from orchestrator.core.diagnosis.checks import Check, CheckStatus, StackInstance, StackSet, TableShape
from orchestrator.core.model import AccountId, AwsError

T = TypeVar("T")

_PROBE = "sweeps/.doctor"
_NO_ETAG = '"00000000000000000000000000000000"'
_LET_THROUGH = frozenset({"NoSuchKey", "PreconditionFailed", "404", "412"})
"""S3's answers to a write on the condition that an object is there as it never was."""
_NOT_THERE = "ConditionalCheckFailedException"
_FORBIDDEN = {
    "403": AwsError("AccessDenied", "s3:HeadBucket was answered with 403"),
    "404": AwsError("NoSuchBucket", ""),
}
"""S3 gives no code with the answer to a HEAD."""


class HubQuestions:
    """doctor.HubPort."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def identity(self) -> tuple[AccountId, str]:
        with unreadable_when_refused("sts:GetCallerIdentity"):
            answer = self._clients.sts().get_caller_identity()
        return AccountId(answer["Account"]), answer["Arn"]

    def trusted_services(self) -> frozenset[str]:
        ask = self._clients.organizations().list_aws_service_access_for_organization
        with unreadable_when_refused("organizations:ListAWSServiceAccessForOrganization"):
            rows = _rows(each_page("ListAWSServiceAccessForOrganization", ask), "EnabledServicePrincipals")
        return frozenset(row["ServicePrincipal"] for row in rows)

    def delegated_administrators(self, service: str) -> frozenset[str]:
        ask = partial(self._clients.organizations().list_delegated_administrators, ServicePrincipal=service)
        with unreadable_when_refused("organizations:ListDelegatedAdministrators"):
            rows = _rows(each_page("ListDelegatedAdministrators", ask), "DelegatedAdministrators")
        return frozenset(row["Id"] for row in rows)

    def stack_set(self, name: str, *, as_delegated: bool) -> StackSet:
        client = self._clients.cloudformation()
        named = {"StackSetName": name, "CallAs": "DELEGATED_ADMIN" if as_delegated else "SELF"}
        try:
            described = client.describe_stack_set(**named)["StackSet"]
            ask = partial(client.list_stack_instances, **named)
            rows = _rows(each_page("ListStackInstances", ask), "Summaries")
        except AWS_FAILURES as failure:
            return StackSet(name, error=error_of(failure))
        drift = described.get("StackSetDriftDetectionDetails") or {}
        given = {one["ParameterKey"]: one.get("ParameterValue", "") for one in described.get("Parameters", ())}
        instances = tuple(_instance(row) for row in rows)
        return StackSet(name, instances, drift.get("DriftStatus", ""), is_to_act=given.get("Mode") != "plan")


def bucket_check(clients: Clients, name: str) -> Callable[[], Check]:
    """Whether reports can be written to the bucket."""

    def check() -> Check:
        error = _refusal(lambda: clients.s3().head_bucket(Bucket=name))
        if error is not None:
            advice = "check the bucket's name, and that s3:ListBucket is allowed on it"
            return doctor_hub.refused("bucket", "s3:ListBucket", _FORBIDDEN.get(error.code, error), advice)
        error = _refusal(lambda: _put_nothing(clients, name))
        if error is not None and error.code not in _LET_THROUGH:
            advice = "allow s3:PutObject and s3:GetObject on the bucket's objects"
            return doctor_hub.refused("bucket", "s3:PutObject", error, advice)
        return doctor_hub.ok("bucket", name)

    return check


def table_check(clients: Clients, name: str) -> Callable[[], Check]:
    """Whether the table is as the ledger needs it, and can be written to."""
    client: Any = clients.dynamodb()
    key = {"PK": {"S": "DOCTOR"}, "SK": {"S": "DOCTOR"}}

    def check() -> Check:
        described: dict[str, Any] = {}
        error = _refusal(lambda: described.update(client.describe_table(TableName=name)["Table"]))
        if error is not None:
            advice = "check the table's name, and that dynamodb:DescribeTable is allowed on it"
            return doctor_hub.refused("table", "dynamodb:DescribeTable", error, advice)
        found = doctor_hub.table(name, _shape(described))
        if found.status is not CheckStatus.OK:
            return found
        condition = {"ConditionExpression": "attribute_exists(PK)"}
        error = _refusal(lambda: client.put_item(TableName=name, Item=key, **condition))
        if error is not None and error.code != _NOT_THERE:
            return doctor_hub.refused("table", "dynamodb:PutItem", error, "allow the hub to write to it")
        error = _refusal(lambda: client.get_item(TableName=name, Key=key))
        if error is not None:
            return doctor_hub.refused("table", "dynamodb:GetItem", error, "allow the hub to read it")
        return found

    return check


def topic_check(clients: Clients, arn: str) -> Callable[[], Check]:
    """Whether the topic is there; the permission to publish to it cannot be tested without publishing."""

    def check() -> Check:
        error = _refusal(lambda: clients.sns().get_topic_attributes(TopicArn=arn))
        if error is None:
            return doctor_hub.ok("topic", arn)
        advice = "check its ARN, and that sns:GetTopicAttributes and sns:Publish are allowed; mode `approve` needs it"
        return doctor_hub.refused("topic", "sns:GetTopicAttributes", error, advice, optional=True)

    return check


def _put_nothing(clients: Clients, bucket: str) -> None:
    """Refused by S3 in any case; a store that accepts it all the same gets it deleted."""
    clients.s3().put_object(Bucket=bucket, Key=_PROBE, Body=b"", IfMatch=_NO_ETAG)
    clients.s3().delete_object(Bucket=bucket, Key=_PROBE)


def _refusal(call: Callable[[], object]) -> AwsError | None:
    try:
        call()
    except AWS_FAILURES as failure:
        return error_of(failure)
    return None


def _rows(pages: Iterable[Any], key: str) -> list[Any]:
    return [row for page in pages for row in page.get(key, ())]


def _instance(raw: Any) -> StackInstance:
    return StackInstance(
        account_id=AccountId(raw["Account"]),
        status=raw.get("Status", ""),
        detailed_status=raw.get("StackInstanceStatus", {}).get("DetailedStatus", ""),
        reason=raw.get("StatusReason", ""),
        drift=raw.get("DriftStatus", ""),
        has_stack=bool(raw.get("StackId")),
    )


def _shape(raw: Any) -> TableShape:
    indexes = {one["IndexName"]: one["KeySchema"] for one in raw.get("GlobalSecondaryIndexes", ())}
    return TableShape(raw.get("TableStatus", ""), _keys(raw["KeySchema"]), _keys(indexes.get("GSI1", ())))


def _keys(schema: Iterable[Any]) -> tuple[str, ...]:
    return tuple(one["AttributeName"] for one in sorted(schema, key=lambda one: one["KeyType"]))

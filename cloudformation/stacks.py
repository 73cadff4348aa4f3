"""One CloudFormation stack: a change set to look at, its execution to watch, and why it failed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from orchestrator.aws.pages import each_page
from orchestrator.errors import StopOrchestratorError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

SECONDS_BETWEEN_LOOKS = 3.0
_SUCCESS = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "DELETE_COMPLETE"})
_NOT_DEPLOYED = frozenset({"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"})
_NEVER_DEPLOYED = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


class DeployError(StopOrchestratorError):
    """The stack is not as it should be; the text says which resource failed and why."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is about to happen to one resource. `details`: the properties that change."""

    action: str
    resource: str
    type: str
    replacement: str
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to one resource, or to the stack itself."""

    id: str
    resource: str
    type: str
    status: str
    reason: str


Kind = Literal["CREATE", "UPDATE"]
OnEvent = Callable[[Event], None]


class Stack:
    """By its name; nothing is kept between calls, CloudFormation is asked each time."""

    def __init__(self, client: CloudFormationClient, name: str) -> None:
        self._client = client
        self.name = name

    def described(self, stack_id: str = "") -> Mapping[str, Any] | None:
        """As CloudFormation describes it; None where there is none."""
        try:
            [found] = self._client.describe_stacks(StackName=stack_id or self.name)["Stacks"]
        except ClientError as refused:
            if _says(refused, "does not exist"):
                return None
            raise
        return None if not stack_id and found["StackStatus"] in _NOT_DEPLOYED else dict(found)

    def outputs(self) -> dict[str, str]:
        """Of the deployed stack, by key; nothing where there is none."""
        found = self.described() or {}
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}

    def parameters(self) -> dict[str, str]:
        """Of the deployed stack; nothing where there is none."""
        found = self.described() or {}
        return {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", ())}

    def template(self) -> str:
        """The deployed one."""
        body: Any = self._client.get_template(StackName=self.name, TemplateStage="Original")["TemplateBody"]
        return body if isinstance(body, str) else json.dumps(body)  # boto3 parses what looks like JSON

    def prepare(
        self,
        template: Mapping[str, Any],
        values: Mapping[str, str | None],
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> ChangeSet:
        """A change set to look at. `template` is a `TemplateBody` or a `TemplateURL`.

        `values`: of every parameter, for one that is not sent is reset to its default; None for what the stack has.
        `tags`: all that the stack is to have. Raises DeployError when the stack cannot be changed now, or
        CloudFormation refuses the template.
        """
        found = self.described()
        if found is not None:
            self._must_be_at_rest(found["StackStatus"])
        kind: Kind = "CREATE" if found is None else "UPDATE"
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        tagged = {"Tags": listed} if listed or (found and found.get("Tags")) else {}  # an empty list removes all
        name = f"deploy-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
        try:
            made = self._client.create_change_set(
                StackName=self.name,
                ChangeSetName=name,
                ChangeSetType=kind,
                **{**template, **tagged},
                Parameters=[_parameter(key, value) for key, value in values.items()],
                Capabilities=["CAPABILITY_NAMED_IAM"],
                Description="By make deploy",
            )
        except ClientError as refused:
            if _says(refused, *_NO_CHANGES):
                return ChangeSet(self._client, self, "", found["StackId"] if found else "", kind, ())
            raise
        return self._awaited(made["Id"], made["StackId"], kind)

    def _must_be_at_rest(self, status: str) -> None:
        if status in _NEVER_DEPLOYED:
            raise DeployError(
                f"{self.name} is {status}: what is left of a deployment that failed. Remove it (make remove-...), then "
                "deploy again"
            )
        if status.endswith("_IN_PROGRESS"):
            raise DeployError(f"{self.name} is {status}: somebody is changing it; try again when that has ended")

    def _awaited(self, change_set_id: str, stack_id: str, kind: Kind) -> ChangeSet:
        while True:
            first = self._client.describe_change_set(ChangeSetName=change_set_id, StackName=stack_id)
            if first["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
                break
            time.sleep(SECONDS_BETWEEN_LOOKS)
        changes = tuple(self._changes(change_set_id, stack_id))
        change_set = ChangeSet(self._client, self, change_set_id, stack_id, kind, changes)
        if first["Status"] == "FAILED":
            reason = first.get("StatusReason", "no reason given")
            change_set.discard()
            if not any(words in reason for words in _NO_CHANGES):
                raise DeployError(f"{self.name}: CloudFormation refuses the change set: {reason}")
            return ChangeSet(self._client, self, "", stack_id, kind, ())
        return change_set

    def _changes(self, change_set_id: str, stack_id: str) -> Iterator[Change]:
        ask = partial(self._client.describe_change_set, ChangeSetName=change_set_id, StackName=stack_id)
        for page in each_page("DescribeChangeSet", ask):
            for change in page.get("Changes", ()):
                yield _change(change.get("ResourceChange", {}))

    def delete(self, on_event: OnEvent) -> None:
        """And waits for it. Raises DeployError when something could not be deleted."""
        found = self.described()
        if found is None:
            return
        seen = {event.id for event in self.events(found["StackId"])}
        self._client.delete_stack(StackName=self.name)
        self.watch(found["StackId"], seen, on_event)

    def events(self, stack_id: str) -> list[Event]:
        """All of them, the oldest first."""
        pages = each_page("DescribeStackEvents", partial(self._client.describe_stack_events, StackName=stack_id))
        return [_event(raw) for page in pages for raw in page["StackEvents"]][::-1]

    def watch(self, stack_id: str, seen: set[str], on_event: OnEvent) -> None:
        """Tells each new event until the stack rests. Raises DeployError when it rests in a failure."""
        happened: list[Event] = []
        while True:
            found = self.described(stack_id)
            for event in self.events(stack_id):
                if event.id not in seen:
                    seen.add(event.id)
                    happened.append(event)
                    on_event(event)
            status = found["StackStatus"] if found else "DELETE_COMPLETE"
            if not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(SECONDS_BETWEEN_LOOKS)
        if status not in _SUCCESS:
            raise DeployError(_why(self.name, status, happened))


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Made, and not yet executed; `id` is empty when there is nothing to change."""

    _client: CloudFormationClient
    _stack: Stack
    id: str
    stack_id: str
    kind: Kind
    changes: tuple[Change, ...]

    def discard(self) -> None:
        """Leaves no trace: CloudFormation makes an empty stack for the change set of a new one."""
        if self.id:
            self._client.delete_change_set(ChangeSetName=self.id, StackName=self.stack_id)
        if self.kind == "CREATE":
            self._client.delete_stack(StackName=self.stack_id)

    def execute(self, on_event: OnEvent) -> None:
        """And waits for it. Raises DeployError with the resource that failed and AWS's reason."""
        seen = {event.id for event in self._stack.events(self.stack_id)}
        self._client.execute_change_set(ChangeSetName=self.id, StackName=self.stack_id)
        self._stack.watch(self.stack_id, seen, on_event)


def _says(refused: ClientError, *words: str) -> bool:
    error = refused.response["Error"]
    return error["Code"] == "ValidationError" and any(word in error["Message"] for word in words)


def _parameter(key: str, value: str | None) -> ParameterTypeDef:
    if value is None:
        return {"ParameterKey": key, "UsePreviousValue": True}
    return {"ParameterKey": key, "ParameterValue": value}


def _change(raw: Mapping[str, Any]) -> Change:
    targets = [detail.get("Target", {}) for detail in raw.get("Details", ())]
    names = {target.get("Name") or target.get("Attribute", "") for target in targets}
    return Change(
        raw.get("Action", ""),
        raw.get("LogicalResourceId", ""),
        raw.get("ResourceType", ""),
        raw.get("Replacement", ""),
        tuple(sorted(names - {""})),
    )


def _event(raw: Mapping[str, Any]) -> Event:
    return Event(
        raw["EventId"],
        raw.get("LogicalResourceId", ""),
        raw.get("ResourceType", ""),
        raw.get("ResourceStatus", ""),
        raw.get("ResourceStatusReason", ""),
    )


def _why(name: str, status: str, happened: list[Event]) -> str:
    """The first failures are the cause; what CloudFormation cancelled because of them is not."""
    failed = [event for event in happened if event.status.endswith("_FAILED") and "cancelled" not in event.reason]
    lines = [f"{event.resource} ({event.type}) {event.status}: {event.reason}" for event in failed]
    return "\n".join([f"{name} is {status}.", *(lines or ["CloudFormation names no resource."])])

"""The stacks, deployed as an operator would; schedules that fire; and what comes of it, in S3 and in the logs."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.e2e.command import HubCommand
from tests.e2e.evidence import Evidence, find_evidence, leave_evidence, release_kill_switch
from tests.e2e.organization import Organization
from tests.e2e.rendering import body, earlier_hub
from tests.e2e.resources import KINDS
from tests.e2e.server import HUB, Emulator

HUB_STACK, MEMBER_STACK = "stop-orchestrator", "stop-orchestrator-member"
FUNCTION = "stop-orchestrator"
EXTERNAL_ID = "end-to-end"
SCHEDULES = {"plan": f"{FUNCTION}-preview", "enforce": f"{FUNCTION}-sweep"}
_SCHEDULE_KEPT = (
    "Name",
    "Description",
    "FlexibleTimeWindow",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "Target",
)
_STACK_SECONDS, _FIRE_SECONDS, _SWEEP_SECONDS, _PAUSE = 60, 90, 120, 0.3
_NOW_AND_THEN = "cron(0 3 1 1 ? *)"

_DENIED = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")

Report = dict[str, Any]


def say(text: str) -> None:
    sys.stderr.write(f"  {time.strftime('%H:%M:%S')} {text}\n")


@dataclass(frozen=True)
class Upgrade:
    """What was left under the version before, with its resources and the digest of its code, and what was found.

    `later`: after each of two more updates, one by the command and one of tags in the console.
    """

    left: Evidence
    found: Evidence
    later: list[Evidence]
    in_stack: list[bool]
    """Whether the stack had the kill switch: under the version before, after the upgrade, and after each update."""
    resources: Mapping[str, tuple[str, str]]
    code: str


@dataclass
class Deployment:
    """One hub and its members. `without` is an action that the templates do not grant."""

    emulator: Emulator
    organization: Organization
    package: Path
    command: HubCommand
    without: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    _fired: set[str] = field(default_factory=set)

    # --- stacks -------------------------------------------------------------------------------------------------------

    def deploy(self) -> None:
        self.deploy_members()
        say("deploying the hub")
        self._deploy_hub(body("hub", self.without), self.package)

    def deploy_policies(self, policies: Mapping[str, str]) -> str:
        """The hub with a folder of policies; what the command said."""
        say(f"deploying the hub with {', '.join(policies)}")
        self.parameters = {
            name: value for name, value in self._hub_values().items() if not name.endswith(("Expression", "Timezone"))
        }
        return self.command.deploy(body("hub", self.without), self.package, self.parameters, policies)

    def upgrade(self) -> Upgrade:
        """The version before first, whose Lambda is never invoked; then this one in its place."""
        self.deploy_members()
        say("deploying the hub of the version before")
        self._deploy_hub(earlier_hub(self.without), _other_code(self.command.folder))
        leave_evidence(self.emulator, self.outputs())
        left, resources, code = find_evidence(self.emulator, self.outputs()), self.resources(), self._code()
        say("upgrading it")
        self._deploy_hub(body("hub", self.without), self.package)
        found = find_evidence(self.emulator, self.outputs())
        in_stack, later = ["KillSwitch" in resources, self._has_kill_switch()], []
        for update in (self._change_a_parameter, self._tag_in_the_console):
            say("updating it while the kill switch is pulled")
            update()
            later.append(find_evidence(self.emulator, self.outputs()))
            in_stack.append(self._has_kill_switch())
        release_kill_switch(self.emulator, self.outputs())
        return Upgrade(left, found, later, in_stack, resources, code)

    def _change_a_parameter(self) -> None:
        self.parameters["ScheduleTimezone"] = "UTC"
        self.command.deploy(body("hub", self.without), self.package, self.parameters)

    def _tag_in_the_console(self) -> None:
        """As a person does who does not know the command: what can have tags is changed, and nothing else."""
        client = self.emulator.client("cloudformation")
        [stack] = client.describe_stacks(StackName=HUB_STACK)["Stacks"]
        client.update_stack(
            StackName=HUB_STACK,
            UsePreviousTemplate=True,
            Parameters=[{"ParameterKey": one["ParameterKey"], "UsePreviousValue": True} for one in stack["Parameters"]],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": "CostCenter", "Value": "platform"}],
        )
        self._settled(HUB, HUB_STACK, "UPDATE_COMPLETE")

    def _has_kill_switch(self) -> bool:
        return "KillSwitch" in self.resources()

    def _code(self) -> str:
        function = self.emulator.client("lambda").get_function_configuration(FunctionName=FUNCTION)
        return str(function["CodeSha256"])

    def deploy_members(self) -> None:
        say(f"deploying member-role.yaml in {len(self.organization.enrolled)} accounts")
        values = {"HubAccountId": HUB, "OrganizationId": self.organization.id, "ExternalId": EXTERNAL_ID}
        values["Kinds"] = ",".join(KINDS)
        for account in self.organization.enrolled:
            self._create(account, MEMBER_STACK, body("member-role", self.without, KINDS), values)

    def _deploy_hub(self, template: str, zipped: Path) -> None:
        self.parameters = self._hub_values()
        self.command.deploy(template, zipped, self.parameters)

    def _hub_values(self) -> dict[str, str]:
        architecture, runtime = self.package.stem.removeprefix("stop-orchestrator-").split("-", 1)
        return {
            "OrganizationId": self.organization.id,
            "ExternalId": EXTERNAL_ID,
            "Runtime": runtime,
            "Architecture": architecture,
            "Mode": "enforce",
            "AlarmEmail": "platform@example.com",
            "ScheduleExpression": _NOW_AND_THEN,
            "PreviewScheduleExpression": _NOW_AND_THEN,
            "ScheduleTimezone": "Europe/Berlin",
            "ScheduleState": "DISABLED",
            "Workers": "8",
            "AccountsPerBatch": "1",
        }

    def scale_out(self) -> None:
        """The same stack, updated: its schedules start the state machine from then on."""
        say("updating the hub's stack: ScaleOut=enabled")
        self.parameters["ScaleOut"] = "enabled"
        self.command.deploy(body("hub", self.without), self.package, self.parameters)

    def remove(self) -> None:
        say("deleting the stacks")
        for account in self.organization.enrolled:
            client = self.emulator.client("cloudformation", account)
            [found] = client.describe_stacks(StackName=MEMBER_STACK)["Stacks"]
            client.delete_stack(StackName=MEMBER_STACK)
            self._settled(account, found["StackId"], "DELETE_COMPLETE")
        self.command.remove()

    def artifact_buckets(self) -> list[str]:
        names = [one["Name"] for one in self.emulator.client("s3").list_buckets()["Buckets"]]
        return [name for name in names if name.startswith("stop-orchestrator-artifacts-")]

    def output(self, name: str) -> str:
        return self.outputs()[name]

    def outputs(self) -> dict[str, str]:
        [stack] = self.emulator.client("cloudformation").describe_stacks(StackName=HUB_STACK)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    def resources(self, account: str = HUB, stack: str = HUB_STACK) -> dict[str, tuple[str, str]]:
        """Type and physical id of each, by its name in the template."""
        client = self.emulator.client("cloudformation", account)
        listed = client.describe_stack_resources(StackName=stack)["StackResources"]
        return {one["LogicalResourceId"]: (one["ResourceType"], one["PhysicalResourceId"]) for one in listed}

    def _create(self, account: str, stack: str, template: str, parameters: Mapping[str, str]) -> None:
        self.emulator.client("cloudformation", account).create_stack(**_asked(stack, template, parameters))
        self._settled(account, stack, "CREATE_COMPLETE")

    def _settled(self, account: str, stack: str, wanted: str) -> None:
        client = self.emulator.client("cloudformation", account)

        def status() -> str | None:
            [one] = client.describe_stacks(StackName=stack)["Stacks"]
            return None if one["StackStatus"].endswith("IN_PROGRESS") else str(one["StackStatus"])

        got = until(status, _STACK_SECONDS, f"{stack} in {account} does not settle")
        events = client.describe_stack_events(StackName=stack)["StackEvents"]
        failed = [one for one in events if one["ResourceStatus"].endswith("FAILED")]
        why = [f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason')}" for one in failed]
        assert (got, why) == (wanted, []), f"{stack} in {account} is {got}: {why}"

    # --- sweeps -------------------------------------------------------------------------------------------------------

    def swept(self, mode: str) -> Report:
        """The report of a sweep that a schedule of the stack starts. Fails with what the Lambda logged as an error."""
        return self.swept_by(SCHEDULES[mode], mode)

    def swept_by(self, schedule: str, mode: str) -> Report:
        """The same of the schedule of that name."""
        before, since = self._ended_sweeps(), time.time()
        self._fire(schedule)
        sweep_id = until(lambda: self._ended(before, since), _SWEEP_SECONDS, f"no sweep ended: mode {mode}")
        self._executions_ended()
        report = self.report(sweep_id)
        assert report["mode"] == mode
        say(f"{report['sweep_id']}: {report['status']}, {report['totals']['stopped']} stopped")
        return report

    def met(self) -> dict[str, Report]:
        """The reports of a preview and of an enforce that comes while that one runs, by mode."""
        before, since = self._ended_sweeps(), time.time()

        def ended(number: int) -> str | None:
            self._ended(before, since)
            return "ended" if len(self._ended_sweeps() - before) >= number else None

        for mode in ("plan", "enforce"):
            event = json.dumps({"mode": mode, "id": str(uuid.uuid4())}).encode()
            say(f"invoking the Lambda: mode {mode}")
            self.emulator.client("lambda").invoke(FunctionName=FUNCTION, InvocationType="Event", Payload=event)
            until(lambda: self._sweeping() or ended(1), _SWEEP_SECONDS, f"mode {mode} does not begin")
        until(lambda: ended(2), _SWEEP_SECONDS, "two sweeps that met did not both end")
        reports = [self.report(one) for one in self._ended_sweeps() - before]
        return {one["mode"]: one for one in reports}

    def _sweeping(self) -> str | None:
        """What for a sweep has the lease."""
        [lease] = self._items("LEASE")
        return lease["purpose"]["S"] if lease["held_until"]["S"] else None

    def _fire(self, name: str) -> None:
        """Enables the schedule as it was deployed, only due now, until it fired.

        The id is filled in, each time anew, which EventBridge does and ministack does not. A schedule that fired once
        by at() never does so again on ministack, but by a rate it does.
        """
        say(f"enabling the schedule {name}; ministack looks every 10 s")
        fired = self._fires()
        target = self.emulator.client("scheduler").get_schedule(Name=name)["Target"]
        event = json.loads(target["Input"])
        assert "id" in event
        target["Input"] = json.dumps({**event, "id": str(uuid.uuid4())})
        once = f"at({_now() - timedelta(seconds=5):%Y-%m-%dT%H:%M:%S})"
        due = "rate(1 minute)" if name in self._fired else once
        self._fired.add(name)
        self._switch(name, State="ENABLED", Target=target, ScheduleExpression=due, ScheduleExpressionTimezone="UTC")
        until(lambda: "fired" if self._fires() > fired else None, _FIRE_SECONDS, f"{name} did not fire")
        self._switch(name, State="DISABLED")

    def _fires(self) -> int:
        return self.emulator.log.read_text().count(": dispatched")

    def _switch(self, name: str, **changed: Any) -> None:
        scheduler = self.emulator.client("scheduler")
        deployed = scheduler.get_schedule(Name=name)
        scheduler.update_schedule(**{**{key: deployed[key] for key in _SCHEDULE_KEPT}, **changed})

    def _ended(self, before: set[str], since: float) -> str | None:
        errors = list(self.errors(since))
        assert not errors, f"a Lambda failed; denied: {denied_in(errors)}\n" + "\n".join(errors)
        return min(self._ended_sweeps() - before, default=None)

    def _executions_ended(self) -> None:
        """The state machine gives the lease back after its report is written."""
        if "StateMachineArn" in self.outputs():
            running = {"stateMachineArn": self.output("StateMachineArn"), "statusFilter": "RUNNING"}
            states = self.emulator.client("stepfunctions")
            until(
                lambda: None if states.list_executions(**running)["executions"] else "ended",
                _SWEEP_SECONDS,
                "an execution does not end",
            )

    def errors(self, since: float) -> Iterator[str]:
        """What the functions logged as errors."""
        logs = self.emulator.client("logs")
        for group in logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{FUNCTION}")["logGroups"]:
            name = group["logGroupName"]
            for event in logs.filter_log_events(logGroupName=name, startTime=int((since - 1) * 1000))["events"]:
                if '"level":"ERROR"' in event["message"] or "Task timed out" in event["message"]:
                    yield event["message"]

    def _ended_sweeps(self) -> set[str]:
        """By the ledger, which a sweep tells last."""
        return {item["SK"]["S"] for item in self._items("SWEEPS") if item.get("ended_at", {}).get("S")}

    def report(self, sweep_id: str) -> Report:
        """Where DESIGN says that it lies, by the manifest's own checksum."""
        day = f"{sweep_id[:4]}-{sweep_id[4:6]}-{sweep_id[6:8]}"
        folder = f"sweeps/dt={day}/sweep={sweep_id}"
        manifest = json.loads(self._file(f"{folder}/manifest.json"))
        content = self._file(f"{folder}/report.json")
        assert hashlib.sha256(content).hexdigest() in json.dumps(manifest)
        report: Report = json.loads(content)
        return report

    def _file(self, key: str) -> bytes:
        found = self.emulator.client("s3").get_object(Bucket=self.output("ReportBucketName"), Key=key)
        return bytes(found["Body"].read())

    def ledger(self, sweep_id: str) -> list[dict[str, Any]]:
        """Every item of one sweep."""
        return self._items(f"SWEEP#{sweep_id}")

    def _items(self, key: str) -> list[dict[str, Any]]:
        asked = {"TableName": self.output("TableName"), "KeyConditionExpression": "PK = :pk"}
        found = self.emulator.client("dynamodb").query(**asked, ExpressionAttributeValues={":pk": {"S": key}})
        items: list[dict[str, Any]] = found["Items"]
        return items


def _other_code(folder: Path) -> Path:
    """A zip with nothing to run."""
    path = folder / "earlier.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README", "the version before")
    return path


def denied_in(texts: Iterable[str]) -> str:
    """The permissions that AWS's messages name as missing."""
    return ", ".join(sorted({one for text in texts for one in _DENIED.findall(text)})) or "nothing"


def until(look: Callable[[], str | None], seconds: float, problem: str) -> str:
    """What `look` gives as soon as it is something. Fails with the problem."""
    end = time.monotonic() + seconds
    while (got := look()) is None:
        assert time.monotonic() < end, f"{problem} within {seconds} s"
        time.sleep(_PAUSE)
    return got


def _asked(stack: str, template: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    return {
        "StackName": stack,
        "TemplateBody": template,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the schedule is due by ministack's clock

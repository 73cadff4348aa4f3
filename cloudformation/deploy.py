"""`make deploy-hub`, `make deploy-members` and their like: show what would change, ask, do it, watch.

Everything comes from `config/deploy.env`, the templates beside this file and the usual AWS_* variables. All of it is
checked before AWS is asked for anything but the account. Before the question is answered, nothing is changed, and
nothing uploaded but the hub's template: CloudFormation reads it from the artifact bucket to say what would change.
Without a yes it is deleted. Exit codes: 0 done or nothing to do, 1 failed or refused, 2 a mistake in the arguments, the
values or the templates. `make` has one for all failures, 2.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cloudformation import kill_switch, package
from cloudformation.artifacts import Artifact, ArtifactBucket
from cloudformation.caller import Session, checked_session
from cloudformation.canary import Canary
from cloudformation.confirmation import told_of_mail
from cloudformation.delegation import NotNeeded, not_needed
from cloudformation.effective import Difference, Effective, differences, effective_values, tag_differences
from cloudformation.inputs import TEMPLATES, Arguments, Inputs, check_inputs
from cloudformation.nodes import TemplateError
from cloudformation.parameters import read_template
from cloudformation.policies import LOCATION, Change, HubPolicies, first_plans
from cloudformation.policy_files import DEFAULT, Policies
from cloudformation.policy_notes import print_overlaps, print_warnings
from cloudformation.policy_table import policies_table
from cloudformation.stacks import ChangeSet, DeployError, Event, Stack
from cloudformation.tables import changes_table, differences_table, empty_table, pairs_table
from cloudformation.tags import tags_of
from orchestrator.app import now
from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.aws.failures import AWS_FAILURES, text_of
from orchestrator.aws.pages import each_page
from orchestrator.cli.terminal import SafeConsole
from orchestrator.errors import LedgerError, LedgerSettingError, PolicyError, SettingsError
from orchestrator.ledger.ledger import Ledger

FAILED, BAD_USAGE = 1, 2

_HERE = Path(__file__).parent
_MEMBER_ROLE = "member-role.yaml"

console = SafeConsole(highlight=False)


def main(command_line: list[str] | None = None) -> int:
    """Deploys or removes one stack; returns the exit code."""
    arguments = _parse(command_line)
    if not (arguments.yes or arguments.dry_run or sys.stdin.isatty()):
        return _failed("nobody can be asked here (no terminal): say --yes, or --dry-run to look only", BAD_USAGE)
    try:
        inputs, problems = check_inputs(arguments)
        return _Deployment(arguments, inputs, *checked_session(arguments.what, inputs, problems)).run()
    except (SettingsError, PolicyError, TemplateError) as wrong:
        return _failed(str(wrong), BAD_USAGE)
    except (DeployError, LedgerError, package.PackageError, *AWS_FAILURES, OSError) as failure:
        return _failed(text_of(failure), FAILED)
    except KeyboardInterrupt:
        return _failed("Interrupted; CloudFormation completes what it has begun.", FAILED)


def _parse(command_line: list[str] | None) -> Arguments:
    parser = argparse.ArgumentParser(prog="deploy", description="Deploys or removes one of the project's stacks.")
    parser.add_argument("what", choices=(*TEMPLATES, *(f"remove-{name}" for name in TEMPLATES)))
    parser.add_argument("--env", type=Path, default=Path("config/deploy.env"), help="the file with the parameters")
    parser.add_argument("--templates", type=Path, default=_HERE, help="the folder of the templates")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, and leave no trace")
    parser.add_argument("--force", action="store_true", help="deploy management also where the hub does not need it")
    parsed = parser.parse_args(command_line)
    what = parsed.what.removeprefix("remove-")
    return Arguments(what, what != parsed.what, parsed.env, parsed.templates, parsed.yes, parsed.dry_run, parsed.force)


class _Deployment:
    """One run of the command; makes its clients when it is made."""

    def __init__(self, arguments: Arguments, inputs: Inputs, session: Session, account_id: str) -> None:
        self._arguments, self._inputs, self._session, self._account_id = arguments, inputs, session, account_id
        self._client = self._session.client("cloudformation")
        self._stack = Stack(self._client, inputs.stack_name(arguments.what))
        self._bucket = ArtifactBucket(self._session, account_id, inputs.artifact_bucket)
        self._artifacts: list[Artifact] = []
        self._policies = self._of_the_hub(inputs.policies) if inputs.policies else None
        self._not_needed = NotNeeded()
        self._canary: Canary | None = None
        doing = "Removal" if arguments.remove else "Deployment"
        console.print(f"{doing} of {self._stack.name} in account {account_id}, {self._session.region_name}")

    def _of_the_hub(self, policies: Policies) -> HubPolicies:
        say = partial(console.print, soft_wrap=True)
        key = self._inputs.value("PolicyKey")
        return HubPolicies(self._session, self._stack, policies, key, self._ledger, say)

    def run(self) -> int:
        return self._remove() if self._arguments.remove else self._deploy()

    def _deploy(self) -> int:
        if self._arguments.what == "management":
            self._look_at_organization()
        if self._not_needed.stack:
            return self._deploy_canary_alone()
        values = self._all_values()
        with ExitStack() as traces:
            traces.callback(self._take_back)
            change_set = self._stack.prepare(
                self._template(), {name: one.value for name, one in values.items()}, self._tags()
            )
            traces.callback(change_set.discard)
            kill_switch.refuse_release(change_set.changes)
            kill_switch.refuse_exchange(self._session, self._kill_switch(values), self._kill_switch_named())
            answer = self._shown(change_set, values)
            if answer is not None:
                return answer
            if change_set.id:
                self._upload(self._artifacts)
            traces.pop_all()
        with self._policies.replaced(with_stack=bool(change_set.id)) if self._policies else nullcontext():
            if change_set.id:
                change_set.execute(_say)
        self._make_kill_switch()
        self._put_kill_switch()
        self._carry_out_canary()
        self._show_outputs()
        self._tell_of_mail()
        if self._arguments.what == "members" and change_set.id:
            self._plan_now()
        return 0

    def _plan_now(self) -> None:
        """A first plan, or one with what changed: it stops nothing, and says how a night would go."""
        hub = Stack(self._client, self._inputs.stack_name("hub")).outputs()
        if "FunctionName" not in hub:
            console.print("The hub is deployed elsewhere, or not yet: its next scheduled sweep finds these accounts.")
            return
        client = self._session.client("lambda")
        for event in first_plans(hub, self._ledger(hub)):
            client.invoke(FunctionName=hub["FunctionName"], InvocationType="Event", Payload=json.dumps(event).encode())
        console.print("A plan was started, which stops nothing. Its report will be below")
        console.print(f"s3://{hub.get('ReportBucketName', '')}/sweeps/dt={now():%Y-%m-%d}/", soft_wrap=True)

    def _look_at_organization(self) -> None:
        """Whether all of the stack is needed, and the canary is there."""
        organizations = self._session.client("organizations")
        if not self._arguments.force:
            found = not_needed(organizations, self._inputs.values["HubAccountId"], self._account_id)
            self._not_needed = found
            if found.stack:
                console.print(f"No stack is needed: {found.stack} (FLAGS=--force deploys it all the same).")
            if found.policy:
                console.print(f"No policy is needed: {found.policy} (FLAGS=--force deploys it all the same).")
        self._canary = Canary(organizations)

    def _deploy_canary_alone(self) -> int:
        differs = self._show_canary()
        if self._arguments.dry_run or not differs:
            console.print("Nothing was changed." if self._arguments.dry_run else "Nothing to do.")
            return 0
        if not self._agreed("do that"):
            return _failed("Nothing was changed.", FAILED)
        self._carry_out_canary()
        return 0

    def _show_canary(self) -> bool:
        """Whether something is to do with it."""
        if self._canary is None:
            return False
        if self._canary.unseen:
            console.print(self._canary.unseen, style="red", soft_wrap=True)
        if self._canary.differs:
            console.print(self._canary.table())
        return self._canary.differs

    def _carry_out_canary(self) -> None:
        if self._canary is not None and self._canary.differs:
            console.print(self._canary.carry_out(), soft_wrap=True)

    def _tell_of_mail(self) -> None:
        """What AWS does not: that it mails nothing to an address that was not confirmed."""
        address, outputs = self._inputs.values.get("AlarmEmail"), self._stack.outputs()
        if address and "AlarmEmail" in self._inputs.parameters and "TopicArn" in outputs:
            told = told_of_mail(self._session.client("sns"), outputs["TopicArn"], address)
            if told:
                console.print(told, style="red")

    def _shown(self, change_set: ChangeSet, values: Mapping[str, Effective]) -> int | None:
        """The exit code where nothing is to be done; None where it was agreed to."""
        differs = self._show(change_set, values)
        if self._arguments.dry_run or not (change_set.id or differs):
            console.print("Nothing was changed." if self._arguments.dry_run else "Nothing to do.")
            self._tell_of_mail()
            return 0
        return None if self._agreed("do that") else _failed("Nothing was changed.", FAILED)

    def _all_values(self) -> dict[str, Effective]:
        """Of every parameter, with what this command fills in; zip and template are built, not uploaded."""
        inputs, deployed = self._inputs, self._stack.parameters()
        known = effective_values(inputs.parameters, deployed, inputs.values, inputs.derived, {})
        filled_in = self._filled_in({name: one.value or "" for name, one in known.items()})
        return effective_values(inputs.parameters, deployed, inputs.values, inputs.derived, filled_in)

    def _filled_in(self, values: Mapping[str, str]) -> dict[str, str]:
        filled_in = kill_switch.place(self._stack, values)
        filled_in |= self._of_the_organization(values)
        if "ListingDelegation" in values:
            filled_in["ListingDelegation"] = "not-needed" if self._not_needed.policy else "needed"
        if "CodeKey" in values:
            zipped = self._add(Artifact.of("lambda", "stop-orchestrator.zip", self._built(values)))
            filled_in |= {"CodeBucket": self._bucket.name, "CodeKey": zipped.key}
        if "TemplateURL" in values:
            content = (self._arguments.templates / _MEMBER_ROLE).read_bytes()
            filled_in["TemplateURL"] = self._bucket.url(self._add(Artifact.of("templates", _MEMBER_ROLE, content)).key)
        return filled_in

    def _of_the_organization(self, values: Mapping[str, str]) -> dict[str, str]:
        """What no line says. Without its management account a sweep is slower, and nothing else."""
        asked = {"OrganizationId": "Id", "ManagementAccountId": "MasterAccountId"}
        missing = {name: key for name, key in asked.items() if name in values and name not in self._inputs.values}
        if not missing:
            return {}
        try:
            found: Mapping[str, Any] = self._session.client("organizations").describe_organization()["Organization"]
        except ClientError:
            if "OrganizationId" in missing:
                raise
            return {name: value for name, value in self._stack.parameters().items() if name in missing}
        return {name: found[key] for name, key in missing.items()}

    def _tags(self) -> Mapping[str, str]:
        """Without a line, those that the stack has: CloudFormation takes what is sent for all of them."""
        return tags_of(self._stack.described() or {}) if self._inputs.tags is None else self._inputs.tags

    def _add(self, artifact: Artifact) -> Artifact:
        self._artifacts.append(artifact)
        return artifact

    def _built(self, values: Mapping[str, str]) -> bytes:
        built = package.build(
            values.get("Architecture", package.DEFAULT_ARCH),
            values.get("Runtime", package.DEFAULT_PYTHON).removeprefix("python"),
        )
        console.print(str(built), soft_wrap=True)
        return built.path.read_bytes()

    def _differences(self, values: Mapping[str, Effective]) -> list[Difference]:
        found = self._stack.described()
        deployed = None if found is None else self._stack.parameters()
        tags = tag_differences(tags_of(found or {}), self._tags())
        return differences(self._inputs.parameters, deployed, values) + tags

    def _show(self, change_set: ChangeSet, values: Mapping[str, Effective]) -> bool:
        """Whether the policy, the kill switch's name in the table, or the canary would change."""
        if change_set.changes:
            console.print(changes_table(change_set.changes))
        rows = self._differences(values)
        if rows:
            console.print(differences_table(rows))
        loosened = [row.name for row in rows if row.loosens]
        if loosened:
            console.print(f"LOOSENS what holds now: {', '.join(loosened)}", style="bold red")
        if self._policies is None or self._inputs.policies is None:
            return self._show_canary()
        self._refuse_default_policy()
        for policy in self._inputs.policies.documents:
            print_warnings(console, policy)
        print_overlaps(console, self._inputs.policies.documents)
        changes = self._policies.changes()
        differs = set(changes.values()) != {Change.SAME}
        if differs or change_set.id:
            console.print(policies_table(changes, self._inputs.policies, self._inputs.value))
        if differs:
            console.print(
                "A text that is new or changed becomes the active version of its policy: schedules act by it."
            )
        if self._inputs.unused:
            console.print(f"No policy needs these of {self._arguments.env}: {', '.join(self._inputs.unused)}")
        unnamed = self._kill_switch_to_name() != ""
        if unnamed:
            console.print("The table does not name the stack's kill switch; its name is written there at the end.")
        return differs or unnamed

    def _refuse_default_policy(self) -> None:
        """Raises SettingsError where no line says which policies there are, and the hub has those of a folder."""
        is_said = {"Policy", "Policies"} & self._inputs.env.values.keys()
        if not is_said and self._stack.outputs().get(LOCATION, "").endswith("*"):
            raise SettingsError(
                f"{self._arguments.env}: Policies is missing: the hub has the policies of a folder, and without a line "
                f"all of them would be retired for {DEFAULT}; say Policies=FOLDER, or Policy=FILE where that is meant"
            )

    def _template(self) -> Mapping[str, str]:
        """As CloudFormation takes it; one that goes by its URL is uploaded."""
        if not self._inputs.by_url:
            return {"TemplateBody": self._inputs.template}
        artifact = Artifact.of("templates", f"{self._arguments.what}.yaml", self._inputs.template.encode())
        self._upload([artifact])
        return {"TemplateURL": self._bucket.url(artifact.key)}

    def _upload(self, artifacts: Iterable[Artifact]) -> None:
        for artifact in artifacts:
            if self._bucket.upload(artifact):
                console.print(f"uploaded s3://{self._bucket.name}/{artifact.key}", soft_wrap=True)

    def _take_back(self) -> None:
        """A failure is told and not raised: it would hide the one that led here."""
        try:
            if self._bucket.take_back():
                console.print("What was uploaded is deleted again.")
        except AWS_FAILURES as failure:
            _failed(f"What was uploaded stays in the bucket {self._bucket.name}: {text_of(failure)}", FAILED)

    def _ledger(self, outputs: Mapping[str, str] | None = None) -> Ledger | None:
        """In the stack's table, or in that of another one's outputs; None where it has none yet."""
        table = (self._stack.outputs() if outputs is None else outputs).get("TableName")
        return Ledger(DynamoItems(self._session.client("dynamodb"), table), now) if table else None

    def _kill_switch_to_name(self) -> str:
        """The kill switch that the stack has and its table does not name; empty where nothing is to do."""
        ledger, name = self._ledger(), self._stack.outputs().get("KillSwitchName", "")
        if ledger is None:
            return ""
        try:
            return "" if ledger.kill_switch() == name else name
        except LedgerSettingError:
            return name

    def _kill_switch(self, values: Mapping[str, Effective]) -> str:
        """What its name will be; empty for a stack that has none."""
        name = values.get("KillSwitchName")
        return name.value or "" if name else ""

    def _kill_switch_named(self) -> str:
        """The one that the hub's table names; empty where there is none, or the item is damaged."""
        ledger = self._ledger() if self._arguments.what == "hub" else None
        try:
            return ledger.kill_switch() if ledger else ""
        except LedgerSettingError:
            return ""

    def _make_kill_switch(self) -> None:
        """Where there never was one. Raises DeployError where it is gone."""
        ledger, name = self._ledger(), self._stack.outputs().get("KillSwitchName", "")
        if ledger is None or not name:
            return
        try:
            named = ledger.kill_switch()
        except LedgerSettingError:
            named = name
        if said := kill_switch.ensure(self._session, name, named):
            console.print(said, soft_wrap=True)

    def _put_kill_switch(self) -> None:
        """So that a terminal that uses the table obeys the hub's kill switch too."""
        ledger, name = self._ledger(), self._kill_switch_to_name()
        if ledger is not None and name:
            ledger.name_kill_switch(name)
            table = self._stack.outputs()["TableName"]
            console.print(f"the table {table} names the kill switch {name}", soft_wrap=True)

    def _show_outputs(self) -> None:
        outputs = self._stack.outputs()
        if outputs:
            console.print(pairs_table("Outputs", outputs))

    def _agreed(self, what: str) -> bool:
        if self._arguments.yes:
            return True
        console.print(f"Type yes to {what}: ", end="")
        return sys.stdin.readline().strip() == "yes"

    def _remove(self) -> int:
        if self._arguments.what == "management":
            self._canary = Canary(self._session.client("organizations"), remove=True)
        is_there, differs = self._stack.described() is not None, self._show_canary()
        if not is_there:
            console.print(f"There is no stack {self._stack.name}.")
        if not (is_there or differs):
            return 0
        if is_there:
            self._show_removal()
        if self._arguments.dry_run:
            console.print("Nothing was changed.")
            return 0
        if not self._agreed("delete that"):
            return _failed("Nothing was changed.", FAILED)
        self._carry_out_canary()
        if not is_there:
            return 0
        self._stack.delete(_say)
        left = [name for name in self._inputs.stack_names() if Stack(self._client, name).described() is not None]
        if not left and self._bucket.delete():
            console.print(f"deleted the bucket {self._bucket.name} with the uploaded zips and templates")
        return 0

    def _show_removal(self) -> None:
        declared = read_template(self._stack.template()).get("Resources", {})
        kept = {name for name, one in declared.items() if str(one.get("DeletionPolicy", "")).startswith("Retain")}
        ask = partial(self._client.list_stack_resources, StackName=self._stack.name)
        table = empty_table("Removal", "action", "resource", "type", "name")
        for page in each_page("ListStackResources", ask):
            for found in page["StackResourceSummaries"]:
                name = found["LogicalResourceId"]
                action, style = ("stays", None) if name in kept else ("Remove", "red")
                table.add_row(action, name, found["ResourceType"], found.get("PhysicalResourceId", ""), style=style)
        console.print(table)


def _say(event: Event) -> None:
    reason = f"  {event.reason}" if event.reason else ""
    console.print(f"{event.status:<28} {event.type} {event.resource}{reason}", soft_wrap=True)


def _failed(message: str, code: int) -> int:
    SafeConsole(stderr=True, highlight=False).print(message, style="red", soft_wrap=True)
    return code


if __name__ == "__main__":
    sys.exit(main())

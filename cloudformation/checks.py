"""What must hold of the values in `config/deploy.env`, beyond each template's own patterns; AWS is not asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cloudformation.env_file import Problem
from cloudformation.parameters import Parameter
from cloudformation.regions import partitions, region_problem
from orchestrator.aws.partitions import common_region
from orchestrator.core.policy.schedules.cron import expression_problem
from orchestrator.core.policy.schedules.zones import zone_problem

_BY_NAME: Mapping[str, Callable[[str], str | None]] = {
    "CommonRegion": region_problem,
    "DoctorScheduleExpression": expression_problem,
    "PreviewScheduleExpression": expression_problem,
    "Region": region_problem,
    "ScheduleExpression": expression_problem,
    "ScheduleTimezone": zone_problem,
}
"""What more is known of a value than its pattern says."""
_EXAMPLES: Mapping[str, str] = {
    "AccessLogBucket": "our-access-logs",
    "AlarmEmail": "team@example.com",
    "ApproverArns": "arn:aws:iam::*:role/OptOutApprover",
    "HubRoleName": "stop-orchestrator-hub",
    "KillSwitchName": "/stop-orchestrator/kill-switch",
    "KmsKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000",
    "MemberRole": "stop-orchestrator-member or path/stop-orchestrator-member",
    "OperatorArns": "arn:aws:iam::111122223333:role/Platform, several separated by commas without spaces",
    "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/boundary or arn:aws:iam::aws:policy/NAME",
    "ReservedConcurrency": "5, or nothing",
    "RoleName": "stop-orchestrator-member",
    "RolePath": "/ or /team/",
    "SigningKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000",
    "StackSetName": "stop-orchestrator-members",
    "TargetIds": "r-ab12, ou-ab12-c3d4e5f6 or 111122223333",
    "VolumeKeyArns": "arn:aws:kms:*:111122223333:key/*",
}
"""Of what has a pattern only: a person reads an example sooner."""
_KEYS = ("KmsKeyArn", "SigningKeyArn")
"""Keys that the hub uses, which has to be where they are."""
_ARN = re.compile(r"arn:(?P<partition>aws[a-z-]*):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9*-]*):")
_ACTS = ("approve", "enforce")


@dataclass(frozen=True, slots=True)
class Lines:
    """The file's lines, and every parameter that a template has for them."""

    what: str
    """Which stack is deployed."""
    values: Mapping[str, str]
    declared: Mapping[str, Parameter]

    def value(self, name: str) -> str:
        """What holds: the line, or the template's default; empty where there is neither."""
        one = self.declared.get(name)
        return self.values.get(name, (one.default if one else None) or "")


def mistakes(lines: Lines) -> Iterator[Problem]:
    """Each value by itself, then those that do not go together."""
    for name, value in lines.values.items():
        known = _BY_NAME.get(name)
        text = known(value) if known and value else None
        declared = lines.declared.get(name)
        if text:
            yield Problem(name, f"{name}: {text}")
        elif declared is not None and (refusal := declared.refusal(name, value, _EXAMPLES.get(name, ""))):
            yield Problem(name, refusal)
    for together in (_anchor, _readers, _member_role, _alarm_email, _common_region, _elsewhere):
        yield from together(lines)


def role_of_members(lines: Lines) -> str:
    """What the hub calls the member role: its path, where it has one, and its name. Empty where no template says it."""
    if "RoleName" not in lines.declared:
        return ""
    return f"{lines.value('RolePath').lstrip('/')}{lines.value('RoleName')}"


def _anchor(lines: Lines) -> Iterator[Problem]:
    anchor = lines.value("AnchorName")
    if anchor and anchor == lines.value("KillSwitchName"):
        why = "every sweep would pull its kill switch by writing its anchor; name another parameter"
        yield Problem("AnchorName", f"AnchorName: {anchor!r} is KillSwitchName too, and {why}")


def _readers(lines: Lines) -> Iterator[Problem]:
    """As the hub's rule ReadersNeedKey has it, before CloudFormation is asked."""
    if lines.value("ReportReaderArns") and not lines.value("KmsKeyArn"):
        why = "what an AWS managed key encrypts no other account can read; cloudformation/key.yaml makes a key"
        yield Problem("ReportReaderArns", f"ReportReaderArns needs KmsKeyArn: {why}")


def _member_role(lines: Lines) -> Iterator[Problem]:
    made, said = role_of_members(lines), lines.values.get("MemberRole")
    if made and said and said != made:
        path, slash, name = said.rpartition("/")
        right = f"RolePath=/{path}/ and RoleName={name}" if slash else f"RoleName={name}"
        yield Problem(
            "MemberRole",
            f"MemberRole: {said!r} is not the role that RolePath and RoleName make, {made!r}: leave this line out, "
            f"or say {right}",
        )


def _alarm_email(lines: Lines) -> Iterator[Problem]:
    needed = lines.what == "hub" and "AlarmEmail" in lines.declared and lines.value("Mode") in _ACTS
    if needed and not lines.value("AlarmEmail"):
        why = {"approve": "it asks there before it stops", "enforce": "it tells there that a night went wrong"}
        mode = lines.value("Mode")
        yield Problem("AlarmEmail", f"AlarmEmail is missing: Mode={mode} needs an address, for {why[mode]}")


def _common_region(lines: Lines) -> Iterator[Problem]:
    """One that not every account has would leave those out."""
    region, common = lines.value("Region"), lines.value("CommonRegion")
    known = partitions()
    if not common or common not in known or region not in known:
        return
    if known[common] != known[region]:
        text = f"CommonRegion: {common!r} is of partition {known[common]}, {region} of {known[region]}"
        yield Problem("CommonRegion", text)
    elif common != (right := common_region(common, known[common])):
        text = f"CommonRegion: {common!r} has to be opted into; name one that every account has, such as {right}"
        yield Problem("CommonRegion", text)


def _elsewhere(lines: Lines) -> Iterator[Problem]:
    """ARNs of another partition than the region's; keys of another region than the hub's."""
    region = lines.value("Region")
    partition = partitions().get(region)
    if partition is None:
        return
    for name, value in lines.values.items():
        for arn in (_ARN.match(item.strip()) for item in value.split(",")):
            if arn is None or name not in lines.declared:
                continue
            if arn["partition"] != partition:
                yield Problem(
                    name, f"{name}: {arn.string!r} is of partition {arn['partition']}, {region} of {partition}"
                )
            elif name in _KEYS and arn["region"] != region:
                yield Problem(name, f"{name}: the key is in {arn['region']}, and must be in Region={region}")

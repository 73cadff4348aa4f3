"""docs/permissions.md from the templates: each statement of each role, on what, only if what, and what for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.docs.making.tables import quoted, table
from tests.support.cloudformation import as_list, template

TEMPLATES = ("member-role", "hub", "management")
FOR: Mapping[str, str] = {
    "LetTheHubIn": "only the hub's role gets in, from this organization, with the external id where there is one",
    "LetTheHubNameItsSweep": "CloudTrail here says which sweep did what",
    "ListResources": "reading: what IAM knows no resource of, of each kind in `Kinds`; regions always",
    "ReadInstances": "reading: instances, what their types lose at a stop, volumes for prices, metrics for `idle`",
    "ReadDatabases": "reading",
    "ReadDbClusters": "reading",
    "ReadServices": "reading",
    "ReadNodegroups": "reading",
    "ReadNotebooks": "reading",
    "DiagnoseThisRole": "`doctor`, for kinds without dry runs; without it, it says that it did not check them",
    "StopInstances": "stopping",
    "StopAndStartUnderLicense": "instances under License Manager, of which AWS asks for both",
    "ReadTargetHealth": "`undo --only-failed-health`",
    "StopDatabases": "stopping",
    "StopDbClusters": "stopping",
    "StopGroups": "stopping, which is a size of 0",
    "StopServices": "stopping, and starting: [IAM cannot tell which](security.md#the-last-line-by-iam)",
    "ScaleServices": "suspending and resuming the scaling of services",
    "StopNodegroups": "stopping, and starting: [IAM cannot tell which](security.md#the-last-line-by-iam)",
    "StopNotebooks": "stopping",
    "StopWarehouses": "stopping",
    "StartWhatWasStopped": "undoing a stop: only what carries a mark; rules with `start: everything` need `everything`",
    "MarkWhatWasStopped": "saying on the resource that it was or will be stopped; rules with `action: tag`",
    "LetEc2DecryptVolumes": "starting again what has volumes that are encrypted with keys of your own",
    "NeverStopProtected": "the last line, whatever the code thinks",
    "NeverStopOptedOut": "the last line; what looks like a date may be over, and only the code can tell",
    "NeverStopInstanceStore": "the last line: a stop would erase it",
    "NeverTouchOptOuts": "nobody is opted out, or in, by what stops",
    "NeverChangeLaunchTemplates": "what a group launches is running code",
    "NeverChangeLaunchConfigurations": "the same",
    "LetOperatorsApplyAndUndo": "operators at a terminal",
    "LetOperatorsKeepTheirIdentity": "their own source identity is kept, and persists in the accounts' sessions",
    "AssumeMemberRoles": "reaching the accounts, with the sweep's id as source identity",
    "ListOrganization": "accounts, OUs, opt-outs",
    "AssumeManagementRole": "the tags of all accounts and OUs at once",
    "ListTagsOfAccounts": "the tags of all accounts and OUs at once",
    "ReadPolicyDocument": "the policy, where there is one",
    "ReadActivePolicies": "every policy of the hub: a sweep keeps what another active policy owns too",
    "ReadAndWriteReports": "reports, plans, evidence; the last action ends an upload that broke off",
    "WriteDiagnoses": "what the weekly `doctor` found",
    "TellMissingFromForbidden": "without it S3 says of a missing file that access is denied",
    "KeepLedger": "the ledger, the lease, repeated events",
    "NeverActivatePolicy": "only deploying chooses policy texts and kill switch; only a link's button opts out",
    "ReadKillSwitch": "the kill switch",
    "AnnouncePlans": "mails that ask for approval; also on the topics under `notify` of its policies",
    "ContinueInFreshInvocation": "going on near the time-out",
    "KeepFailedEvents": "events that failed",
    "DiagnoseOrganization": "`doctor`: a missing role from a wrong trust; without it, it says that it cannot tell",
    "DiagnoseRollOut": "`doctor`: the same",
    "DiagnoseTable": "`doctor`: keys and index",
    "DiagnoseTopic": "`doctor`: the topic",
    "SignManifests": "signatures; `verify` at a terminal needs `kms:Verify`",
    "KeepAnchor": "the anchor of the chain of manifests; `verify` at a terminal reads it",
    "EncryptEvidence": "encryption with a key of your own",
    "ReadAndWriteIndex": "the page over all sweeps; it is no evidence",
    "ReadOwnPrices": "your own prices; the hub cannot write them",
    "ReadPriceList": "AWS's price list, whose answers are kept for 14 days",
    "ReadOptOuts": "who opted out by a link; giving and taking back is denied below",
    "SignLinks": "one HMAC of the sweep's id, by which links are signed and checked",
    "KeepOptOuts": "what a link's button records, and nothing else in the table",
    "ReadPolicies": "which sweeps are due",
    "ReadSweeps": "which of them ran",
    "ReadOwnChange": "what was due before the check was deployed like this is not missed",
}
"""What a statement is for, where its name does not say all of it; by its Sid."""
_SHORT = {
    "${AWS::Partition}": "aws",
    "${AWS::AccountId}": "ACCOUNT",
    "${AWS::Region}": "REGION",
    "${AWS::URLSuffix}": "amazonaws.com",
}
_OPERATORS = {
    "ArnEquals": "is",
    "ArnLike": "is like",
    "Bool": "is",
    "NumericEquals": "is",
    "NumericEqualsIfExists": "is, where it is there,",
    "StringEquals": "is",
    "StringLike": "is like",
    "StringNotLike": "is none of",
    "ForAllValues:StringEquals": "are all among",
    "ForAllValues:StringLike": "are all like one of",
    "ForAnyValue:StringLike": "has one like",
}
_MANY = 4
_NO_VALUE = {"Ref": "AWS::NoValue"}


def tables_of(name: str) -> str:
    """A table for each role of that template."""
    return "\n".join(_roles(name))


def sids() -> set[str]:
    """Of every statement that some table shows."""
    return {one["Sid"] for name in TEMPLATES for _, role in _each_role(name) for one, _ in _statements(role)}


def _roles(name: str) -> Iterator[str]:
    conditions = template(name).get("Conditions", {})
    for title, role in _each_role(name):
        yield f"### {title}"
        yield ""
        if "Condition" in role:
            yield f"Only {_when((role['Condition'],), conditions)}."
            yield ""
        header = ("statement, and what for", "may", "on what, and only if")
        yield from table(header, (_row(one, _when(found, conditions)) for one, found in _statements(role)))
        yield ""


def _each_role(name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for title, resource in template(name)["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            yield title, resource


def _statements(node: Any, conditions: tuple[str, ...] = ()) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...]]]:
    """Each with the conditions of the template under which it is there."""
    if isinstance(node, list):
        for one in node:
            yield from _statements(one, conditions)
    elif isinstance(node, dict) and "Sid" in node and "Action" in node:
        yield node, conditions
    elif isinstance(node, dict) and "Fn::If" in node:
        condition, there, otherwise = node["Fn::If"]
        yield from _statements(there, (*conditions, condition))
        yield from _statements(otherwise, (*conditions, f"!{condition}"))
    elif isinstance(node, dict):
        for one in node.values():
            yield from _statements(one, conditions)


def _row(one: Mapping[str, Any], when: str) -> tuple[str, ...]:
    denied = "**never** " if one["Effect"] == "Deny" else ""
    actions = denied + ", ".join(_texts(one["Action"]))
    on = ", ".join(_texts(one["Resource"])) if "Resource" in one else _who(one)
    only_if = list(_only_if(one.get("Condition", {})))
    for_what = FOR.get(one["Sid"], _in_words(one["Sid"]))
    statement = f"`{one['Sid']}`{f', {when}' if when else ''}: {for_what}"
    on_what = f"{on}, if {' and '.join(only_if)}" if only_if else on
    return statement, actions, on_what


def _only_if(node: Mapping[str, Any]) -> Iterator[str]:
    """Each of a statement's conditions; those that a parameter takes away with what it has to be."""
    if "Fn::If" in node:
        name, nothing, otherwise = node["Fn::If"]
        assert nothing == _NO_VALUE, name
        without = _needs({"Condition": name}, template("member-role")["Conditions"]).rpartition(" and with ")[2]
        yield from (f"{one} (not where {without})" for one in _only_if(otherwise))
    else:
        yield from (_condition(*found) for found in node.items())


def _who(one: Mapping[str, Any]) -> str:
    return "by " + ", ".join(_text(who) for whos in one["Principal"].values() for who in as_list(whos))


def _condition(operator: str, keys: Mapping[str, Any]) -> str:
    return " and ".join(f"`{key}` {_compared(operator, value)}" for key, value in keys.items())


def _compared(operator: str, value: Any) -> str:
    """Fails where a template begins to use an operator that has no words here."""
    if operator == "Null":
        return "is there" if value == "false" else "is not there"
    shown = _texts(value)
    more = f" and {len(shown) - _MANY} more of that form" if len(shown) > _MANY else ""
    return f"{_OPERATORS[operator]} {', '.join(shown[:_MANY])}{more}"


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict) and "Fn::Split" in value and "Fn::Join" in value["Fn::Split"][1]:
        value = value["Fn::Split"][1]["Fn::Join"][1]  # joined, so that a list can be a part of a list
    return [*dict.fromkeys(map(_text, as_list(value)))]


def _text(node: Any) -> str:
    """As it is deployed, with names in braces where a parameter or a resource stands."""
    if isinstance(node, dict) and "Fn::If" in node:
        _, *branches = node["Fn::If"]
        return " or ".join(_text(one) for one in branches if one != _NO_VALUE)
    return quoted(_plain(node))


def _plain(node: Any) -> str:
    if not isinstance(node, dict):
        return str(node)
    [(function, argument)] = node.items()
    match function:
        case "Ref":
            return f"{{{argument.removeprefix('AWS::')}}}"
        case "Fn::GetAtt":
            return f"{{{argument[0]}}}"
        case "Fn::Sub" if isinstance(argument, str):
            for long, short in _SHORT.items():
                argument = argument.replace(long, short)
            return re.sub(r"\$\{(\w+)(\.Arn)?\}", r"{\1}", argument)
        case "Fn::Split" | "Fn::Join":
            return _plain(argument[1])
        case _:
            return json.dumps(node)


def _when(names: tuple[str, ...], conditions: Mapping[str, Any]) -> str:
    """By which parameters it is there, such as `with AnchorName`; empty: always."""
    return " and ".join(_needs({"Condition": one}, conditions) for one in names)


def _needs(node: Mapping[str, Any], conditions: Mapping[str, Any], there: bool = True) -> str:
    """`there`: whether the condition has to hold."""
    match node:
        case {"Condition": str(name)}:
            return _needs(conditions[name.removeprefix("!")], conditions, there is not name.startswith("!"))
        case {"Fn::Not": [one]}:
            return _needs(one, conditions, not there)
        case {"Fn::And": parts} if there:
            return " and ".join(_needs(one, conditions) for one in parts)
        case {"Fn::Equals": [tested, "" | "-"]}:
            return f"{'without' if there else 'with'} {_parameter(tested)}"
        case {"Fn::Equals": [tested, value]}:
            return f"{'with' if there else 'unless'} {_parameter(tested)} = {_text(value)}"
    return f"where `{json.dumps(node)}`{'' if there else ' does not hold'}"


def _parameter(tested: Any) -> str:
    """The parameter that a condition asks about; of a list, joined, or one item of it."""
    if "Fn::Select" in tested:
        return f"`{tested['Fn::Select'][1]['Fn::Split'][0].strip(',')}` in `Kinds`"
    found = tested["Fn::Join"][1] if "Fn::Join" in tested else tested
    return f"`{found['Ref']}`"


def _in_words(sid: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", sid).lower()

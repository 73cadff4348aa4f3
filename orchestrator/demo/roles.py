"""What moto lets pass and IAM does not: roles that do not exist, trust that does not hold, session policies.

Only as much of IAM as the trust policies and session policies around a sweep use; a condition that is not known here
does not hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from moto.iam.models import Role, iam_backends
from moto.organizations.models import organizations_backends
from moto.sts.models import sts_backends

from orchestrator.demo.calls import Answer, Call, account_of

_PARTITION = "aws"
_IAM_NAMES = {"monitoring": "cloudwatch", "tagging": "tag"}
"""Of services that policies do not call by the name that they sign for."""
_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda actual, wanted: actual == wanted,
    "StringNotEquals": lambda actual, wanted: actual != wanted,
    "StringEqualsIgnoreCase": lambda actual, wanted: actual.lower() == wanted.lower(),
    "StringLike": fnmatchcase,
    "StringNotLike": lambda actual, wanted: not fnmatchcase(actual, wanted),
    "ArnEquals": fnmatchcase,
    "ArnLike": fnmatchcase,
}


_SOURCE_IDENTITIES: dict[tuple[str, str], str] = {}
"""Of sessions, by role and session name: moto forgets them."""


def trust_gate(call: Call) -> Answer | None:
    """Refuses AssumeRole as STS does: no such role, closed account, or trust that does not hold for the caller."""
    if call.service != "sts" or call.action != "AssumeRole":
        return None
    role_arn = call.form.get("RoleArn", "")
    role, account_id = _role(role_arn), account_of(role_arn)
    if role is None or _is_closed(account_id) or not _trusts(role, call, "sts:AssumeRole"):
        return _not_authorized(call, "sts:AssumeRole")
    if not _may_be_named(role, call):
        return _not_authorized(call, "sts:SetSourceIdentity")
    _SOURCE_IDENTITIES[role_arn, call.form.get("RoleSessionName", "")] = _source_identity(call)
    return None


def _not_authorized(call: Call, action: str) -> Answer:
    text = (
        f"User: {_principal_arn(call)} is not authorized to perform: {action} on resource: {call.form.get('RoleArn')}"
    )
    return call.refused("AccessDenied", text, 403)


def _may_be_named(role: Role, call: Call) -> bool:
    """A session's source identity persists when it assumes a role, which has to allow it, and cannot be changed."""
    asked, own = call.form.get("SourceIdentity"), _own_source_identity(call)
    if asked and own and asked != own:
        return False
    return not _source_identity(call) or _trusts(role, call, "sts:SetSourceIdentity")


def _source_identity(call: Call) -> str:
    """What the session that is asked for would have."""
    return call.form.get("SourceIdentity") or _own_source_identity(call)


def _own_source_identity(call: Call) -> str:
    session = sts_backends[call.account_id][_PARTITION].get_assumed_role_from_access_key(call.access_key)
    return "" if session is None else _SOURCE_IDENTITIES.get((session.role_arn, session.session_name), "")


def session_policy_gate(call: Call) -> Answer | None:
    """Refuses what the policy given to AssumeRole does not allow: plan mode's sessions may only read.

    For services whose requests name their operation; of REST requests (S3, Lambda) moto alone knows what they ask for.
    """
    if not call.access_key.startswith("ASIA") or call.action.startswith("/"):
        return None
    session = sts_backends[call.account_id][_PARTITION].get_assumed_role_from_access_key(call.access_key)
    action = f"{_IAM_NAMES.get(call.service, call.service)}:{call.action}"
    if session is None or not session.policy or _allows(json.loads(session.policy), action):
        return None
    who = f"User: {session.arn} is not authorized to perform: {action}"
    why = f"because no session policy allows the {action} action"
    if call.service == "ec2":
        text = f"You are not authorized to perform this operation. {who} {why}"
        return call.refused("UnauthorizedOperation", text, 403)
    return call.refused("AccessDenied", f"{who} {why}", 403)


def _role(role_arn: str) -> Role | None:
    roles = iam_backends[account_of(role_arn)][_PARTITION].get_roles()
    return next((role for role in roles if role.arn == role_arn), None)


def _is_closed(account_id: str) -> bool:
    return any(
        account.id == account_id and account.state != "ACTIVE"
        for backends in list(organizations_backends.values())
        for account in backends[_PARTITION].accounts
    )


def _organization_of(account_id: str) -> str:
    for backends in list(organizations_backends.values()):
        backend = backends[_PARTITION]
        if backend.org is not None and any(account.id == account_id for account in backend.accounts):
            return str(backend.org.id)
    return ""


def _principal_arn(call: Call) -> str:
    """The role or user behind the caller's key; keys that were never created stand for the account's root."""
    session = sts_backends[call.account_id][_PARTITION].get_assumed_role_from_access_key(call.access_key)
    if session is not None:
        return str(session.role_arn)
    backend = iam_backends[call.account_id][_PARTITION]
    key = backend.access_keys.get(call.access_key)
    if key is not None and key.role_arn:
        return str(key.role_arn)
    user = backend.get_user_from_access_key_id(call.access_key) if key is not None else None
    return str(user.arn) if user else f"arn:{_PARTITION}:iam::{call.account_id}:root"


def _trusts(role: Role, call: Call, action: str) -> bool:
    context = {
        "aws:principalaccount": call.account_id,
        "aws:principalarn": _principal_arn(call),
        "aws:principalorgid": _organization_of(call.account_id),
        "sts:externalid": call.form.get("ExternalId"),
        "sts:rolesessionname": call.form.get("RoleSessionName"),
        "sts:sourceidentity": _source_identity(call) or None,
    }
    statements = _as_list(json.loads(role.assume_role_policy_document).get("Statement", []))
    fitting = [
        statement
        for statement in statements
        if _any_fits(statement.get("Action"), action)
        and _is_principal(statement.get("Principal"), context)
        and _conditions_hold(statement.get("Condition", {}), context)
    ]
    effects = {statement.get("Effect") for statement in fitting}
    return "Allow" in effects and "Deny" not in effects


def _is_principal(principal: Any, context: Mapping[str, str | None]) -> bool:
    named = _as_list(principal.get("AWS") if isinstance(principal, dict) else principal)
    account = context["aws:principalaccount"]
    return bool({"*", account, f"arn:{_PARTITION}:iam::{account}:root", context["aws:principalarn"]} & set(named))


def _conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str | None]) -> bool:
    """Names of condition keys are the same in capitals and small letters."""
    return all(
        _condition_holds(operator, context.get(key.lower()), _as_list(wanted))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _condition_holds(operator: str, actual: str | None, wanted: list[str]) -> bool:
    name, if_exists = operator.removesuffix("IfExists"), operator.endswith("IfExists")
    if name == "Null":
        return (actual is None) == (str(wanted[0]).lower() == "true")
    test = _OPERATORS.get(name)
    if test is None:
        return False
    if actual is None:
        return if_exists or "Not" in name
    every = all if "Not" in name else any
    return every(test(actual, one) for one in wanted)


def _allows(policy: Mapping[str, Any], action: str) -> bool:
    statements = _as_list(policy.get("Statement", []))
    effects = {one.get("Effect") for one in statements if _any_fits(one.get("Action"), action)}
    return "Allow" in effects and "Deny" not in effects


def _any_fits(patterns: Any, action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in _as_list(patterns))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]

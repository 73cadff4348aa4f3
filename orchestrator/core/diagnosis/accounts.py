"""What keeps one account from being swept, from AWS's answers.

Where AWS gives one answer for two causes, other evidence tells them apart; where there is none, the words say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.core.decide.scope import NAME_THE_REGIONS
from orchestrator.core.diagnosis.checks import (
    CURRENT,
    DRIFTED,
    Area,
    Asked,
    Check,
    CheckStatus,
    Code,
    Enrolment,
    StackInstance,
    refusal_code,
)
from orchestrator.core.model import ALL_REGIONS, Account, AwsError, Coverage, Region, TargetStatus
from orchestrator.core.model.aws_error_codes import (
    DENIED_CODES,
    UNAUTHENTICATED_CODES,
    denied_action,
    is_by_scp,
    lacks_own_permission,
)
from orchestrator.core.policy.schema.scope import RegionScope

_NOT_ACCEPTED = (
    "AWS does not accept these credentials there, new ones neither, and does not say why: compare this machine's clock "
    "with AWS's, and see in the account whether the region is enabled, and not only being enabled"
)
_OF_THE_TRUST = ("sts:SetSourceIdentity", "sts:TagSession")


def left_out(row: Coverage) -> Check | None:
    """For an account that no sweep reads; what the policy excludes is no news."""
    if row.status is TargetStatus.EXCLUDED:
        return None
    if row.status is TargetStatus.SUSPENDED:
        status, code, advice = CheckStatus.WARNING, Code.SUSPENDED, "nothing to do: nothing runs in it"
    else:
        status, code, advice = CheckStatus.FAILED, Code.UNREADABLE, "a sweep would keep everything in it"
    return Check(Area.ACCOUNT, "account", status, code, row.detail, advice, row.account_id, row.account_name)


def role_assumed(account: Account) -> Check:
    """The member role could be assumed."""
    return _of(account, "role", CheckStatus.OK)


def role_refused(account: Account, error: AwsError, enrolment: Enrolment) -> Check:
    """AWS refuses a missing role and a wrong trust in the same words: the StackSet knows which it is, if anything."""
    code, advice = _why_refused(account, error, enrolment)
    detail = f"sts:AssumeRole: {error}"
    if enrolment.instance is not None:
        detail += f"; StackSet {enrolment.stack_set}: {enrolment.instance.text}"
    return _of(account, "role", CheckStatus.FAILED, code, detail, advice)


def _why_refused(account: Account, error: AwsError, enrolment: Enrolment) -> tuple[Code, str]:
    if error.code not in DENIED_CODES:
        return Code.UNREADABLE, "AWS did not say that the role is missing or refuses: try again"
    if is_by_scp(error):
        return Code.SCP, "a service control policy denies it: let the member role's name through"
    missing = denied_action(error, _OF_THE_TRUST)
    if missing:
        return Code.WRONG_TRUST, f"the role is there, but its trust does not allow {missing}: update the StackSet"
    if lacks_own_permission(error, "sts:AssumeRole"):
        return (
            Code.MISSING_PERMISSION,
            "the hub's own identity may not call sts:AssumeRole on that role: allow it there",
        )
    return _by_enrolment(account, enrolment)


def _by_enrolment(account: Account, enrolment: Enrolment) -> tuple[Code, str]:
    both = "no role, or it does not trust this hub"
    if account.is_management:
        advice = "StackSets leave the management account out: create the role there by hand"
        return Code.NO_ROLE_OR_WRONG_TRUST, f"{both}; {advice}"
    if not enrolment.is_known:
        advice = "AWS answers the same for both, and no StackSet can be asked which it is"
        return Code.NO_ROLE_OR_WRONG_TRUST, f"{both} (hub account, organization, external id): {advice}"
    if enrolment.instance is None:
        advice = f"add its OU {account.ou_path} to the targets of the StackSet {enrolment.stack_set}"
        return Code.NOT_ENROLLED, f"{advice}; if it is one and the account is new, wait for the auto-deployment"
    return _by_instance(enrolment.instance)


def _by_instance(instance: StackInstance) -> tuple[Code, str]:
    if instance.status != CURRENT and not instance.has_stack:
        return Code.NO_ROLE, "the StackSet never created a stack there: see its last operation, then deploy it again"
    if instance.status != CURRENT:
        return Code.OUTDATED, "the StackSet's last operation failed there: see its reason, then update the StackSet"
    advice = (
        "by the StackSet the role is there, so its trust does not fit: compare the hub account, the organization and "
        "the external id in it with this hub's"
    )
    if instance.drift == DRIFTED:
        return Code.WRONG_TRUST, f"{advice}; the stack drifted: somebody changed or deleted the role by hand"
    return Code.WRONG_TRUST, f"{advice}; if they fit, it was changed or deleted by hand: detect the StackSet's drift"


def enrolled(account: Account, enrolment: Enrolment) -> Check | None:
    """For an account whose role works: whether the StackSet looks after it, and whether it is as rolled out."""
    instance, name = enrolment.instance, "stack_instance"
    if not enrolment.is_known:
        return None
    if instance is None:
        detail = f"its role works, but the StackSet {enrolment.stack_set} has no instance there"
        advice = f"add its OU {account.ou_path} to the StackSet's targets, so that new versions of the role reach it"
        return _of(account, name, CheckStatus.WARNING, Code.NOT_ENROLLED, detail, advice)
    if instance.status != CURRENT:
        advice = "its role is not the newest: see the StackSet's last operation, then update it again"
        return _of(account, name, CheckStatus.WARNING, Code.OUTDATED, instance.text, advice)
    if instance.drift == DRIFTED:
        advice = "somebody changed the role by hand: undo that, or update the StackSet"
        return _of(account, name, CheckStatus.WARNING, Code.DRIFTED, instance.text, advice)
    return _of(account, name, CheckStatus.OK, detail=instance.text)


def disabled_region(account: Account, region: Region, detail: str, scope: RegionScope) -> Check:
    """One that the policy names is worth a warning; one that a pattern happens to catch is not."""
    status = CheckStatus.WARNING if region in scope.include else CheckStatus.OK
    advice = "nothing can run there; enable the region in that account, or leave it out of the policy"
    return _of(account, "region", status, Code.REGION_DISABLED, detail, advice, region)


def no_regions(account: Account) -> Check:
    """Nothing in the account is swept, as none of its regions is in scope."""
    detail = "none of its regions is in the policy's scope"
    return _of(account, "region", CheckStatus.WARNING, Code.NOT_CHECKED, detail, "nothing of it is swept")


def regions_refused(account: Account, error: AwsError, *, are_named: bool) -> Check:
    """Its regions cannot be listed. A sweep works without the list where the policy names each of its regions."""
    asked = Asked("ec2:DescribeRegions", error, optional=are_named)
    status, code, detail, advice = _permission(asked)
    what = "a sweep reads the regions that the policy names" if are_named else NAME_THE_REGIONS
    return _of(account, asked.action, status, code, detail, f"{advice}; {what}")


def permission(account: Account, region: Region, asked: Asked) -> Check:
    """Whether the member role may do one thing, as far as AWS's answer tells."""
    return replace(_of(account, asked.action, *_permission(asked), region), optional=asked.optional)


def reading(account: Account, region: Region, asked: Asked, kind: str) -> Check:
    """Whether the member role may read a kind in a region; where it may not, the role may have been made without it."""
    check = permission(account, region, asked)
    if check.code is not Code.MISSING_PERMISSION:
        return check
    advice = f"a rule names the kind {kind}: roll the member role out with {kind} in Kinds, or update the StackSet"
    return replace(check, advice=advice)


def not_simulated(
    account: Account, region: Region, kind: str, actions: Sequence[str], why: str, advice: str = ""
) -> Check:
    """In one line: what of a kind has no dry run, and was not asked of the policy simulator either."""
    detail = f"AWS has no dry run for {', '.join(actions)}; {why}"
    return replace(permission(account, region, Asked(f"{kind} (no dry runs)", not_asked=detail)), advice=advice)


def may_not_simulate(error: AwsError) -> tuple[str, str]:
    """Why the policy simulator says nothing in an account, and what to do about it; empty where nobody knows."""
    if error.code in DENIED_CODES:
        return "the member role may not ask IAM's policy simulator", "roll the member role out with PolicySimulation=on"
    return f"IAM's policy simulator: {error}", ""


def permission_to_act(account: Account, region: Region, asked: Asked, *, needed: bool) -> Check:
    """Whether the member role may stop, start, mark or what that takes; it is no failure where nothing is to act."""
    check = permission(account, region, asked)
    if needed or check.code not in (Code.MISSING_PERMISSION, Code.SCP):
        return check
    return replace(
        check, status=CheckStatus.OK, advice="not needed: the hub and the StackSet are deployed to plan only"
    )


def start_scope(account: Account, region: Region, asked: Asked, *, needed: bool) -> Check:
    """Whether the member role starts what carries no mark, as a rule with `start: everything` needs it to."""
    advice = "a rule has `start: everything`: roll the member role out with StartScope=everything"
    return _of_parameter("start_scope", permission_to_act(account, region, asked, needed=needed), advice)


def tag_keys(account: Account, region: Region, asked: Asked, keys: Sequence[str], *, needed: bool) -> Check:
    """Whether the member role writes the tags of rules with `action: tag`."""
    advice = f"rules with `action: tag` write these keys: roll the member role out with TagKeys={','.join(keys)}"
    return _of_parameter("tag_keys", permission_to_act(account, region, asked, needed=needed), advice)


def _of_parameter(name: str, check: Check, advice: str) -> Check:
    """About a parameter of the member role, which says more than the permission that it gives."""
    lacking = check.status is CheckStatus.FAILED and check.code is Code.MISSING_PERMISSION
    return replace(check, name=name, advice=advice if lacking else check.advice)


def _permission(asked: Asked) -> tuple[CheckStatus, Code, str, str]:
    if asked.not_asked:
        return CheckStatus.NOT_CHECKED, Code.NOT_CHECKED, asked.not_asked, ""
    if asked.error is None:
        return CheckStatus.OK, Code.OK, "", ""
    return _refused(asked, asked.error)


def _refused(asked: Asked, error: AwsError) -> tuple[CheckStatus, Code, str, str]:
    refused = CheckStatus.WARNING if asked.optional else CheckStatus.FAILED
    text, code = str(error), refusal_code(error)
    if error.code in UNAUTHENTICATED_CODES:
        return refused, Code.UNREADABLE, text, _NOT_ACCEPTED
    if code is Code.SCP:
        return refused, code, text, "a service control policy forbids it, whatever the role allows: exempt the role"
    if code is Code.MISSING_PERMISSION:
        advice = "the role does not allow it: update the StackSet; or its parameter Mode takes it away on purpose"
        return refused, code, text, advice
    return refused, Code.UNREADABLE, text, "AWS refused for another reason, or did not answer: try again"


def not_asked(account: Account) -> Check:
    """The time was up before its turn came."""
    advice = "at a terminal doctor has no limit of time"
    return _of(account, "account", CheckStatus.NOT_CHECKED, Code.NOT_CHECKED, "not asked: the time was up", advice)


def broken(account: Account, error: AwsError) -> Check:
    """An account that could not be examined because of an unexpected error."""
    return _of(account, "account", CheckStatus.FAILED, Code.UNREADABLE, str(error), "a sweep would not read it")


def _of(
    account: Account,
    name: str,
    status: CheckStatus,
    code: Code = Code.OK,
    detail: str = "",
    advice: str = "",
    region: Region = ALL_REGIONS,
) -> Check:
    return Check(
        Area.ACCOUNT,
        name,
        status,
        code,
        detail,
        advice,
        account.id,
        account.name,
        "" if region == ALL_REGIONS else region,
    )

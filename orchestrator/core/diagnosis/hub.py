"""What the hub lacks for a sweep: identity, organization, the roll-out of the member role, bucket, table, switches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.core.decide.denied_regions import (
    denied_everywhere_text,
    exclude_advice,
    regions_denied_everywhere,
)
from orchestrator.core.diagnosis.checks import (
    CURRENT,
    Area,
    Check,
    CheckStatus,
    Code,
    StackSet,
    TableShape,
    refusal_code,
)
from orchestrator.core.diagnosis.missed import DueSweep
from orchestrator.core.model import AccountId, AwsError, Coverage, NameEffect, Names
from orchestrator.core.model.bulk_tags import BulkTags
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.policy_warnings import policy_warnings
from orchestrator.core.policy.schema.scope import RegionScope

STACK_SETS = "member.org.stacksets.cloudformation.amazonaws.com"
"""What AWS Organizations calls service-managed StackSets."""

_NO_SUCH_STACK_SET = "StackSetNotFoundException"
_KEYS, _INDEX_KEYS = ("PK", "SK"), ("GSI1PK", "GSI1SK")


def ok(name: str, detail: str = "") -> Check:
    """A check of the hub that passed."""
    return Check(Area.HUB, name, CheckStatus.OK, detail=detail)


def refused(name: str, operation: str, error: AwsError, advice: str, *, optional: bool = False) -> Check:
    """One of the hub's own calls that AWS refused."""
    code = refusal_code(error)
    status = CheckStatus.WARNING if optional else CheckStatus.FAILED
    detail = f"{operation}: {error}" if operation else str(error)
    return Check(Area.HUB, name, status, code, detail, advice)


def policy_warned(policy: OrgPolicy) -> Iterator[Check]:
    """A row for each warning of the policy: none of them keeps a sweep from working."""
    for one in policy_warnings(policy):
        detail = f"line {one.line}: {one.path}: {one.message}"
        yield Check(Area.HUB, "policy", CheckStatus.WARNING, Code.POLICY_WARNING, detail)


def not_checked(name: str, detail: str, advice: str = "") -> Check:
    """A check of the hub that was not made; the detail says why."""
    return Check(Area.HUB, name, CheckStatus.NOT_CHECKED, Code.NOT_CHECKED, detail, advice)


def no_organization(text: str) -> Check:
    """The organization cannot be listed, so no sweep is possible."""
    advice = (
        "let this account list it by the organization's resource policy, or register it as a delegated administrator"
    )
    return Check(Area.HUB, "organization", CheckStatus.FAILED, Code.NO_ORGANIZATION_ACCESS, text, advice)


def trusted_access(services: Iterable[str]) -> Check:
    """Whether CloudFormation StackSets may act in the organization."""
    name = "trusted_access"
    if STACK_SETS in services:
        return ok(name, f"{STACK_SETS} is enabled")
    detail = f"organizations:ListAWSServiceAccessForOrganization does not list {STACK_SETS}"
    advice = "in the management account: aws cloudformation activate-organizations-access"
    return Check(Area.HUB, name, CheckStatus.WARNING, Code.NO_TRUSTED_ACCESS, detail, advice)


def delegated_administrator(hub: AccountId, administrators: Iterable[str]) -> Check:
    """Whether the hub account may manage the StackSet for the organization."""
    name = "delegated_administrator"
    if hub in administrators:
        return ok(name, f"{hub} is one for {STACK_SETS}")
    detail = f"organizations:ListDelegatedAdministrators does not list {hub} for {STACK_SETS}"
    advice = (
        "in the management account: aws organizations register-delegated-administrator "
        f"--service-principal {STACK_SETS} --account-id {hub}; or deploy and check the StackSet from there"
    )
    return Check(Area.HUB, name, CheckStatus.WARNING, Code.NOT_DELEGATED, detail, advice)


def stack_set(found: StackSet) -> Check:
    """Whether the StackSet of the member role is there and can be read; how its instances are is in the detail."""
    name = "stack_set"
    if found.error is None:
        behind = sum(one.status != CURRENT for one in found.instances)
        detail = f"{found.name}: {len(found.instances)} instances, {behind or 'none'} of them not {CURRENT}"
        return ok(name, f"{detail}; drift {found.drift or 'NOT_CHECKED'}")
    if found.error.code == _NO_SUCH_STACK_SET:
        advice = "roll the member role out with a StackSet, or name yours in STOP_ORCHESTRATOR_STACK_SET"
        status, code = CheckStatus.WARNING, Code.NO_STACK_SET
    else:
        advice = (
            "without cloudformation:DescribeStackSet and ListStackInstances a missing role and a wrong trust look alike"
        )
        status, code = CheckStatus.NOT_CHECKED, refusal_code(found.error)
    return Check(Area.HUB, name, status, code, f"{found.name}: {found.error}", advice)


def bulk_tags(found: BulkTags | AwsError) -> Check:
    """Whether a sweep gets all tags in one listing; it works without that, more slowly."""
    name = "bulk_tags"
    if isinstance(found, BulkTags):
        return ok(name, f"{len(found.tags)} accounts and OUs have tags")
    advice = (
        "tags of accounts and OUs are read one by one, which is slower and nothing else; `make deploy-management`, "
        "with the management account's credentials, makes what lists them at once"
    )
    return Check(Area.HUB, name, CheckStatus.WARNING, Code.NO_BULK_TAGS, str(found), advice)


def table(name: str, shape: TableShape) -> Check:
    """Whether the table has the ledger's keys and index, and is ready."""
    wrong = []
    if shape.keys != _KEYS:
        wrong.append(f"its keys are {', '.join(shape.keys)}, not {', '.join(_KEYS)}")
    if shape.index_keys != _INDEX_KEYS:
        has = f"has {', '.join(shape.index_keys)}" if shape.index_keys else "is missing"
        wrong.append(
            f"its index GSI1 {has}, not {', '.join(_INDEX_KEYS)}" if shape.index_keys else f"its index GSI1 {has}"
        )
    if wrong:
        advice = "create it as the template does: keys PK and SK, index GSI1 on GSI1PK and GSI1SK, TTL on expires_at"
        return Check(Area.HUB, "table", CheckStatus.FAILED, Code.WRONG_KEYS, f"{name}: {'; '.join(wrong)}", advice)
    if shape.status not in ("ACTIVE", "UPDATING"):
        detail = f"{name}: its status is {shape.status}"
        return Check(Area.HUB, "table", CheckStatus.FAILED, Code.UNREADABLE, detail, "wait until it is ACTIVE")
    return ok("table", name)


def kill_switches(names: Sequence[str], halting: Sequence[str]) -> Check:
    """Whether the kill switches let a sweep begin; `halting` says of each that does not what it says instead."""
    if halting:
        advice = (
            "no sweep begins until it says go: write go into the file, or "
            "aws ssm put-parameter --overwrite --type String --value go --name NAME"
        )
        return Check(Area.HUB, "kill_switch", CheckStatus.FAILED, Code.PULLED, "; ".join(halting), advice)
    if names:
        return ok("kill_switch", f"{' and '.join(names)}: go")
    detail = "there is none: neither STOP_ORCHESTRATOR_KILL_SWITCH nor the table names one"
    advice = "set STOP_ORCHESTRATOR_KILL_SWITCH, or use the table of a hub that was deployed with one"
    return Check(Area.HUB, "kill_switch", CheckStatus.WARNING, Code.NO_KILL_SWITCH, detail, advice)


_ANCHOR_WRITES = "whether ssm:PutParameter is allowed shows at the end of a sweep, which warns where it is not"


def opt_outs_unreadable(detail: str) -> Check:
    """Who opted out by a link cannot be read."""
    advice = (
        "allow dynamodb:Query on the table and its index GSI1 (the hub's template does with OptOutLinks=on): until "
        "then a sweep by this policy stops and starts nothing"
    )
    return Check(Area.HUB, "opt_out_links", CheckStatus.FAILED, Code.UNREADABLE, detail, advice)


def links_unsigned(detail: str) -> Check:
    """The key of the policy's links cannot be used."""
    advice = "check opt_out.links.key, and that kms:GenerateMac is allowed on it: until then messages have no links"
    return Check(Area.HUB, "opt_out_links", CheckStatus.WARNING, Code.UNREADABLE, detail, advice)


def anchor_leads(name: str, sweep_id: str) -> Check:
    """The anchor can be read, and names a manifest of the chain."""
    return ok("anchor", f"{name} names {sweep_id}, to which the chain leads; {_ANCHOR_WRITES}")


def no_anchor_yet(name: str, *, has_sweeps: bool) -> Check:
    """There is nothing to hold against the chain."""
    detail = f"{name} is not there yet; {_ANCHOR_WRITES}"
    advice = "the next sweep that ends makes it"
    if has_sweeps:
        advice += "; where one made it before, somebody removed it: look who, before the next sweep"
    return not_checked("anchor", detail, advice)


def wrong_anchor(name: str, says: str) -> Check:
    """The anchor is there, and no sweep will move it."""
    advice = (
        "stop-orchestrator verify --all says what is missing; where you put back the table yourself, or the name is "
        "that of another hub's anchor, delete the parameter (the file) or set STOP_ORCHESTRATOR_ANCHOR to a new name"
    )
    return Check(Area.HUB, "anchor", CheckStatus.FAILED, Code.WRONG_ANCHOR, f"{name} {says}", advice)


def other_policies(unread: Sequence[str], *, are_held: bool) -> Check:
    """Whether each other active policy can be read as it is active: where not, sweeps are held."""
    if not unread:
        return ok("other_policies", "each other active policy can be read")
    status = CheckStatus.FAILED if are_held else CheckStatus.WARNING
    advice = "let it be read, deploy the hub again with its text, or without it: "
    advice += "every sweep by this policy is held meanwhile" if are_held else "sweeps go by the text of an earlier one"
    return Check(Area.HUB, "other_policies", status, Code.UNREADABLE, "; ".join(unread), advice)


def sweeps(looked: Sequence[DueSweep]) -> Check:
    """Whether each scheduled sweep ran when it was last due."""
    missed = [one.text for one in looked if one.is_missed]
    if missed:
        advice = (
            "look at the schedules in EventBridge Scheduler, the dead letters, and the log of the function that sweeps"
        )
        return Check(Area.HUB, "sweeps", CheckStatus.WARNING, Code.SWEEP_MISSED, "; ".join(missed), advice)
    return ok("sweeps", "; ".join(one.text for one in looked) or "no active policy is swept on a schedule")


def asked_in_time(accounts: int, not_asked: int) -> Check | None:
    """Where the time was up before every account was asked."""
    if not not_asked:
        return None
    detail = (
        f"the time was up: {not_asked} of {accounts} accounts in scope were not asked, and nothing is known of them"
    )
    advice = "ask at a terminal, where doctor has no limit of time"
    return Check(Area.HUB, "accounts", CheckStatus.WARNING, Code.NOT_CHECKED, detail, advice)


def denied_regions(coverage: Iterable[Coverage], scope: RegionScope) -> Check | None:
    """Regions that a service control policy denies in every account, with the line that leaves them out."""
    regions = regions_denied_everywhere(coverage)
    if not regions:
        return None
    text, advice = denied_everywhere_text(regions), exclude_advice(scope, regions)
    return Check(Area.HUB, "regions", CheckStatus.WARNING, Code.SCP, text, advice, has_line=True)


def names_resolved(names: Names) -> Iterator[Check]:
    """Whether every name in the policy is the name of something; a check for each that is not."""
    if not names.unresolved:
        yield ok("names_resolved", "every OU, account and region that the policy names is there")
    for one in names.unresolved:
        status = CheckStatus.WARNING if one.effect is NameEffect.WARNS else CheckStatus.FAILED
        advice = (
            "put what you mean in its place, an OU best by its id alone; "
            "only where names come and go on purpose say `unresolved_names: allow`"
        )
        yield Check(Area.HUB, "names_resolved", status, Code.UNRESOLVED_NAME, one.text, advice)


def names_unknown(why: str) -> Check:
    """What names are held against could not be read: that says nothing of the names."""
    advice = "a sweep fails as long as it cannot be read"
    return Check(Area.HUB, "names_resolved", CheckStatus.FAILED, Code.UNREADABLE, why, advice)


def refused_everywhere(checks: Iterable[Check]) -> Check | None:
    """Where every account refuses, it may as well be the hub that may not ask."""
    roles = [one for one in checks if one.name == "role" and one.area is Area.ACCOUNT]
    refused = {Code.NO_ROLE_OR_WRONG_TRUST, Code.WRONG_TRUST}
    if len(roles) < 2 or any(one.code not in refused for one in roles):  # noqa: PLR2004 - one account shows nothing
        return None
    detail = f"all of the {len(roles)} accounts refuse sts:AssumeRole"
    advice = (
        "look at the hub first: may its own identity call sts:AssumeRole and sts:SetSourceIdentity on that role, "
        "and are STOP_ORCHESTRATOR_MEMBER_ROLE and STOP_ORCHESTRATOR_EXTERNAL_ID what the StackSet rolled out?"
    )
    return Check(Area.HUB, "assume_role", CheckStatus.WARNING, Code.NO_ROLE_OR_WRONG_TRUST, detail, advice)

"""Would a sweep by this policy work? Asks the hub and, in parallel, every account in its scope; changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.decide import scope as targets
from orchestrator.core.decide.known_names import Known
from orchestrator.core.decide.names import resolve_names
from orchestrator.core.diagnosis import accounts as doctor_accounts
from orchestrator.core.diagnosis import hub as doctor_hub
from orchestrator.core.diagnosis.checks import Asked, Check, Diagnosis, StackSet, in_order
from orchestrator.core.model import (
    ALL_REGIONS,
    Account,
    AccountId,
    AwsError,
    Coverage,
    Organization,
    Region,
    TargetStatus,
)
from orchestrator.core.model.aws_error_codes import coverage_of, is_refusal
from orchestrator.core.model.kind import KindDescription
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.doctor.context import (
    DoctorContext,
    PermissionsPort,
    RoleParametersPort,
    SimulatorPort,
)
from orchestrator.errors import LedgerError, OrganizationError
from orchestrator.ports import RegionStatus, TargetUnreadableError
from orchestrator.sweep.names import regions_for
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.read import LIST_REGIONS, list_regions


@dataclass(frozen=True, slots=True)
class _Examined:
    account: Account
    checks: tuple[Check, ...]
    regions: tuple[RegionStatus, ...] = ()
    read: tuple[Coverage, ...] = ()
    """What a sweep would have read of its regions, kind by kind."""
    is_asked: bool = True


def diagnose(context: DoctorContext, policy: OrgPolicy) -> Diagnosis:
    """Every check there is. Without an identity or an organization there are no accounts to look at: it ended."""
    checks: list[Check] = [*doctor_hub.policy_warned(policy)]
    context.progress.phase("Asking the hub")
    hub = _identity(context, checks)
    if hub is None:
        return Diagnosis(tuple(checks), ended=True)
    context.progress.phase("Listing the organization")
    try:
        organization = context.organization.read()
    except OrganizationError as unlisted:
        checks.append(doctor_hub.no_organization(str(unlisted)))
        return Diagnosis((*checks, *_services(context)), ended=True)
    checks.append(doctor_hub.ok("organization", f"{organization.id}: {len(organization.accounts)} accounts"))
    checks += _names(context, policy, organization)
    in_scope = targets.accounts_in_scope(policy.organization, organization)
    checks += _tags(context, in_scope.accounts)
    checks.append(doctor_hub.bulk_tags(context.organization.read_bulk_tags(organization.id)))
    found = _roll_out(context, hub, organization, checks)
    checks += _services(context)
    checks += [check for row in in_scope.left_out if (check := doctor_accounts.left_out(row))]
    examined = _accounts(context, policy, in_scope.accounts, found)
    checks += [check for one in examined for check in one.checks]
    checks += _unlisted_regions(policy, examined)
    everywhere = (
        doctor_hub.asked_in_time(len(examined), sum(not one.is_asked for one in examined)),
        doctor_hub.refused_everywhere(checks),
        doctor_hub.denied_regions((row for one in examined for row in one.read), policy.regions),
    )
    return Diagnosis(in_order([*checks, *(one for one in everywhere if one is not None)]))


# --- the hub ----------------------------------------------------------------------------------------------------------


def _identity(context: DoctorContext, checks: list[Check]) -> AccountId | None:
    try:
        account_id, arn = context.hub.identity()
    except TargetUnreadableError as refusal:
        advice = "set the AWS_* variables or a profile of the hub account, and look at the network"
        checks.append(doctor_hub.refused("identity", refusal.operation, refusal.error, advice))
        return None
    checks.append(doctor_hub.ok("identity", arn))
    return account_id


def _names(context: DoctorContext, policy: OrgPolicy, organization: Organization) -> Iterator[Check]:
    try:
        regions = regions_for(policy, context.partition_regions, context.accounts.hub_regions)
        before = context.earlier_listings(organization.id)
        known = Known(organization, regions, before)
    except (OrganizationError, LedgerError) as failure:
        yield doctor_hub.names_unknown(str(failure))
        return
    yield from doctor_hub.names_resolved(resolve_names(policy, known))


def _tags(context: DoctorContext, accounts: Sequence[Account]) -> Iterator[Check]:
    """Of one account, and of the OUs above it: to read them all takes minutes."""
    if not accounts:
        yield doctor_hub.not_checked("account_tags", "no account is in the policy's scope", "widen the policy")
        return
    tagged = context.organization.read_tags(accounts[:1])[0]
    errors = [tagged.tags_error, *(unit.tags_error for unit in tagged.organizational_units)]
    error = next((one for one in errors if one is not None), None)
    if error is None:
        yield doctor_hub.ok("account_tags", f"read of {tagged.id} and the OUs above it")
        return
    advice = "allow it: where opt-out tags cannot be read, a sweep keeps the whole account"
    yield doctor_hub.refused("account_tags", "organizations:ListTagsForResource", error, advice)


def _roll_out(context: DoctorContext, hub: AccountId, organization: Organization, checks: list[Check]) -> StackSet:
    """How the member role gets into the accounts. A sweep works without it, as long as the roles are there."""
    service, is_management = doctor_hub.STACK_SETS, hub == organization.management_account_id
    checks.append(_optional("trusted_access", lambda: doctor_hub.trusted_access(context.hub.trusted_services())))
    if not is_management:
        checks.append(
            _optional(
                "delegated_administrator",
                lambda: doctor_hub.delegated_administrator(hub, context.hub.delegated_administrators(service)),
            )
        )
    found = context.hub.stack_set(context.stack_set, as_delegated=not is_management)
    checks.append(doctor_hub.stack_set(found))
    return found


def _optional(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except TargetUnreadableError as refusal:
        return doctor_hub.not_checked(name, str(refusal), "allow it to this identity, or ask in the management account")


def _services(context: DoctorContext) -> list[Check]:
    context.progress.phase("Asking the hub's bucket, table and switches")
    return [ask() for ask in context.services]


# --- the accounts -----------------------------------------------------------------------------------------------------


def _accounts(
    context: DoctorContext, policy: OrgPolicy, accounts: Sequence[Account], found: StackSet
) -> list[_Examined]:
    context.progress.phase(f"Checking {len(accounts)} accounts")
    examined: list[_Examined] = []
    with Pool[_Examined](context.workers) as pool:
        for account in accounts:
            pool.submit(_examine, context, policy, account, found)
        for result in pool.results():
            examined.append(result)
            context.progress.accounts(len(examined), len(accounts))
    return examined


def _examine(context: DoctorContext, policy: OrgPolicy, account: Account, found: StackSet) -> _Examined:
    """A thread's boundary: nothing is raised past it."""
    if context.out_of_time():
        return _Examined(account, (doctor_accounts.not_asked(account),), is_asked=False)
    enrolment = found.enrolment(account)
    checks = [doctor_accounts.role_assumed(account)]
    read: list[Coverage] = []
    try:
        with context.accounts.bind(account.id):
            is_enrolled = doctor_accounts.enrolled(account, enrolment)
            checks += [is_enrolled] if is_enrolled else []
            regions, refusal = list_regions(context.accounts, policy)
            if refusal is None:
                checks.append(doctor_accounts.permission(account, ALL_REGIONS, Asked(LIST_REGIONS)))
            else:
                checks.append(doctor_accounts.regions_refused(account, refusal.error, are_named=True))
            checks += _of_regions(context, policy, account, regions, read, acts=context.acts or found.is_to_act)
            return _Examined(account, tuple(checks), regions, tuple(read))
    except TargetUnreadableError as refusal:
        if refusal.operation == "sts:AssumeRole":
            return _Examined(account, (doctor_accounts.role_refused(account, refusal.error, enrolment),))
        if refusal.operation == LIST_REGIONS and is_refusal(refusal.error):
            unlisted = doctor_accounts.regions_refused(account, refusal.error, are_named=False)
            return _Examined(account, (*checks, unlisted))
        asked = Asked(refusal.operation, refusal.error)
        return _Examined(account, (*checks, doctor_accounts.permission(account, ALL_REGIONS, asked)))
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        error = AwsError(type(failure).__name__, str(failure))
        return _Examined(account, (doctor_accounts.broken(account, error),))


def _of_regions(
    context: DoctorContext,
    policy: OrgPolicy,
    account: Account,
    regions: Iterable[RegionStatus],
    read: list[Coverage],
    *,
    acts: bool,
) -> Iterator[Check]:
    """What a sweep would have read is added to `read`."""
    in_scope = [one for one in regions if targets.region_in_scope(policy.regions, one.region)]
    for one in in_scope:
        if not one.enabled:
            yield doctor_accounts.disabled_region(account, one.region, one.detail, policy.regions)
    enabled = [one.region for one in in_scope if one.enabled]
    if not enabled:
        yield doctor_accounts.no_regions(account)
        return
    simulation = _Simulation(context.simulator, account)
    for kind in context.kinds:
        yield from _of_kind(kind, policy, account, enabled, read, simulation, acts=acts)


def _of_kind(
    kind: PermissionsPort,
    policy: OrgPolicy,
    account: Account,
    regions: Sequence[Region],
    read: list[Coverage],
    simulation: _Simulation,
    *,
    acts: bool,
) -> Iterator[Check]:
    """Every region is read; each action is asked for in one, which is where there is something to ask about."""
    samples: dict[Region, str | None] = {}
    done = set()
    for region in regions:
        asked, sample = kind.read(region)
        read.append(_as_coverage(account, region, asked))
        done.add(asked.action)
        yield doctor_accounts.reading(account, region, asked, kind.description.name)
        if asked.error is None:
            samples[region] = sample
    readable = [*samples] or [regions[0]]
    where = next((region for region, sample in samples.items() if sample is not None), readable[0])
    of_any = [(where, asked) for asked in kind.ask(where, samples.get(where))]
    for region, asked in (*of_any, *kind.ask_of_marked(readable)):
        done.add(asked.action)
        yield doctor_accounts.permission_to_act(account, region, asked, needed=acts)
    if isinstance(kind, RoleParametersPort):
        if kind.description.name in policy.everything_kinds:
            region, asked = kind.ask_of_unmarked(readable)
            yield doctor_accounts.start_scope(account, region, asked, needed=acts)
        if keys := policy.tag_keys_of(kind.description.name):
            asked = kind.ask_of_tag_keys(where, samples.get(where), keys)
            yield doctor_accounts.tag_keys(account, where, asked, keys, needed=acts)
    yield from simulation.of(kind.description, where, sorted(kind.description.permissions - done), acts=acts)


@dataclass(slots=True)
class _Simulation:
    """What IAM's policy simulator says of one account's role. Where it may not be asked, it is asked once."""

    simulator: SimulatorPort
    account: Account
    refusal: str = ""
    advice: str = ""
    """What to do about the refusal."""

    def of(self, kind: KindDescription, region: Region, actions: Sequence[str], *, acts: bool) -> Iterator[Check]:
        """Each action on the kind's resources; those on something else are not asked about."""
        service = kind.arn_form.partition(":")[0]
        some = [one for one in actions if one.partition(":")[0] == service]
        found = self._ask(region, kind.arn_form, some) if some else {}
        for action, error in found.items():
            asked, needed = Asked(action, error), acts or action in kind.read_permissions
            yield doctor_accounts.permission_to_act(self.account, region, asked, needed=needed)
        left = [one for one in actions if one not in found]
        if left:
            why = self.refusal or "IAM's policy simulator is not asked about other resources"
            yield doctor_accounts.not_simulated(self.account, region, kind.name, left, why, self.advice)

    def _ask(self, region: Region, arn_form: str, actions: Sequence[str]) -> Mapping[str, AwsError | None]:
        if self.refusal:
            return {}
        try:
            return self.simulator.simulate(self.account.id, region, arn_form, actions)
        except TargetUnreadableError as refusal:
            self.refusal, self.advice = doctor_accounts.may_not_simulate(refusal.error)
            return {}


def _as_coverage(account: Account, region: Region, asked: Asked) -> Coverage:
    scanned = (TargetStatus.SCANNED, "")
    status, detail = coverage_of(asked.error, asked.action) if asked.error is not None else scanned
    return targets.coverage_row(account, region, status, detail, asked.action)


def _unlisted_regions(policy: OrgPolicy, examined: Sequence[_Examined]) -> Iterator[Check]:
    known = {status.region for one in examined for status in one.regions}
    detail = "ec2:DescribeRegions does not list it for this account"
    for one in examined:
        if one.regions:
            for region in targets.unlisted_regions(policy.regions, [each.region for each in one.regions], known):
                yield doctor_accounts.disabled_region(one.account, region, detail, policy.regions)

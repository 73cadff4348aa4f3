"""What a compliance report wants to know: missing tags on what runs, and opt-outs that someone should look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from orchestrator.core.model import ALL_REGIONS, Account, AccountId, Resource, Tags, Violation
from orchestrator.core.model.order import malformed_order
from orchestrator.core.model.remembered import LinkedOptOuts
from orchestrator.core.policy.opt_outs import (
    ANY_OPT_OUT,
    RESOURCE,
    UNIT,
    account_opt_outs,
    opt_out_findings,
    read_linked,
    read_opt_outs,
)
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.required_tags import RequiredTag
from orchestrator.core.policy.schema.governance import OptOutRules

DEFAULT_OWNER_TAG = "Owner"
MALFORMED_ORDER = "malformed_order_tag"
NO_LINKED: LinkedOptOuts = {}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a policy asks of tags."""

    required_tags: Sequence[RequiredTag] = ()
    opt_out: OptOutRules = ANY_OPT_OUT
    owner_tag: str = DEFAULT_OWNER_TAG

    @classmethod
    def by(cls, policy: OrgPolicy) -> Asked:
        """What that one asks."""
        return cls(policy.required_tags, policy.opt_out, policy.owner_tag)


def violations(
    resources: Iterable[Resource],
    accounts: Sequence[Account],
    asked: Asked,
    today: date,
    down: Iterable[Resource] = (),
    linked: LinkedOptOuts = NO_LINKED,
) -> tuple[Violation, ...]:
    """Sorted by account. `accounts` are those in scope, opted out or not; an OU's opt-out counts for each of them.

    `down`: what does not run, of which only the opt-outs are looked at: they spare from a start too. `linked`: what was
    opted out by links.
    """
    by_id = {account.id: account for account in accounts}
    found = [violation for account in accounts for violation in _of_account(account, asked, today)]
    for resource in resources:
        found += _of_resource(resource, by_id, asked, today, linked)
    for resource in down:
        found += _of_resource(resource, by_id, replace(asked, required_tags=()), today, linked)
    return joined(found)


def joined(*found: Iterable[Violation]) -> tuple[Violation, ...]:
    """All of them, in the order of a report."""
    rows = (violation for part in found for violation in part)
    return tuple(
        sorted(rows, key=lambda row: (row.account_id, row.region, row.kind, row.resource_id, row.violation, row.detail))
    )


def owner_of_tags(owner_tag: str, *carriers: Tags) -> str:
    """What the first carrier says that has the tag, and something in it; empty: none has."""
    return next((value for tags in carriers if (value := tags.get(owner_tag, "").strip())), "")


def account_owners(owner_tag: str, accounts: Iterable[Account]) -> dict[str, str]:
    """By account id, of those that their own tags say one of."""
    found = ((one.id, owner_of_tags(owner_tag, one.tags)) for one in accounts)
    return {account_id: owner for account_id, owner in found if owner}


def _of_account(account: Account, asked: Asked, today: date) -> Iterator[Violation]:
    units = {unit.path: unit.tags for unit in account.organizational_units}
    for opt_out in account_opt_outs(account, today):
        source, source_id = opt_out.exemption.source, opt_out.exemption.source_id
        owner = owner_of_tags(asked.owner_tag, units[source_id] if source == UNIT else account.tags)
        for name, detail in opt_out_findings(opt_out, asked.opt_out, today):
            yield Violation(
                account.id,
                ALL_REGIONS,
                source_id,
                name,
                detail,
                carrier=source,
                account_name=account.name,
                owner=owner,
            )


def _of_resource(
    resource: Resource, accounts: Mapping[AccountId, Account], asked: Asked, today: date, linked: LinkedOptOuts
) -> Iterator[Violation]:
    account_id, region = resource.target.account_id, resource.target.region
    account = accounts.get(account_id)
    problems = (one.problem(resource.kind, resource.tags) for one in asked.required_tags)
    found = [one for one in problems if one is not None]
    own = read_opt_outs(resource.tags, RESOURCE, resource.resource_id, today)
    for opt_out in (*own, *read_linked(linked.get(resource.arn, ()), resource.resource_id, today)):
        found += opt_out_findings(opt_out, asked.opt_out, today)
    if wrong := malformed_order(resource.tags):
        found.append((MALFORMED_ORDER, f"{wrong}; it is kept until mended"))
    if not found:
        return
    name, tags = (account.name, account.tags) if account is not None else ("", {})
    owner = owner_of_tags(asked.owner_tag, resource.tags, tags)
    for violation, detail in found:
        yield Violation(
            account_id, region, resource.resource_id, violation, detail, resource.kind, RESOURCE, name, owner
        )

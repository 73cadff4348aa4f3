"""What deciding costs, on one core and with nothing else: 20 rules on 5,000 resources, beside a bare loop.

The bare loop is what a script of thirty lines would do: for each resource the first rule whose tags it has, by plain
dictionaries; no unknown facts, opt-outs, schedules, obstacles, reasons or order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.decide.decisions import decide_all
from orchestrator.core.model import Account, AccountId, Resource
from orchestrator.core.policy.org_policy import OrgPolicy
from tests.support.builders import AT, a_resource, an_account
from tests.support.policies import load

RULES, RESOURCES, ACCOUNTS = 20, 5000, 100
TARGET = 100_000
"""Decisions a second and core."""
_REPEATS = 10
_ENVIRONMENTS = ("dev", "test-1", "prod")
_BARE = tuple[str, Mapping[str, frozenset[str]]]


@dataclass(frozen=True, slots=True)
class Deciding:
    """Seconds of CPU for one resource."""

    decision: float
    bare: float

    @property
    def a_second(self) -> float:
        """Decisions a second and core."""
        return 1 / self.decision

    @property
    def ratio(self) -> float:
        """How many times a bare loop it takes, which holds on a busy machine too."""
        return self.decision / self.bare

    @property
    def text(self) -> str:
        """One line."""
        return (
            f"deciding: {self.a_second:,.0f} decisions a second and core ({RULES} rules, {RESOURCES:,} resources; the "
            f"aim is {TARGET:,}), {self.ratio:.1f} x a bare loop"
        )


def measure_deciding(rules: int = RULES, resources: int = RESOURCES, repeats: int = _REPEATS) -> Deciding:
    """The best of several runs of each, one after the other: what else runs meanwhile only adds."""
    policy, found, accounts = a_policy_of(rules), some_resources(resources, rules), some_accounts()
    bare_rules = [(f"team-{n}", {"Team": frozenset({f"team-{n}"})}) for n in range(rules)]
    decision, bare = [], []
    for _ in range(repeats):
        decision.append(_cpu(lambda: decide_all(policy, found, accounts, AT)))
        bare.append(_cpu(lambda: _bare_loop(bare_rules, found)))
    return Deciding(min(decision) / resources, min(bare) / resources)


def a_policy_of(rules: int) -> OrgPolicy:
    """A rule for each team, and a last one for what no team owns."""
    each = "".join(
        f"  - name: team-{n}\n"
        "    where:\n"
        f"      all: [{{tag: {{Team: team-{n}, Environment: [dev, 'test-*']}}}}, {{not: {{tag: {{Tier: 'crit*'}}}}}}]\n"
        "    schedule: office-hours\n"
        for n in range(rules - 1)
    )
    return load(
        "version: 1\nname: nonprod\n"
        "schedules: {office-hours: {timezone: Europe/Berlin, running: ['mon-fri 07:00-19:00']}}\n"
        f"rules:\n{each}  - {{name: rest, where: {{tag: {{Environment: dev}}}}, schedule: office-hours}}\n"
    )


def some_resources(count: int, teams: int) -> Sequence[Resource]:
    """Of all teams, environments and accounts alike, with five tags each."""
    return [
        a_resource(
            f"i-{number:017x}",
            _account_id(number % ACCOUNTS),
            tags={
                "Name": f"machine-{number}",
                "Team": f"team-{number % teams}",
                "Environment": _ENVIRONMENTS[number % len(_ENVIRONMENTS)],
                "Owner": "ann",
                "CostCenter": "cc-42",
            },
        )
        for number in range(count)
    ]


def some_accounts() -> Mapping[AccountId, Account]:
    found = (an_account(_account_id(number), ou="/Workloads/Dev") for number in range(ACCOUNTS))
    return {account.id: account for account in found}


def _account_id(number: int) -> AccountId:
    return AccountId(f"{number + 1:012d}")


def _bare_loop(rules: Sequence[_BARE], resources: Sequence[Resource]) -> list[tuple[str, str | None]]:
    found = []
    for one in resources:
        owner = None
        for name, wanted in rules:
            if all(one.tags.get(key) in values for key, values in wanted.items()):
                owner = name
                break
        found.append((one.resource_id, owner))
    return found


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began

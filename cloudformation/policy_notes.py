"""What `make deploy-hub` says of the policy that it puts in place, beside what changes."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from orchestrator.core.decide.overlaps import overlaps
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.policy_warnings import policy_warnings


def print_warnings(console: Console, policy: OrgPolicy) -> None:
    """A line for each thing that is valid in it and probably not meant; none of them keeps it from being deployed."""
    for one in policy_warnings(policy):
        text = f"policy {policy.name}, line {one.line}: {one.path}: warning: {one.message}"
        console.print(text, style="yellow", markup=False, soft_wrap=True)


def print_overlaps(console: Console, policies: Sequence[OrgPolicy]) -> None:
    """A line for each two rules of two policies that own the same by their texts: both keep it, so nothing stops it."""
    for one in overlaps(policies):
        (first, rule), (second, other) = (
            (place, policies[place.policy].rules[place.rule].name) for place in (one.one, one.other)
        )
        text = (
            f"policies {policies[first.policy].name} (rule {rule}, line {first.line}) and "
            f"{policies[second.policy].name} (rule {other}, line {second.line}) own the same, such as {one.example}: "
            "both keep it until one of them excludes it"
        )
        console.print(text, style="red", markup=False, soft_wrap=True)

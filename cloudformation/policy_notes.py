"""What `make deploy-hub` says of the policy that it puts in place, beside what changes."""

from __future__ import annotations

from rich.console import Console

from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.policy_warnings import policy_warnings


def print_warnings(console: Console, policy: OrgPolicy) -> None:
    """A line for each thing that is valid in it and probably not meant; none of them keeps it from being deployed."""
    for one in policy_warnings(policy):
        text = f"policy {policy.name}, line {one.line}: {one.path}: warning: {one.message}"
        console.print(text, style="yellow", markup=False, soft_wrap=True)

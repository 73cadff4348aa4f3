"""AWS's refusals to read a target, as coverage: which codes mean a closed door, and which a disabled region."""

from __future__ import annotations

from orchestrator.core.model import AwsError, TargetStatus

DENIED_CODES = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
REGION_DISABLED_CODES = frozenset({"AuthFailure", "OptInRequired"})
_BY_SCP = "service control policy"
"""In both of IAM's sentences: `with an explicit deny in a ...`, and `because no ... allows the action`."""


def coverage_of(error: AwsError, operation: str) -> tuple[TargetStatus, str]:
    """A target's status and its detail, in AWS's own words. What is not known is `failed`."""
    text = f"{operation}: {error}" if operation else str(error)
    if error.code in REGION_DISABLED_CODES:
        return TargetStatus.REGION_DISABLED, text
    if error.code in DENIED_CODES:
        return TargetStatus.DENIED, f"denied by a service control policy; {text}" if is_by_scp(error) else text
    return TargetStatus.FAILED, text


def is_by_scp(error: AwsError) -> bool:
    """Whether the organization forbids it, whatever the role allows."""
    return _BY_SCP in error.message.lower()

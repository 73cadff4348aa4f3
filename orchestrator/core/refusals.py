"""AWS's refusals to read a target, as coverage: which codes mean a closed door, and which a disabled region."""

from __future__ import annotations

from orchestrator.core.model import AwsError, TargetStatus

DENIED_CODES = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
REGION_DISABLED_CODES = frozenset({"AuthFailure", "OptInRequired"})
_BY_SCP = "explicit deny in a service control policy"


def coverage_of(error: AwsError, operation: str) -> tuple[TargetStatus, str]:
    """A target's status and its detail, in AWS's own words. What is not known is `failed`."""
    text = f"{operation}: {error}" if operation else str(error)
    if error.code in REGION_DISABLED_CODES:
        return TargetStatus.REGION_DISABLED, text
    if error.code in DENIED_CODES:
        return TargetStatus.DENIED, f"denied by a service control policy; {text}" if _is_by_scp(error) else text
    return TargetStatus.FAILED, text


def _is_by_scp(error: AwsError) -> bool:
    return _BY_SCP in error.message.lower()

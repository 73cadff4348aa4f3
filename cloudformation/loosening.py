"""Which change of a parameter loosens: something may act more, is watched less, is kept for less long, lets in more.

Every parameter of every template has its line in LOOSENS, a new one too: a test holds it. What is in neither list is a
template of another version, and its changes count as loosening.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Loosens = Callable[[str, str], bool]
"""Whether the change from one value to another, which differ, loosens."""


def neutral(_before: str, _now: str) -> bool:
    """A name, a size or a time: neither value allows more."""
    return False


def any_change(_before: str, _now: str) -> bool:
    """Another one is let in, or is obeyed; which of both is the stricter cannot be known."""
    return True


def removed(before: str, now: str) -> bool:
    """Something that protects or tells is taken away; another one in its place does not loosen."""
    return bool(before) and not now


def removed_or_replaced(before: str, _now: str) -> bool:
    """A limit is taken away, or another takes its place, of which it is not known what it allows."""
    return bool(before)


def less(before: str, now: str) -> bool:
    """Kept for a shorter time, or told later."""
    return not _is_at_most(before, now)


def more(before: str, now: str) -> bool:
    """More may go wrong, or more is done at once."""
    return not _is_at_most(now, before)


def further_items(before: str, now: str) -> bool:
    """More are let in, or more is in reach."""
    return bool(_items(now) - _items(before))


def fewer_items(before: str, now: str) -> bool:
    """Less is protected."""
    return bool(_items(before) - _items(now))


def no_longer_zero(before: str, now: str) -> bool:
    """0 halts everything; the empty text is no limit at all."""
    return before == "0" != now


def towards(*words: str) -> Loosens:
    """From the strictest word to the loosest."""

    def loosens(before: str, now: str) -> bool:
        return before not in words or now not in words or words.index(now) > words.index(before)

    return loosens


LOOSENS: Mapping[str, Loosens] = {
    "AccessLogBucket": removed,
    "AccountsPerBatch": neutral,
    "AlarmEmail": removed,
    "AnchorName": removed,
    "ApproverArns": further_items,
    "Architecture": neutral,
    "CallAs": neutral,
    "CodeBucket": neutral,
    "CodeKey": neutral,
    "CommonRegion": neutral,
    "CoverageAlarmPercent": less,
    "DoctorScheduleExpression": removed,
    "ExternalId": removed,
    "FailureTolerancePercentage": more,
    "FlexibleWindowMinutes": neutral,
    "FunctionName": neutral,
    "HubAccountId": any_change,
    "HubPermissionsBoundaryArn": removed_or_replaced,
    "HubRoleName": any_change,
    "HubRolePath": any_change,
    "KillSwitchInStack": neutral,
    "KillSwitchName": any_change,
    "Kinds": further_items,
    "KmsKeyArn": removed,
    "ListingDelegation": neutral,
    "LogRetentionDays": less,
    "ManagementAccountId": neutral,
    "ManagementPermissionsBoundaryArn": removed_or_replaced,
    "ManagementRoleName": neutral,
    "ManagementRolePath": neutral,
    "MaxConcurrency": neutral,
    "MaxConcurrentPercentage": more,
    "MemberMode": towards("disabled", "plan", "enforce"),
    "MemberRole": neutral,
    "MemorySize": neutral,
    "Mode": towards("plan", "approve", "enforce"),
    "ObjectLockDays": less,
    "ObjectLockMode": towards("COMPLIANCE", "GOVERNANCE", "none"),
    "OperatorArns": further_items,
    "OptOutLinks": towards("off", "on"),
    "OrganizationId": any_change,
    "OrganizationalUnitIds": further_items,
    "PermissionsBoundaryArn": removed_or_replaced,
    "PolicyKey": neutral,
    "PreviewScheduleExpression": neutral,
    "PolicySimulation": towards("off", "on"),
    "Prices": neutral,
    "ReportReaderArns": further_items,
    "ReportRetentionDays": less,
    "ReservedConcurrency": no_longer_zero,
    "RoleName": neutral,
    "RolePath": neutral,
    "Runtime": neutral,
    "ScaleOut": neutral,
    "ScheduleExpression": neutral,
    "ScheduleState": towards("DISABLED", "ENABLED"),
    "ScheduleTimezone": neutral,
    "SigningKeyArn": removed,
    "StackSetName": neutral,
    "StartScope": towards("marked", "everything"),
    "TagKeys": further_items,
    "TagValues": towards("enforce", "report"),
    "TargetIds": fewer_items,
    "TemplateURL": neutral,
    "VolumeKeyArns": further_items,
    "Workers": neutral,
}


def loosens(name: str, before: str, now: str) -> bool:
    """Whether that change of the parameter does."""
    return before != now and LOOSENS.get(name, any_change)(before, now)


def _is_at_most(one: str, other: str) -> bool:
    """Not for what is no number: then nothing can be said of it."""
    try:
        return float(one) <= float(other)
    except ValueError:
        return False


def _items(text: str) -> set[str]:
    return {one.strip() for one in text.split(",")} - {""}

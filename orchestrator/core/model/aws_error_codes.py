"""AWS's refusals, by their codes and, where a code says too little, by AWS's own words: nothing else reads those."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.model import AwsError, TargetStatus

DENIED_CODES = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
UNAUTHENTICATED_CODES = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotSignedUp",
        "OptInRequired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "SubscriptionRequiredException",
        "UnrecognizedClientException",
    }
)
"""AWS does not accept who asks: a region that the account did not opt into, a clock that is wrong, a session token of
the global endpoint, keys that are too new or were revoked, or chance. No code tells which: only DescribeRegions does.
"""
_BY_SCP = "service control policy"
"""In both of IAM's sentences: `with an explicit deny in a ...`, and `because no ... allows the action`."""
_DENIED_BY_SCP = "denied by a service control policy"
_ASSUME = "sts:AssumeRole"
_ASKED_WITH_IT = ("sts:TagSession", "sts:SetSourceIdentity")
_EXPLICITLY = "explicit deny"
_OWN_PERMISSION = "identity-based policy allows the {action}"


def coverage_of(error: AwsError, operation: str) -> tuple[TargetStatus, str]:
    """A target's status and its detail, in AWS's own words. What is not known is `failed`.

    Never one that leaves the coverage: what an account has is said by AWS's listings, and by no refusal.
    """
    text = f"{operation}: {error}" if operation else str(error)
    if error.code in DENIED_CODES:
        return TargetStatus.DENIED, f"{_DENIED_BY_SCP}; {text}" if is_by_scp(error) else text
    return TargetStatus.FAILED, text


def is_refusal(error: AwsError) -> bool:
    """Whether AWS answered and said no to who asks: in another region, or for another action, it may say yes."""
    return error.code in DENIED_CODES or error.code in UNAUTHENTICATED_CODES


def says_denied_by_scp(detail: str) -> bool:
    """Whether this detail of `coverage_of` says that the organization forbids it."""
    return detail.startswith(_DENIED_BY_SCP)


def says_without_role(status: str, detail: str) -> bool:
    """Whether this row of coverage says that the member role is not there, or does not let the hub in: AWS tells no
    difference (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html).

    Not where the organization forbids it, the hub lacks the permission, or the role lets it in without its tags.
    """
    others = (*(f"perform: {one}" for one in _ASKED_WITH_IT), _OWN_PERMISSION.format(action=_ASSUME))
    is_refused = status == TargetStatus.DENIED and detail.startswith(f"{_ASSUME}: ")
    return is_refused and not any(one in detail for one in others)


def is_by_scp(error: AwsError) -> bool:
    """Whether the organization forbids it, whatever the role allows."""
    return _BY_SCP in error.message.lower()


def denied_explicitly(code: str, message: str) -> bool:
    """Whether a policy forbids it by name, which no missing permission does; AWS's code may be quoted in `message`."""
    denied = code in DENIED_CODES or any(f"{one}: " in message for one in DENIED_CODES)
    return denied and _EXPLICITLY in message.lower()


def denied_action(error: AwsError, actions: Sequence[str]) -> str | None:
    """The first of these actions, such as `sts:TagSession`, that AWS says it denied."""
    return next((action for action in actions if f"perform: {action}" in error.message), None)


def lacks_own_permission(error: AwsError, action: str) -> bool:
    """Whether no policy of the caller itself allows the action, whatever the other side allows."""
    return _OWN_PERMISSION.format(action=action) in error.message

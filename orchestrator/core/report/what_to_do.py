"""What a person can do about a refusal or a hole in the coverage: AWS's code or a status in, one sentence out."""

from __future__ import annotations

import re

from orchestrator.core.model import TargetStatus
from orchestrator.core.model.aws_error_codes import DENIED_CODES, UNAUTHENTICATED_CODES, says_without_role

_CODE = re.compile(r"(?:^|[\s;(])([A-Z][A-Za-z]+(?:\.[A-Z][A-Za-z.]+)*)(?=: |$)")
_DENIED = "Allow it in the member role (docs/permissions.md), or find the service control policy that forbids it."
_BY_SCP = "A service control policy forbids it: change that, or exclude the account in the policy."
_THROTTLED = "AWS asked for fewer calls: run it again, when less else asks this account."
_TRANSIENT = "AWS had a fault of its own: run it again; if it stays, look at the AWS Health Dashboard."
_LATER = "It was changing its state: run it again in some minutes."
_BY_CODE = {
    **dict.fromkeys(DENIED_CODES, _DENIED),
    **dict.fromkeys(
        UNAUTHENTICATED_CODES,
        "AWS does not accept who asks: look whether the region is enabled, and whether clocks are right.",
    ),
    **dict.fromkeys(
        ("RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"), _THROTTLED
    ),
    **dict.fromkeys(("InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable"), _TRANSIENT),
    **dict.fromkeys(("IncorrectInstanceState", "IncorrectState", "InvalidDBInstanceState"), _LATER),
    **dict.fromkeys(("InvalidDBClusterStateFault", "InvalidDBInstanceStateFault", "ScalingActivityInProgress"), _LATER),
    "InsufficientInstanceCapacity": "AWS has no room for this type in this zone: try again later, or change its type.",
    "InsufficientHostCapacity": "Its dedicated host has no room: free some on it, or change where it may run.",
    "InstanceLimitExceeded": "The account's quota for this type is used up: raise it under Service Quotas.",
    "VcpuLimitExceeded": "The account's quota of vCPUs is used up: raise it under Service Quotas.",
    "InvalidInstanceID.NotFound": "It is gone: nothing is left to do.",
    "DBInstanceNotFound": "It is gone: nothing is left to do.",
    "OperationNotPermitted": "Stop protection is on, or a service owns it: switch that off, or opt it out by tag.",
    "UnsupportedOperation": "It cannot be stopped as it is, such as by its root device: opt it out by tag.",
    "UnsupportedHibernationConfiguration": "It was not launched for hibernation: use `action: stop` in its rule.",
    "TagLimitExceeded": "It has all the tags that AWS allows, so it cannot be marked: delete one of them.",
    "InvalidKMSKey.InvalidState": "The key of its volumes is disabled or being deleted: enable it.",
    "Client.InvalidKMSKey.InvalidState": "The key of its volumes is disabled or being deleted: enable it.",
    "RegionDisabledException": "The region is not enabled for this account: enable it, or exclude it in the policy.",
    "ExpiredToken": "The credentials ended too early: run it again, or raise the role's session duration.",
    "RequestTimeout": _TRANSIENT,
    "ConnectTimeoutError": "AWS could not be reached: look at the network, and at the endpoint of that region.",
    "EndpointConnectionError": "AWS could not be reached: look at the network, and at the endpoint of that region.",
    "ReadTimeoutError": "AWS did not answer in time: run it again.",
}
_BY_STATUS = {
    TargetStatus.DENIED: _DENIED,
    TargetStatus.FAILED: "Run it again; if it stays, `stop-orchestrator doctor` says more.",
    TargetStatus.NOT_ATTEMPTED: "The sweep ended before its turn: run it again, or give it more time.",
    "unknown": "Nobody could see what came of it: look at it in the console; the next sweep looks again.",
    "not_attempted": "The sweep ended before its turn: run it again.",
    "failed": "Read AWS's words; `stop-orchestrator explain` with its id says more of it.",
}
_WITHOUT_ROLE = "Deploy the member role into the account (`make deploy-members`), or let its trust policy name the hub."


def code_in(text: str) -> str:
    """AWS's code in a text like `ec2:DescribeInstances: UnauthorizedOperation: You are not authorized`; empty: none."""
    known = next((found for found in _CODE.findall(text) if found in _BY_CODE), None)
    return known or next(iter(_CODE.findall(text)), "")


def what_to_do(status: str, code: str, message: str = "") -> str:
    """About an action that came to this, or a target that was not read: one sentence, never empty."""
    if "service control policy" in message.lower() and (code in DENIED_CODES or status == TargetStatus.DENIED):
        return _BY_SCP
    if says_without_role(status, message):
        return _WITHOUT_ROLE
    return _BY_CODE.get(code) or _BY_STATUS.get(status) or _BY_STATUS["failed"]

"""What may go wrong with AWS, as named values: each alone, and all at once. A seed says which calls are hit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from orchestrator.demo.faults import Fault
from orchestrator.demo.front import Front

LATENCY_SECONDS = 0.3
_LIMITED = "Request limit exceeded."


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults that AWS has at once; a call has at most one, so what only delays comes last."""

    name: str
    faults: tuple[Fault, ...] = ()
    dead: tuple[Fault, ...] = ()
    """What befalls one account alone."""
    dead_is: str = ""
    """Its status and detail in the report."""

    @property
    def is_by_chance(self) -> bool:
        return any(fault.share < 1 for fault in self.faults)

    def install(self, front: Front, seed: int, dead_account: str) -> Counter[int]:
        """Gives back how many calls each of its faults hit so far, by its number."""
        hits: Counter[int] = Counter()
        front.faults.seed = seed
        dead = tuple(replace(fault, account=dead_account) for fault in self.dead)
        for number, fault in enumerate((*dead, *self.faults)):
            front.faults.add(replace(fault, effect=lambda _, number=number: hits.update([number])))
        return hits

    def at(self, factor: float) -> tuple[Fault, ...]:
        """Its faults, that much less frequent."""
        return tuple(replace(fault, share=fault.share * factor) for fault in self.faults)


def _of_each_service(codes: dict[str, tuple[str, int]], share: float) -> tuple[Fault, ...]:
    return tuple(
        Fault(code, status=status, operation=f"{service}:*", share=share) for service, (code, status) in codes.items()
    )


THROTTLING = FaultPlan(
    "throttling",
    _of_each_service(
        {
            "ec2": ("RequestLimitExceeded", 503),
            "sts": ("Throttling", 400),
            "organizations": ("TooManyRequestsException", 400),
            "dynamodb": ("ThrottlingException", 400),
            "s3": ("SlowDown", 503),
        },
        share=0.3,
    ),
)
SERVER_ERRORS = FaultPlan(
    "server errors",
    _of_each_service(
        {
            "ec2": ("InternalError", 500),
            "sts": ("InternalFailure", 500),
            "organizations": ("ServiceException", 500),
            "dynamodb": ("InternalServerError", 500),
            "s3": ("InternalError", 500),
        },
        share=0.2,
    ),
)
RESETS = FaultPlan("connection resets", (Fault(hangs_up=True, share=0.2),))
LOST_ANSWERS = FaultPlan("lost answers", (Fault(hangs_up=True, carried_out=True, share=0.2),))
LATENCY = FaultPlan("latency", tuple(Fault(operation=one, delay_seconds=LATENCY_SECONDS) for one in ("ec2:*", "sts:*")))
EXPIRED_TOKENS = FaultPlan(
    "expired tokens",
    (
        Fault("RequestExpired", "Request has expired.", 400, operation="ec2:*", share=0.15),
        Fault("ExpiredToken", "The security token is expired.", 403, operation="ec2:*", share=0.15),
    ),
)
REFUSED_CREDENTIALS = FaultPlan(
    "credentials refused by chance",
    (Fault("AuthFailure", "AWS was not able to validate the provided credentials", 401, operation="ec2:*", share=0.1),),
)
DYNAMODB_THROUGHPUT = FaultPlan(
    "DynamoDB throughput",
    (Fault("ProvisionedThroughputExceededException", "The level is exceeded.", operation="dynamodb:*", share=0.2),),
)
S3_SLOW_DOWN = FaultPlan(
    "S3 slow down", (Fault("SlowDown", "Please reduce your request rate.", 503, operation="s3:*", share=0.3),)
)
DENIED_ACCOUNT = FaultPlan(
    "denied account",
    dead=(Fault("AccessDenied", "not authorized to perform: sts:AssumeRole", 403, operation="sts:AssumeRole"),),
    dead_is="denied sts:AssumeRole: AccessDenied: not authorized to perform: sts:AssumeRole",
)
THROTTLED_ACCOUNT = FaultPlan(
    "throttled account",
    dead=(Fault("RequestLimitExceeded", _LIMITED, 503),),
    dead_is=f"failed sts:AssumeRole: RequestLimitExceeded: {_LIMITED}",
)
EACH = (
    THROTTLING,
    SERVER_ERRORS,
    RESETS,
    LOST_ANSWERS,
    LATENCY,
    EXPIRED_TOKENS,
    REFUSED_CREDENTIALS,
    DYNAMODB_THROUGHPUT,
    S3_SLOW_DOWN,
    DENIED_ACCOUNT,
    THROTTLED_ACCOUNT,
)


ALL_AT_ONCE = FaultPlan(
    "all at once",
    (*(fault for plan in EACH if plan is not LATENCY for fault in plan.at(0.25)), *LATENCY.faults),
    DENIED_ACCOUNT.dead,
    DENIED_ACCOUNT.dead_is,
)

"""The words of the project as frozen values: what one stage of the flow passes to the next."""

from orchestrator.core.model.aws_error import AwsError
from orchestrator.core.model.consent import STANDING_LASTS, ActivePolicy, Consent, ConsentHow
from orchestrator.core.model.coverage import UNREADABLE, Coverage, TargetStatus
from orchestrator.core.model.decision import (
    KEPT_AFTER_ALL,
    Action,
    Decision,
    Decisions,
    Exemption,
    Reason,
    ReasonCode,
    Verdict,
    Violation,
)
from orchestrator.core.model.inventory import Inventory
from orchestrator.core.model.kind import FactWord, KindDescription, OperationRates, Rate
from orchestrator.core.model.organization import (
    ALL_REGIONS,
    Account,
    AccountId,
    Organization,
    OrganizationalUnit,
    Region,
    Tags,
    Target,
)
from orchestrator.core.model.outcome import ABORTING, Halt, HaltCause, Outcome, Outcomes, OutcomeStatus
from orchestrator.core.model.plan import GUARDRAILS_SEAL, ActionCounts, ApprovedPlan, GuardrailResult, HeldPlan, Plan
from orchestrator.core.model.report import Mode, SweepReport, SweepStatus
from orchestrator.core.model.resource import (
    ALL_KINDS,
    Fact,
    Obstacle,
    ObstacleCode,
    Resource,
    ResourceKey,
    ResourceState,
)
from orchestrator.core.model.times import time_text

__all__ = [
    "ABORTING",
    "ALL_KINDS",
    "ALL_REGIONS",
    "GUARDRAILS_SEAL",
    "KEPT_AFTER_ALL",
    "STANDING_LASTS",
    "UNREADABLE",
    "Account",
    "AccountId",
    "Action",
    "ActionCounts",
    "ActivePolicy",
    "ApprovedPlan",
    "AwsError",
    "Consent",
    "ConsentHow",
    "Coverage",
    "Decision",
    "Decisions",
    "Exemption",
    "Fact",
    "FactWord",
    "GuardrailResult",
    "Halt",
    "HaltCause",
    "HeldPlan",
    "Inventory",
    "KindDescription",
    "Mode",
    "Obstacle",
    "ObstacleCode",
    "OperationRates",
    "Organization",
    "OrganizationalUnit",
    "Outcome",
    "OutcomeStatus",
    "Outcomes",
    "Plan",
    "Rate",
    "Reason",
    "ReasonCode",
    "Region",
    "Resource",
    "ResourceKey",
    "ResourceState",
    "SweepReport",
    "SweepStatus",
    "Tags",
    "Target",
    "TargetStatus",
    "Verdict",
    "Violation",
    "time_text",
]

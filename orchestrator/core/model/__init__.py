"""The words of the project as frozen values (DESIGN section 2): what one stage of the flow passes to the next."""

from orchestrator.core.model.aws_error import AwsError
from orchestrator.core.model.coverage import UNREADABLE, Coverage, TargetStatus
from orchestrator.core.model.decision import Action, Decision, Exemption, Verdict, Violation
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
from orchestrator.core.model.outcome import ABORTING, Halt, HaltCause, Outcome, OutcomeStatus
from orchestrator.core.model.plan import GUARDRAILS_SEAL, ApprovedPlan, GuardrailResult, HeldPlan, Plan
from orchestrator.core.model.report import Mode, SweepReport, SweepStatus
from orchestrator.core.model.resource import Fact, Resource

__all__ = [
    "ABORTING",
    "ALL_REGIONS",
    "GUARDRAILS_SEAL",
    "UNREADABLE",
    "Account",
    "AccountId",
    "Action",
    "ApprovedPlan",
    "AwsError",
    "Coverage",
    "Decision",
    "Exemption",
    "Fact",
    "GuardrailResult",
    "Halt",
    "HaltCause",
    "HeldPlan",
    "Mode",
    "Organization",
    "OrganizationalUnit",
    "Outcome",
    "OutcomeStatus",
    "Plan",
    "Region",
    "Resource",
    "SweepReport",
    "SweepStatus",
    "Tags",
    "Target",
    "TargetStatus",
    "Verdict",
    "Violation",
]

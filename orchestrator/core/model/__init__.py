"""The words of the project as frozen values: what one stage of the flow passes to the next.

A module of them is imported when one of its words is: making their classes takes 60 ms, and `validate` needs a few.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.core.model.action import Action
    from orchestrator.core.model.aws_error import AwsError
    from orchestrator.core.model.consent import STANDING_LASTS, ActivePolicy, Consent, ConsentHow
    from orchestrator.core.model.coverage import UNREADABLE, Coverage, TargetStatus, coverage_weights
    from orchestrator.core.model.decision import (
        KEPT_AFTER_ALL,
        Decision,
        Decisions,
        Exemption,
        Reason,
        ReasonCode,
        Verdict,
        Violation,
    )
    from orchestrator.core.model.inventory import Inventory
    from orchestrator.core.model.kind import FactWord, KindDescription, LossWord, OperationRates, Rate
    from orchestrator.core.model.listed import Listed, Place, Places
    from orchestrator.core.model.loss import Loss
    from orchestrator.core.model.mode import Mode
    from orchestrator.core.model.names import NO_NAMES, NameEffect, Names, UnresolvedName
    from orchestrator.core.model.narrowing import NOT_NARROWED, Narrowing
    from orchestrator.core.model.opt_out import OptOutStatus, RegisteredOptOut
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
    from orchestrator.core.model.other_policy import OtherPolicy
    from orchestrator.core.model.ou_path import path_names, unit_path
    from orchestrator.core.model.outcome import (
        ABORTING,
        INTENT,
        Halt,
        HaltCause,
        Intent,
        Outcome,
        Outcomes,
        OutcomeStatus,
        Strength,
        strength,
    )
    from orchestrator.core.model.plan import (
        GUARDRAILS_SEAL,
        ActionCounts,
        ApprovedPlan,
        GuardrailResult,
        HeldPlan,
        Plan,
    )
    from orchestrator.core.model.production import ProductionAccount
    from orchestrator.core.model.question import Question
    from orchestrator.core.model.report import SweepReport, SweepStatus, UnseenTagKey
    from orchestrator.core.model.resource import (
        ALL_KINDS,
        Fact,
        Obstacle,
        ObstacleCode,
        Resource,
        ResourceKey,
        ResourceState,
    )
    from orchestrator.core.model.times import ANSWERS_BEHIND_AT_MOST, people_age, people_time, people_time_of, time_text

_WORDS_OF = {
    "action": "Action",
    "aws_error": "AwsError",
    "consent": "STANDING_LASTS ActivePolicy Consent ConsentHow",
    "coverage": "UNREADABLE Coverage TargetStatus coverage_weights",
    "decision": "KEPT_AFTER_ALL Decision Decisions Exemption Reason ReasonCode Verdict Violation",
    "inventory": "Inventory",
    "kind": "FactWord KindDescription LossWord OperationRates Rate",
    "listed": "Listed Place Places",
    "loss": "Loss",
    "mode": "Mode",
    "names": "NO_NAMES NameEffect Names UnresolvedName",
    "narrowing": "NOT_NARROWED Narrowing",
    "opt_out": "OptOutStatus RegisteredOptOut",
    "organization": "ALL_REGIONS Account AccountId Organization OrganizationalUnit Region Tags Target",
    "other_policy": "OtherPolicy",
    "outcome": "ABORTING INTENT Halt HaltCause Intent Outcome Outcomes OutcomeStatus Strength strength",
    "plan": "GUARDRAILS_SEAL ActionCounts ApprovedPlan GuardrailResult HeldPlan Plan",
    "production": "ProductionAccount",
    "question": "Question",
    "report": "SweepReport SweepStatus UnseenTagKey",
    "resource": "ALL_KINDS Fact Obstacle ObstacleCode Resource ResourceKey ResourceState",
    "times": "ANSWERS_BEHIND_AT_MOST people_age people_time people_time_of time_text",
    "ou_path": "path_names unit_path",
}
"""By module, as above, where type checkers and the import contracts see them; tests hold both lists together."""
_MODULE_OF = {word: module for module, words in _WORDS_OF.items() for word in words.split()}


def __getattr__(name: str) -> Any:
    """PEP 562: asked for a word that was not imported yet."""
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    word = globals()[name] = getattr(__import__(f"{__name__}.{module}", fromlist=[name]), name)
    return word


__all__ = [
    "ABORTING",
    "ALL_KINDS",
    "ALL_REGIONS",
    "ANSWERS_BEHIND_AT_MOST",
    "GUARDRAILS_SEAL",
    "INTENT",
    "KEPT_AFTER_ALL",
    "NOT_NARROWED",
    "NO_NAMES",
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
    "Intent",
    "Inventory",
    "KindDescription",
    "Listed",
    "Loss",
    "LossWord",
    "Mode",
    "NameEffect",
    "Names",
    "Narrowing",
    "Obstacle",
    "ObstacleCode",
    "OperationRates",
    "OptOutStatus",
    "Organization",
    "OrganizationalUnit",
    "OtherPolicy",
    "Outcome",
    "OutcomeStatus",
    "Outcomes",
    "Place",
    "Places",
    "Plan",
    "ProductionAccount",
    "Question",
    "Rate",
    "Reason",
    "ReasonCode",
    "Region",
    "RegisteredOptOut",
    "Resource",
    "ResourceKey",
    "ResourceState",
    "Strength",
    "SweepReport",
    "SweepStatus",
    "Tags",
    "Target",
    "TargetStatus",
    "UnresolvedName",
    "UnseenTagKey",
    "Verdict",
    "Violation",
    "coverage_weights",
    "path_names",
    "people_age",
    "people_time",
    "people_time_of",
    "strength",
    "time_text",
    "unit_path",
]

"""What a person is asked before the first action: the plan, whose it is, and all that is told beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.core.model.mode import Mode
from orchestrator.core.model.money import Money
from orchestrator.core.model.organization import AccountId
from orchestrator.core.model.plan import ApprovedPlan, Plan
from orchestrator.core.model.production import ProductionAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Everything that the prompt shows. Times have a time zone."""

    approved: ApprovedPlan
    mode: Mode
    """Enforce, apply or undo."""
    policy_name: str
    policy_sha256: str
    planned_at: datetime
    """When what is asked about was decided: of an apply, the time of the plan that it carries out."""
    asked_at: datetime
    expires_at: datetime
    """From then on nothing is done by an answer, whatever it is."""
    source_sweep_id: str = ""
    """The sweep whose plan is applied, or that is undone."""
    production: tuple[ProductionAccount, ...] = ()
    """Of the accounts in which something would be done, sorted by their ids."""
    money: Money | None = None
    """What the actions save; None: no prices were asked for."""

    @property
    def plan(self) -> Plan:
        """What would be done."""
        return self.approved.plan

    @property
    def age(self) -> timedelta:
        """How old the plan is; never below zero, also where a clock was set back."""
        return max(self.asked_at - self.planned_at, timedelta(0))

    @property
    def account_names(self) -> Mapping[AccountId, str]:
        """By id, of every account that was looked at; of one that AWS names not, an empty text."""
        return {row.account_id: row.account_name for row in self.plan.coverage}

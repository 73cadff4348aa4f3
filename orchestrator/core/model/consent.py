"""Consent: who said that a plan may be acted on, how, and until when. It is recorded, and never lent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from orchestrator.core.model.times import people_time

STANDING_LASTS = timedelta(hours=6)
"""How long the consent of a schedule lasts: for the execution that made the plan, and its hand-overs."""


class ConsentHow(StrEnum):
    """How consent to a plan was given."""

    TYPED = "typed"
    """A person typed the numbers that the plan showed."""
    YES = "--yes"
    APPLY = "apply"
    """A person named the very plan."""
    STANDING = "standing"
    """By the active version of a policy, which only deploying it makes."""


@dataclass(frozen=True, slots=True)
class ActivePolicy:
    """The version of a policy by which schedules may act."""

    policy_sha256: str
    activated_by: str
    activated_at: str
    """ISO 8601, UTC."""
    source: str = ""
    """Where its text is, such as `s3://bucket/policies/nonprod.yaml`; empty where an earlier release activated it."""


@dataclass(frozen=True, slots=True)
class Consent:
    """Recorded after the guardrails passed and before the first intent. Times have a time zone."""

    by: str
    how: ConsentHow
    plan_sha256: str
    policy_sha256: str
    given_at: datetime
    expires_at: datetime

    def refusal(self, plan_sha256: str, policy_sha256: str, now: datetime) -> str:
        """Why it does not cover acting on that plan by that policy text at that time; empty where it does."""
        if self.plan_sha256 != plan_sha256:
            return "the consent is to another plan"
        if self.policy_sha256 != policy_sha256:
            return "the policy text is not the one that was consented to"
        if not self.given_at - _CLOCKS_DIFFER <= now < self.expires_at:
            return f"the consent of {self.by} ({self.how.value}) expired at {people_time(self.expires_at)}"
        return ""


_CLOCKS_DIFFER = timedelta(minutes=5)

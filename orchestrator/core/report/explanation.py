"""The JSON form of an explanation: the same trace as the table shows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from orchestrator.core.decide.explain import Explanation, LimitTrace, OptOutTrace, RuleTrace, ScheduleTrace
from orchestrator.core.model import Verdict, time_text
from orchestrator.core.policy.conditions.trace import ConditionTrace
from orchestrator.core.policy.opt_outs import carrier_of

Row = dict[str, Any]


def explanation_document(found: Explanation) -> Row:
    """Everything in it; null where it does not apply, or is not known."""
    decision = found.decision
    keeps = decision is None or decision.verdict is Verdict.KEEP
    return {
        "resource": {
            **found.key.as_row(),
            "arn": found.arn or None,
            "name": found.name or None,
            "state": found.aws_state or None,
            "account_name": found.account_name,
            "ou_path": found.ou_path,
        },
        "policy": {"name": found.policy_name, "sha256": found.policy_sha256},
        "at": time_text(found.at),
        "sweep_id": found.sweep_id or None,
        "verdict": decision.verdict.value if decision else Verdict.KEEP.value,
        "action": None if keeps or decision is None else decision.action.value,
        "rule": decision.rule if decision else None,
        "reason_code": decision.reason_code.value if decision else None,
        "reason": found.sentence,
        "coverage": _coverage(found),
        "rules": [_rule(one) for one in found.rules],
        "nearest_rule": found.nearest or None,
        "opt_outs": [_opt_out(one) for one in found.opt_outs],
        "obstacle": found.obstacle or None,
        "losses": [
            {"loss": one.text or None, "what": one.what or None, "why_kept": one.why_kept or None}
            for one in found.losses
        ],
        "sizes": dict(found.sizes),
        "other_policies": list(found.others),
        "guardrails": [_limit(one) for one in found.limits],
        "outcome": asdict(found.outcome) if found.outcome else None,
        "held_down_by": found.held_down.sweep_id if found.held_down else None,
        "notes": list(found.notes),
    }


def _coverage(found: Explanation) -> Row | None:
    row = found.coverage
    return None if row is None else {"region": row.region, "status": row.status.value, "detail": row.detail}


def _rule(one: RuleTrace) -> Row:
    return {
        "name": one.name,
        "answer": one.answer.value,
        "kinds": list(one.kinds),
        "condition": _condition(one.condition) if one.condition else None,
        "schedule": _schedule(one.schedule) if one.schedule else None,
        "missed": [{"word": leaf.word, "asked": leaf.asked, "found": dict(leaf.found)} for leaf in one.missed],
    }


def _condition(trace: ConditionTrace) -> Row:
    row: Row = {"word": trace.word, "held": trace.held}
    if trace.parts:
        return {**row, "parts": [_condition(part) for part in trace.parts]}
    return {**row, "asked": trace.asked, "found": dict(trace.found), "unknown": list(trace.unknown)}


def _schedule(one: ScheduleTrace) -> Row:
    local = one.local_time
    return {
        "name": one.name or None,
        "local_time": local.isoformat(timespec="minutes") if local else None,
        "timezone": str(local.tzinfo) if local else None,
        "state": one.state.value if one.state else None,
        "since": time_text(one.since),
        "until": time_text(one.until),
        "unknown": one.unknown or None,
        "source": one.source or None,
        "note": one.note or None,
    }


def _opt_out(one: OptOutTrace) -> Row:
    exemption = one.exemption
    return {
        "carrier": carrier_of(exemption),
        "carrier_id": exemption.source_id,
        "tag": exemption.tag,
        "value": exemption.value,
        "until": exemption.until.isoformat() if exemption.until else None,
        "reason": exemption.reason,
        "spares": one.spares,
        "decides": one.decides,
        "sentence": one.sentence,
    }


def _limit(one: LimitTrace) -> Row:
    return {
        "name": one.name,
        "limit": one.limit,
        "actual": one.actual,
        "passed": one.passed,
        "account_id": one.account_id,
        "detail": one.detail,
    }

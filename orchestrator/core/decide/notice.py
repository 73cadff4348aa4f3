"""Tags instead of a stop: the notice before one, the tags that a rule writes, and what only reports.

A notice is announced by the first sweep that would stop a resource, and the ledger keeps its day; the tag is for
people. An earlier day in it shortens nothing, a later one is honoured for so long, and one that is no day keeps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from orchestrator.core.model import (
    Action,
    Decision,
    Fact,
    Reason,
    ReasonCode,
    Resource,
    ResourceState,
    Tags,
    Verdict,
    Violation,
)
from orchestrator.core.model.marks import STOP_AFTER_TAG
from orchestrator.core.model.remembered import NOTHING_REMEMBERED, Notice, Remembered
from orchestrator.core.model.tagging import tagging_of, with_tagging, without_tagging
from orchestrator.core.policy.opt_outs import RESOURCE
from orchestrator.core.policy.org_policy import Rule

MALFORMED_NOTICE = "malformed_stop_after"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
NOTICE_BY = "notice_by"
"""A fact of a decision: the sweep that announced the stop."""
_FACTS = (NOTICE_BY, "notice_rule", "notice_stop_after")
_STAYS = frozenset(
    {
        ReasonCode.EXEMPT,
        ReasonCode.NOT_RUNNING,
        ReasonCode.STILL_STOPPING,
        ReasonCode.UNKNOWN_CONDITION,
        ReasonCode.UNKNOWN_SCHEDULE,
        ReasonCode.OWNED_BY_TWO_POLICIES,
    }
)
"""Reasons to keep that say nothing about whether a rule with a notice owns it, or that forbid to touch it."""


def tags_of_people(resource: Resource, rule: Rule | None, remembered: Remembered) -> Tags:
    """The resource's tags without the announcement of a stop, where that is, or is about to be, this policy's own.

    Anywhere else a person wrote it, and meant to be spared.
    """
    if STOP_AFTER_TAG not in resource.tags:
        return resource.tags
    has_notice = rule is not None and rule.notice_days is not None
    if not (has_notice or resource.key in remembered.notices):
        return resource.tags
    return {key: value for key, value in resource.tags.items() if key != STOP_AFTER_TAG}


def with_notice_and_tags(
    decision: Decision, rule: Rule | None, remembered: Remembered, today: date, longest: timedelta
) -> Decision:
    """What is done instead of the stop that the rule would be good for; and the end of a notice that is over.

    `longest`: so long after its announcement a later day in the tag puts a stop off.
    """
    notice = remembered.notices.get(decision.resource.key) if remembered.notices else None
    if rule is not None and decision.verdict is Verdict.STOP:
        if rule.notice_days is not None:
            return _announced(decision, rule, rule.notice_days, remembered, today, longest)
        decision = _instead_of_a_stop(decision, rule)
    if notice is None or not _is_withdrawn(decision, rule):
        return decision
    return _withdrawn(decision, notice)


def without_notice(decision: Decision, rule: Rule | None) -> Decision:
    """What is done instead of the stop that the rule would be good for, whatever was announced."""
    return _instead_of_a_stop(decision, rule) if rule is not None and decision.verdict is Verdict.STOP else decision


def planned_notices(planned: Decision) -> Remembered:
    """What the ledger said of the notice when that was planned: its day stays, and no other sweep changes it since."""
    by, rule, stop_after = (planned.facts.get(name) for name in _FACTS)
    if not (isinstance(by, str) and isinstance(rule, str) and isinstance(stop_after, str)):
        return NOTHING_REMEMBERED
    return Remembered(notices={planned.resource.key: Notice(by, rule, date.fromisoformat(stop_after))})


def without_announcements(decisions: Sequence[Decision]) -> Sequence[Decision]:
    """The decisions about resources without the announcements that are this policy's own: those are no opt-outs."""
    if not any(STOP_AFTER_TAG in one.resource.tags for one in decisions):
        return decisions
    return [_bare(one) if _is_announced(one) else one for one in decisions]


def _is_announced(decision: Decision) -> bool:
    """Unless a person's own word spares it."""
    spared_by = decision.exemption.tag if decision.exemption is not None else ""
    return STOP_AFTER_TAG in decision.resource.tags and spared_by != STOP_AFTER_TAG


def _bare(decision: Decision) -> Decision:
    return replace(decision, resource=replace(decision.resource, tags=_without(decision.resource.tags)))


def malformed_notices(decisions: Iterable[Decision]) -> Iterator[Violation]:
    """A line of compliance for each announcement that is no day, and that is kept by it."""
    for one in decisions:
        text = one.resource.tags.get(STOP_AFTER_TAG)
        if one.reason_code is ReasonCode.NOTICE_UNKNOWN and text is not None and _day(text) is None:
            target = one.resource.target
            detail = f"{STOP_AFTER_TAG}={text} is no day like 2026-12-31; it is kept until that is mended"
            yield Violation(
                target.account_id,
                target.region,
                one.resource.resource_id,
                MALFORMED_NOTICE,
                detail,
                one.resource.kind,
                RESOURCE,
            )


def decide_untag(tagged: Resource, fresh: Resource | None, sweep_id: str) -> Decision:
    """Untag or keep for one resource that the sweep tagged, or may have tagged: what a person changed since stays.

    `tagged` is the resource as the ledger knows it, `fresh` as it is now (None: gone).
    """
    tags = tagging_of(tagged.restore)
    there = {key: value for key, value in tags.items() if fresh is not None and fresh.tags.get(key) == value}
    # The ledger forgets what was announced, whatever became of the tag.
    announced: Mapping[str, Fact] = {NOTICE_BY: sweep_id} if STOP_AFTER_TAG in tags else {}
    if fresh is None or fresh.state is ResourceState.GONE:
        return _kept_tags(fresh or tagged, Reason(ReasonCode.GONE, "It is gone."), announced)
    if not there:
        others = {key: fresh.tags[key] for key in tags if key in fresh.tags}
        text = f"It does not have {_listed(tags)} any more"
        text += f": {_listed(others)} is a person's own." if others else "."
        return _kept_tags(fresh, Reason(ReasonCode.CHANGED, text), announced)
    return Decision(
        with_tagging(fresh, Action.UNTAG, there),
        Verdict.UNTAG,
        ReasonCode.TAGGED_BY_SWEEP,
        f"Sweep {sweep_id} wrote {_listed(there)}, and it is as it wrote it.",
        action=Action.UNTAG,
        facts=fresh.facts,
    )


def _kept_tags(resource: Resource, reason: Reason, announced: Mapping[str, Fact]) -> Decision:
    facts = {**resource.facts, **announced}
    return Decision(resource, Verdict.KEEP, reason.code, reason.sentence, action=Action.UNTAG, facts=facts)


def _announced(
    decision: Decision, rule: Rule, days: int, remembered: Remembered, today: date, longest: timedelta
) -> Decision:
    resource = decision.resource
    if remembered.unread:
        text = f"Rule {rule.name} announces a stop first, and whether it did is not known: {remembered.unread}"
        return _kept(decision, Reason(ReasonCode.NOTICE_UNKNOWN, text))
    written = resource.tags.get(STOP_AFTER_TAG)
    tagged = _day(written) if written is not None else None
    if written is not None and tagged is None:
        sentence = f"Its tag {STOP_AFTER_TAG}={written} is no day like 2026-12-31; it is kept until that is mended."
        return _kept(decision, Reason(ReasonCode.NOTICE_UNKNOWN, sentence))
    notice = remembered.notices.get(resource.key)
    if notice is None or notice.rule != rule.name:
        return _first_notice(decision, Notice("", rule.name, today + timedelta(days=days)), tagged, today + longest)
    latest = _announced_on(notice, today) + longest
    until = notice.stop_after if tagged is None else max(notice.stop_after, min(tagged, latest))
    decision = replace(decision, facts={**decision.facts, **_facts(notice)})
    if today > until:
        text = f"{decision.reason.removesuffix('.')}; the notice of its stop ended on {until}."
        return replace(decision, reason=text)
    if tagged is None:
        text = f"Its stop after {notice.stop_after} was announced, and the tag is gone: it is written again."
        return _tagged(
            decision, Reason(ReasonCode.NOTICE_GIVEN, text), {STOP_AFTER_TAG: str(notice.stop_after)}, notice
        )
    text = f"Rule {rule.name} owns it, and announced its stop: it is kept until the end of {until}."
    return _kept(decision, Reason(ReasonCode.NOTICE, text))


def _first_notice(decision: Decision, notice: Notice, tagged: date | None, latest: date) -> Decision:
    """A later day that a person wrote before stays in the tag, and counts until `latest`."""
    later = max(notice.stop_after, tagged) if tagged is not None else notice.stop_after
    until = max(notice.stop_after, min(later, latest))
    text = f"Rule {notice.rule} would stop it, and announces that first: it is kept until the end of {until}."
    return _tagged(decision, Reason(ReasonCode.NOTICE_GIVEN, text), {STOP_AFTER_TAG: str(later)}, notice)


def _instead_of_a_stop(decision: Decision, rule: Rule) -> Decision:
    if rule.action is Action.NOTIFY:
        text = f"Rule {rule.name} owns it, and only reports it."
        return _kept(decision, Reason(ReasonCode.ONLY_REPORTED, text))
    if rule.action is not Action.TAG:
        return decision
    found = decision.resource.tags
    missing = {key: value for key, value in rule.tags.items() if key not in found}
    others = {key: found[key] for key, value in rule.tags.items() if key in found and found[key] != value}
    kept = f" It keeps {_listed(others)}, which is there already." if others else ""
    if missing:
        text = f"Rule {rule.name} owns it, and writes {_listed(missing)}.{kept}"
        return _tagged(decision, Reason(ReasonCode.TAGGED_BY_RULE, text), missing)
    text = f"Rule {rule.name} owns it, and has nothing to write: it has each of the tags.{kept}"
    return _kept(decision, Reason(ReasonCode.HAS_TAGS, text))


def _is_withdrawn(decision: Decision, rule: Rule | None) -> bool:
    """Not while it may still be that a rule with a notice owns it, and not of what goes down."""
    if decision.resource.state not in (ResourceState.RUNNING, ResourceState.STARTING):
        return False
    return decision.reason_code not in _STAYS and (rule is None or rule.notice_days is None)


def _withdrawn(decision: Decision, notice: Notice) -> Decision:
    value = decision.resource.tags.get(STOP_AFTER_TAG, str(notice.stop_after))
    why = decision.reason
    if decision.verdict is not Verdict.KEEP:
        why = f"rule {decision.rule} owns it now, and the next sweep may act on it."
    text = f"Its stop was announced by rule {notice.rule}, which holds no more, so the tag is deleted: {_inside(why)}"
    bare = replace(decision.resource, restore=without_tagging(decision.resource.restore))
    return replace(
        decision,
        resource=with_tagging(bare, Action.UNTAG, {STOP_AFTER_TAG: value}, notice),
        verdict=Verdict.UNTAG,
        action=Action.UNTAG,
        reason_code=ReasonCode.NOTICE_WITHDRAWN,
        reason=text,
        facts={**decision.facts, **_facts(notice)},
    )


def _kept(decision: Decision, reason: Reason) -> Decision:
    return replace(decision, verdict=Verdict.KEEP, reason_code=reason.code, reason=reason.sentence)


def _tagged(decision: Decision, reason: Reason, tags: Tags, notice: Notice | None = None) -> Decision:
    return replace(
        decision,
        resource=with_tagging(decision.resource, Action.TAG, tags, notice),
        verdict=Verdict.TAG,
        action=Action.TAG,
        reason_code=reason.code,
        reason=reason.sentence,
    )


def _facts(notice: Notice) -> Mapping[str, Fact]:
    return dict(zip(_FACTS, (notice.sweep_id, notice.rule, str(notice.stop_after)), strict=True))


def _announced_on(notice: Notice, today: date) -> date:
    """By its sweep's id, which begins with the day in UTC."""
    found = _day(f"{notice.sweep_id[:4]}-{notice.sweep_id[4:6]}-{notice.sweep_id[6:8]}")
    return found if found is not None else today


def _day(text: str) -> date | None:
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _without(tags: Tags) -> Tags:
    return {key: value for key, value in tags.items() if key != STOP_AFTER_TAG}


def _listed(tags: Tags) -> str:
    return " and ".join(f"{key}={value}" for key, value in sorted(tags.items()))


def _inside(sentence: str) -> str:
    return f"{sentence[0].lower()}{sentence[1:]}"

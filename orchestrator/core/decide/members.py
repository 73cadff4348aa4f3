"""What belongs to another resource of the same target, such as an instance to its group, is decided with it.

An owner that is not in the inventory decides nothing: its members are what their kinds say. A stage after `decide_all`,
and again after whatever keeps some of what was decided: it comes to the same, however often it is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from orchestrator.core.model import Decision, ReasonCode, Resource, ResourceKey, ResourceState, Verdict
from orchestrator.core.model.kind import MemberOf
from orchestrator.core.model.tagging import without_tagging
from orchestrator.core.policy.opt_outs import exemption_sentence

Members = Mapping[str, tuple[MemberOf, ...]]
"""By kind, what its resources may belong to (OrgPolicy.members)."""
_ACTS = frozenset({Verdict.STOP, Verdict.START})
_UP = frozenset({ResourceState.RUNNING, ResourceState.STARTING})
_DOWN = frozenset({ResourceState.STOPPING, ResourceState.STOPPED, ResourceState.GONE})


def owner_keys(resource: Resource, members: Members) -> Iterator[ResourceKey]:
    """The owners that its facts name, whether they are there or not."""
    for one in members.get(resource.kind, ()):
        owner_id = resource.facts.get(one.fact)
        if owner_id:
            yield ResourceKey(resource.target.account_id, resource.target.region, one.kind, str(owner_id))


def owner_kinds(members: Members) -> frozenset[str]:
    """The kinds that own something."""
    return frozenset(one.kind for some in members.values() for one in some)


def decide_members(decisions: Sequence[Decision], members: Members) -> tuple[Decision, ...]:
    """The same decisions, each at its place: a member is never acted on by itself where its owner is among them.

    It goes with an owner that is stopped, and says so. Where a member is opted out, its owner is kept: its stop would
    be the member's end.
    """
    owners = _owners(decisions, members)
    if not owners:
        return tuple(decisions)
    found = {**owners, **spared_owners(decisions, members, owners)}
    decided = (found.get(one.resource.key, one) for one in decisions)
    return tuple(_with_its_owner(one, members, found) if one.resource.kind in members else one for one in decided)


def belongs_to_another(decisions: Iterable[Decision], members: Members) -> frozenset[ResourceKey]:
    """The members whose owner is among these decisions: what they run, the owner's units count."""
    decisions = tuple(decisions)
    owners = _owners(decisions, members)
    if not owners:
        return frozenset()
    each = (one.resource for one in decisions if one.resource.kind in members)
    return frozenset(one.key for one in each if any(key in owners for key in owner_keys(one, members)))


def _owners(decisions: Iterable[Decision], members: Members) -> dict[ResourceKey, Decision]:
    kinds = owner_kinds(members)
    return {one.resource.key: one for one in decisions if one.resource.kind in kinds} if kinds else {}


def kinds_of_members(owner_kind: str, members: Members) -> tuple[str, ...]:
    """The kinds whose resources may belong to one of that kind."""
    return tuple(kind for kind, some in members.items() if any(one.kind == owner_kind for one in some))


def spared_owners(
    decisions: Iterable[Decision], members: Members, owners: Mapping[ResourceKey, Decision]
) -> dict[ResourceKey, Decision]:
    """The owners that would be stopped and are kept, as a member of theirs is opted out."""
    found: dict[ResourceKey, Decision] = {}
    for one in decisions:
        if one.exemption is None or one.resource.kind not in members or one.resource.state in _DOWN:
            continue
        for key in owner_keys(one.resource, members):
            owner = owners.get(key)
            if owner is not None and owner.verdict is Verdict.STOP and key not in found:
                why = exemption_sentence(one.exemption)
                text = f"{one.resource.resource_id} belongs to it, would go with it, and is opted out: {why}"
                found[key] = _kept(owner, ReasonCode.EXEMPT, text, exemption=one.exemption)
    return found


def _with_its_owner(decision: Decision, members: Members, owners: Mapping[ResourceKey, Decision]) -> Decision:
    theirs = [owners[key] for key in owner_keys(decision.resource, members) if key in owners]
    if not theirs:
        return decision
    stopped = next(_stopped(theirs, members, owners), None)
    if stopped is not None and (decision.verdict is not Verdict.KEEP or decision.resource.state in _UP):
        text = f"It belongs to the {_named(decision, stopped, members)}, which this sweep stops: it goes with it."
        return _kept(decision, ReasonCode.STOPS_WITH_OWNER, text)
    if decision.verdict in _ACTS or decision.reason_code in (ReasonCode.STOPS_WITH_OWNER, ReasonCode.NOTICE_GIVEN):
        text = f"It belongs to the {_named(decision, theirs[0], members)}, and stops and starts with it only."
        obstacle = decision.resource.obstacle
        return _kept(decision, ReasonCode.OWNED, obstacle.sentence if obstacle is not None else text)
    return decision


def _stopped(
    theirs: Iterable[Decision], members: Members, owners: Mapping[ResourceKey, Decision]
) -> Iterator[Decision]:
    """Of the owners, and first of what those belong to in their turn, what is to be stopped."""
    for one in theirs:
        above = [owners[key] for key in owner_keys(one.resource, members) if key in owners]
        yield from _stopped(above, members, owners)
        if one.verdict is Verdict.STOP:
            yield one


def _named(member: Decision, owner: Decision, members: Members) -> str:
    """`Auto Scaling group web`; of what owns its owner the kind, as its own facts do not name it."""
    kind = owner.resource.kind
    own = {one.kind: one.title for one in members.get(member.resource.kind, ())}
    titles = {one.kind: one.title for some in members.values() for one in some}
    return f"{own.get(kind) or titles.get(kind, kind)} {owner.resource.resource_id}"


def _kept(decision: Decision, code: ReasonCode, reason: str, **fields: object) -> Decision:
    """What it was to be given as tags is not given."""
    resource = decision.resource
    if decision.verdict in (Verdict.TAG, Verdict.UNTAG):
        resource = replace(resource, restore=without_tagging(resource.restore))
    return replace(decision, resource=resource, verdict=Verdict.KEEP, reason_code=code, reason=reason, **fields)  # type: ignore[arg-type]  # fields of a decision

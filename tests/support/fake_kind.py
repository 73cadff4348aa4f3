"""A kind of a FakeWorld: it keeps to the contract of ports.Kind and changes the world's instances."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from orchestrator.core.model import Action, Outcome, OutcomeStatus, Resource, ResourceKey, ResourceState, Target
from orchestrator.core.model.kind import KindDescription
from orchestrator.core.model.marks import STOPPED_BY_TAG
from orchestrator.core.model.measured import Measured
from orchestrator.core.model.metric import MetricSpan
from orchestrator.core.model.price import Billed
from orchestrator.core.model.tagging import tagging_of
from orchestrator.kinds.ec2.act import PROFILE
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.ec2.prices import billed
from orchestrator.kinds.shared.tagging import DONE, recover_tagging
from orchestrator.ports import BatchGuard
from tests.support.builders import in_state

if TYPE_CHECKING:
    from tests.support.fake_world import FakeWorld

_PROMISED = {OutcomeStatus.STOPPED: OutcomeStatus.STOPPING, OutcomeStatus.STARTED: OutcomeStatus.STARTING}
_Actions = Sequence[tuple[Resource, Action]]


@dataclass
class FakeKind:
    """Runs in the account that is bound. AWS's answer to a batch is a promise; what was seen is told at the end."""

    fake: FakeWorld
    description: KindDescription = EC2

    def read(self, target: Target, *, with_stopped: bool = False) -> tuple[Resource, ...]:
        found = self._instances("read", target)
        up = {ResourceState.RUNNING, ResourceState.STARTING}
        return tuple(
            one for one in found.values() if one.state in up or (with_stopped and one.state is ResourceState.STOPPED)
        )

    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        self.fake.before_look(target)
        found = self._instances("look", target)
        return {one: found[one] for one in resource_ids if one in found}

    def failed_health(self, target: Target, resource_ids: Sequence[str]) -> frozenset[str]:
        self._instances("health", target)
        return frozenset(resource_ids)

    def measure(
        self, target: Target, wanted: Sequence[tuple[Resource, Collection[MetricSpan]]]
    ) -> Mapping[str, Measured]:
        ids = [one.resource_id for one, _ in wanted]
        self._instances(f"metrics of {','.join(ids)}", target)
        self._measured(f"{target.account_id} {target.region}")
        found = {one: self._measured(one) for one in ids}
        asked = {one.resource_id: tuple(sorted(spans)) for one, spans in wanted}
        return {
            name: replace(one, read_at=self.fake.at, asked=asked[name])
            for name, one in found.items()
            if one is not None
        }

    def billed(self, target: Target, resources: Sequence[Resource]) -> Mapping[str, Billed]:
        self._instances(f"volumes of {','.join(one.resource_id for one in resources)}", target)
        return {one.resource_id: billed(one, self.fake.volumes.get(one.resource_id, [])) for one in resources}

    def _measured(self, name: str) -> Measured | None:
        found = self.fake.measured.get(name)
        if isinstance(found, Exception):
            raise found
        return found

    def act(self, target: Target, actions: _Actions, sweep_id: str, guard: BatchGuard) -> tuple[Outcome, ...]:
        assert self.fake.bound.account == target.account_id
        outcomes: list[Outcome] = []
        for start in range(0, len(actions), self.fake.batch_size):
            batch = actions[start : start + self.fake.batch_size]
            admitted = {one.resource_id for one in guard.admit([resource for resource, _ in batch])}
            todo = [(resource, action) for resource, action in batch if resource.resource_id in admitted]
            if not todo:
                continue
            self.fake.before_stop(target)
            if guard.may_call():
                answers = self._call(todo, sweep_id)
            else:
                answers = [Outcome(resource, OutcomeStatus.NOT_ATTEMPTED) for resource, _ in todo]
            guard.record_outcomes([_promise(answer) for answer in answers])
            outcomes += answers
        return tuple(outcomes)

    def recover_intents(
        self,
        target: Target,
        intents: Sequence[tuple[Resource, Action, datetime]],
        sweep_id: str,
        marked_after: Collection[ResourceKey] = (),
    ) -> tuple[Outcome, ...]:
        assert sweep_id
        assert {*marked_after} <= {resource.key for resource, _, _ in intents}
        found = self._instances("recover", target)
        outcomes: list[Outcome] = []
        for resource, action, asked_at in intents:
            fresh = found.get(resource.resource_id)
            if fresh is None:
                outcomes.append(Outcome(resource, OutcomeStatus.FAILED, "Gone", "", asked_at, self.fake.at))
            elif action.tags:
                outcomes += recover_tagging(PROFILE, [(resource, action, asked_at)], found, self.fake.at)
            elif fresh.aws_state == _goal(action)[0]:
                outcomes.append(Outcome(resource, _goal(action)[1], "", "", asked_at, self.fake.at))
        return tuple(outcomes)

    def see_starts(self, target: Target, starts: Sequence[Outcome]) -> tuple[Outcome, ...]:
        """Ends as `fake.starts_end` says, by resource id; what is missing there runs by now."""
        self._instances("see", target)
        return tuple(self._seen(one) for one in starts)

    def _seen(self, start: Outcome) -> Outcome:
        status = self.fake.starts_end.get(start.resource.resource_id, OutcomeStatus.STARTED)
        return replace(start, status=status, code="", message="", verified_at=self.fake.at)

    def _call(self, todo: _Actions, sweep_id: str) -> list[Outcome]:
        """One call for the whole batch."""
        verb = todo[0][1].value.replace("hibernate", "stop")
        names = ",".join(resource.resource_id for resource, _ in todo)
        return self.fake.life.does(f"{verb} {names}", lambda: [self._change(*one, sweep_id) for one in todo])

    def _change(self, resource: Resource, action: Action, sweep_id: str) -> Outcome:
        if action.tags:
            return self._tag(resource, action)
        goal = _goal(action)[1]
        status = self.fake.stops.get(resource.resource_id, goal)
        if isinstance(status, Exception):
            raise status
        if status in (goal, _PROMISED[goal]):
            (self.fake.started if action is Action.START else self.fake.stopped).append(resource.resource_id)
            self.fake.change(resource.resource_id, lambda one: self._changed(one, action, sweep_id))
        seen_at = self.fake.at if status not in _PROMISED.values() else None
        return Outcome(resource, status, "", "", self.fake.at, seen_at)

    def _tag(self, resource: Resource, action: Action) -> Outcome:
        goal = DONE[action]
        status = self.fake.stops.get(resource.resource_id, goal)
        if isinstance(status, Exception):
            raise status
        tags = tagging_of(resource.restore)

        def changed(one: Resource) -> Resource:
            left = {key: value for key, value in one.tags.items() if tags.get(key) != value}
            return replace(one, tags={**left, **tags} if action is Action.TAG else left)

        if status is goal:
            self.fake.change(resource.resource_id, changed)
        return Outcome(resource, status, "", "", self.fake.at, self.fake.at)

    def _changed(self, one: Resource, action: Action, sweep_id: str) -> Resource:
        at = self.fake.at
        if action is Action.START:
            tags = {key: value for key, value in one.tags.items() if key != STOPPED_BY_TAG}
            return in_state(one, "running", tags=tags, started_at=at)
        tags = {**one.tags, STOPPED_BY_TAG: sweep_id}
        return in_state(one, "stopped", tags=tags, changed_at=at.replace(microsecond=0))

    def _instances(self, asked: str, target: Target) -> dict[str, Resource]:
        assert self.fake.bound.account == target.account_id
        self.fake.asked.append(f"{asked} {target.account_id} {target.region}")
        found = self.fake.instances(target)
        return {name: one for name, one in found.items() if one.kind == self.description.name}


def _goal(action: Action) -> tuple[str, OutcomeStatus]:
    return ("running", OutcomeStatus.STARTED) if action is Action.START else ("stopped", OutcomeStatus.STOPPED)


def _promise(seen: Outcome) -> Outcome:
    """What AWS answers at once, before anybody looked."""
    status = _PROMISED.get(seen.status)
    return replace(seen, status=status, verified_at=None) if status else seen

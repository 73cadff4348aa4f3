"""A command that is killed at one of its AWS calls and gone on with: what EC2, the ledger and the report say then."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from moto.dynamodb.models import dynamodb_backends

from orchestrator import app
from orchestrator.demo.organization import TABLE
from orchestrator.ledger.lease import Lease
from orchestrator.ledger.records import SWEEPS
from orchestrator.sweep import coordination
from orchestrator.sweep.dead_sweeps import policy_of
from orchestrator.sweep.verify import verify
from tests.support.consent import CONSENTING
from tests.support.crashes.boundaries import Boundary
from tests.support.crashes.scene import Begin, Instances, Scene
from tests.support.crashes.zygote import REGIONS
from tests.support.embedded import MANAGEMENT
from tests.support.processes import until

Differences = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One command, the same begun afresh in this process, and what is to come of it."""

    arguments: tuple[str, ...]
    begin: Begin
    operation: str
    status: str
    outcomes: Mapping[str, str]
    coverage: list[tuple[str, str, str]]
    down: list[str]
    marked: list[str]
    """With the tag of this sweep."""
    reset: Callable[[], object] = lambda: None


class Crashes:
    """One case of one scene, as often as wanted: everything is put back before each of its runs."""

    def __init__(self, scene: Scene, case: Case) -> None:
        self.killed = 0
        self._killed_at: dict[str, str] = {}
        self._scene = scene
        self._case = case
        self._instances = Instances(scene.accounts)
        self._items = dynamodb_backends[MANAGEMENT][REGIONS[0]].tables[TABLE].items
        self._kept = set(self._items)
        self._held = {one: dict(rows) for one, rows in self._items.items() if one.value.startswith("HELD#")}

    def boundaries(self) -> list[Boundary]:
        """Of all its calls, counted in this scene: another one may take a call more or less."""
        code, known = self._run(None)
        assert code in {0, 3, 5}, f"exit code {code}"
        [sweep_id] = self._sweeps() - known
        assert self._differences(sweep_id) == {}, "nothing disturbed it"
        calls = range(1, len(self._scene.victim.operations) + 1)
        return [Boundary(number, after) for number in calls for after in (False, True)]

    def at(self, boundaries: Iterable[Boundary]) -> dict[str, Differences]:
        """By boundary: what is otherwise than undisturbed, once what was killed there was gone on with."""
        found = dict(self._at(boundary) for boundary in boundaries)
        for one in verify(self._scene.hub.store, self._scene.hub.ledger, None, None).broken:
            found.setdefault(self._killed_at.get(one.sweep_id, one.sweep_id), {})[one.file] = one.problem
        return {killed_at: differences for killed_at, differences in found.items() if differences}

    def _at(self, boundary: Boundary) -> tuple[str, Differences]:
        """Where it was killed, and the differences."""
        code, known = self._run(boundary)
        killed_at = self._scene.victim.killed_at
        if code != -signal.SIGKILL:
            return str(boundary), {"not killed, but its exit code": code}
        self.killed += 1
        begun = self._sweeps() - known
        hub = self._scene.later()
        if begun:
            [sweep_id] = begun
            summary = hub.ledger.sweep(sweep_id)
            assert summary is not None
            result = coordination.resume(hub, sweep_id, CONSENTING, policy_of(hub, summary))
            if isinstance(result, coordination.Ended) and result.document["status"] == "abandoned":
                if self._scene.victim.changes:
                    return killed_at, {"changed without consent": self._scene.victim.changes.copy()}
                sweep_id = app.new_sweep_id(app.now())
                result = self._case.begin(self._scene.later(), sweep_id)
        elif self._scene.victim.changes:
            return killed_at, {"changed before it began": self._scene.victim.changes.copy()}
        else:
            sweep_id = app.new_sweep_id(app.now())
            result = self._case.begin(hub, sweep_id)
        if not isinstance(result, coordination.Ended) or result.sweep_id != sweep_id:
            return killed_at, {"not ended": result}
        self._killed_at[sweep_id] = killed_at
        return killed_at, self._differences(sweep_id)

    def _run(self, boundary: Boundary | None) -> tuple[int, set[str]]:
        """The exit code, and the sweeps before."""
        self._instances.put_back()
        self._forget_actions()
        self._case.reset()
        known = self._sweeps()
        self._scene.victim.expect(boundary)
        self._scene.victim.pid.set_result(self._scene.zygote.fork(self._case.arguments, self._scene.environment))
        code = self._scene.zygote.wait()
        until(self._scene.victim.is_quiet)
        return code, known

    def _forget_actions(self) -> None:
        """Those of the runs before, what they held down or let go, and what their listings had: all call alike."""
        for partition in [*self._items]:
            is_new = partition.value.startswith(("SWEEP#", "LISTED#")) and partition not in self._kept
            if is_new or partition.value.startswith("HELD#"):
                del self._items[partition]
        self._items.update({one: dict(rows) for one, rows in self._held.items()})

    def _sweeps(self) -> set[str]:
        """Their ids, from moto's own memory."""
        return {key.value for partition, items in self._items.items() if partition.value == SWEEPS for key in items}

    def _differences(self, sweep_id: str) -> Differences:
        """What is too much, and what is missing."""
        case, found = self._case, self._found(sweep_id)
        expected: dict[str, list[Any]] = {
            "report": [case.status],
            "summary": [case.status],
            "coverage": case.coverage,
            "outcomes": [*case.outcomes.items()],
            "ledger": [*case.outcomes.items()],
            "down": case.down,
            "marked": [(one, sweep_id) for one in case.marked],
            "changed": [one for one, status in case.outcomes.items() if status != "failed"],
            "lease is free": [True],
        }
        counted = {name: (Counter(found[name]), Counter(expected[name])) for name in expected}
        return {
            name: {"too much": got - due, "missing": due - got} for name, (got, due) in counted.items() if got != due
        }

    def _found(self, sweep_id: str) -> dict[str, list[Any]]:
        """In the report, the ledger and EC2; an instance is `changed` as often as AWS carried it out."""
        ledger = self._scene.hub.ledger
        report = json.loads(self._scene.hub.store.read(sweep_id, "report.json"))
        summary = ledger.sweep(sweep_id)
        changes = [ids for operation, ids in self._scene.victim.changes if operation == self._case.operation]
        return {
            "report": [report["status"]],
            "summary": [summary.status] if summary else [],
            "coverage": [(row["account_id"], row["region"], row["status"]) for row in report["coverage"]],
            "outcomes": [(row["resource_id"], row["status"]) for row in report["outcomes"]],
            "ledger": [(one.resource_id, one.status) for one in ledger.actions(sweep_id)],
            "down": self._instances.down(),
            "marked": [*self._instances.marked().items()],
            "changed": [*chain.from_iterable(changes)],
            "lease is free": [self._lease_is_free()],
        }

    def _lease_is_free(self) -> bool:
        """Whether the next sweep can begin, at the latest when a dead one's lease has run out."""
        seen = self._scene.hub.ledger.lease("crash")
        if seen is not None and not seen.held_until:
            return True
        lease = self._scene.later().leases.take_over("crash", "next")
        if isinstance(lease, Lease):
            with lease.held():
                return True
        return False

"""A kind's own AWS in whole sweeps by processes that are killed: the product's engine, guard, ledger and recovery.

A process is killed right after its n-th event, which is a call that changes something at AWS, or a write of the ledger
or of a file; its answer is lost. That is also right before the next event: what lies between changes nothing outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NamedTuple

from orchestrator.core.model import AccountId, Mode, OutcomeStatus, Resource, ResourceState
from orchestrator.core.model.marks import MARKS
from orchestrator.core.report.document import Row, plain_document
from orchestrator.ports import AccountsPort, World
from orchestrator.sweep.run import resume_sweep, run_sweep, undo_sweep
from orchestrator.sweep.undo import UndoFilter
from tests.kinds.contract.harness import EmbeddedAws, Harness, MemoryAws
from tests.support.builders import SWEEP_ID, a_policy, an_account
from tests.support.fake_world import FakeWorld, open_regions
from tests.support.memory_store import Died

UNDO_ID = "20261123T200000Z-000001"
OPTED_OUT = {"stop-orchestrator:opt-out": "true"}
_DOWN = frozenset({OutcomeStatus.STOPPED, OutcomeStatus.STOPPING, OutcomeStatus.ALREADY_STOPPED})
_UP = frozenset({OutcomeStatus.STARTED, OutcomeStatus.ALREADY_RUNNING})
_READS = ("Describe", "Get", "List")


class AsItIs(NamedTuple):
    """All of a resource that a sweep and its undo have to leave as it was."""

    aws_state: str
    tags: dict[str, str]
    restore: dict[str, Any]
    units: int
    beside: object


@dataclass(frozen=True, slots=True)
class _Binding:
    """Accounts of the fake world that the kind's own AWS knows too."""

    accounts: AccountsPort
    aws: Harness

    @contextmanager
    def bind(self, account_id: AccountId) -> Iterator[None]:
        with self.accounts.bind(account_id), self.aws.binding():
            yield

    def __getattr__(self, name: str) -> Any:
        return getattr(self.accounts, name)


class Killed:
    """Three resources of one kind, the last of which is opted out, in a world whose processes die."""

    def __init__(self, aws: Harness) -> None:
        self.aws, self.kind = aws, aws.words.entry.description
        self.fake = FakeWorld(accounts=(an_account(aws.target.account_id),), workers=1, at=aws.now())
        self.fake.regions[aws.target.account_id] = open_regions(aws.target.region)
        aws.changing = self.fake.life.does
        if isinstance(aws, MemoryAws):
            aws.now = lambda: self.fake.at  # type: ignore[method-assign]  # time passes in this world
        if isinstance(aws, EmbeddedAws):
            _hear_calls(aws, self.fake)
        self.ids = [*aws.add(2), *aws.add(1, OPTED_OUT)]
        self.acted, self.spared = self.ids[:2], self.ids[2]
        self.before = self.as_it_is()
        self.deaths = 0

    @property
    def policy(self) -> Any:
        accepts = f", accept: [{', '.join(self.kind.to_accept)}]" if self.kind.to_accept else ""
        return a_policy(f"rules: [{{name: all, kinds: [{self.kind.name}], where: everything{accepts}}}]")

    def looked(self) -> dict[str, Resource]:
        return dict(self.aws.look(*self.ids))

    def as_it_is(self) -> dict[str, AsItIs]:
        return {
            one: AsItIs(found.aws_state, dict(found.tags), dict(found.restore), found.units, self.aws.beside(one))
            for one, found in self.looked().items()
        }

    def sweep(self, dies_after: int | None = None) -> Row:
        """The report of a sweep whose first process dies after so many events, and whose next one resumes it."""
        return self._ended(SWEEP_ID, lambda: run_sweep(self._world(), self.policy, SWEEP_ID, Mode.ENFORCE), dies_after)

    def undo(self, dies_after: int | None = None) -> Row:
        """The same of the undo, some minutes later."""
        self._pass()
        everything = UndoFilter()
        return self._ended(
            UNDO_ID, lambda: undo_sweep(self._world(), self.policy, UNDO_ID, SWEEP_ID, everything), dies_after
        )

    def _ended(self, sweep_id: str, run: Callable[[], tuple[Any, str]], dies_after: int | None) -> Row:
        life = self.fake.life
        life.events.clear()
        life.dies_after = dies_after
        try:
            document, _ = run()
        except Died:
            self.deaths += 1
            life.dies_after = None
            if dies_after is not None and dies_after % 2:
                self._pass()  # else the next process is there at once
            begun = self.fake.ledger.sweep(sweep_id)
            if begun is None:
                document, _ = run()
            elif begun.status == "running":
                document, _ = resume_sweep(self._world(), self.policy, begun)
            else:  # it died after its end was recorded
                return self.fake.written(sweep_id)
        finally:
            life.dies_after = None
        return plain_document(document)

    def _world(self) -> World:
        name, fake = self.kind.name, self.fake
        kinds = {name: self.aws.kind}
        world = replace(fake.world(), kinds=kinds, actors=kinds, sleep=self._pass)
        return replace(world, accounts=_Binding(world.accounts, self.aws))

    def _pass(self, seconds: float = 120.0) -> None:
        """What passes by itself at AWS does."""
        self.fake.at = (
            self.aws.now() if isinstance(self.aws, EmbeddedAws) else self.fake.at + timedelta(seconds=seconds)
        )
        self.aws.settle(*self.ids)

    # --- what has to hold

    def assert_stopped(self, report: Row) -> None:
        """An outcome each, which AWS does not contradict; what is opted out is as it was."""
        self._assert_outcomes(report, _DOWN, SWEEP_ID)
        states = {one: found.state for one, found in self.looked().items()}
        assert {states[one] for one in self.acted} <= {ResourceState.STOPPING, ResourceState.STOPPED}
        assert self.as_it_is()[self.spared] == self.before[self.spared]
        held = self.fake.ledger.held_at(self.aws.target)
        assert {key.resource_id: row.sweep_id for key, row in held.items()} == dict.fromkeys(self.acted, SWEEP_ID)

    def assert_as_before(self, report: Row) -> None:
        """An outcome each; each resource exactly as it was, without marks; nothing holds it down."""
        self._assert_outcomes(report, _UP, UNDO_ID)
        found = self.as_it_is()
        assert found == self.before
        assert not [key for one in found.values() for key in one.tags if key in MARKS]
        assert self.fake.ledger.held_at(self.aws.target) == {}

    def _assert_outcomes(self, report: Row, wanted: frozenset[OutcomeStatus], sweep_id: str) -> None:
        rows: Sequence[Row] = report["outcomes"]
        assert [row["resource_id"] for row in rows] == sorted(self.acted), "one outcome each"
        assert {row["status"] for row in rows} <= wanted, [(row["status"], row["message"]) for row in rows]
        assert {*self.fake.states(sweep_id).values()} <= wanted
        assert sorted(self.fake.states(sweep_id)) == sorted(self.acted)


def _hear_calls(aws: EmbeddedAws, fake: FakeWorld) -> None:
    """Each call that changes something is an event: what it did is there when its process dies."""
    made, heard = aws.clients._get, set[int]()

    def about_to_call(event_name: str, **_: Any) -> None:
        if _is_change(event_name):
            fake.life.does("is it alive?", lambda: False)

    def called(event_name: str, **_: Any) -> None:
        if _is_change(event_name):
            fake.life.does(event_name.rpartition(".")[2], lambda: None)

    def get(role: str, service: str, region: str) -> Any:
        client = made(role, service, region)
        if role == "member" and id(client) not in heard:
            heard.add(id(client))
            client.meta.events.register_first(f"before-send.{service}", about_to_call)
            client.meta.events.register(f"after-call.{service}", called)
        return client

    aws.clients._get = get  # type: ignore[method-assign]  # of these clients alone


def _is_change(event_name: str) -> bool:
    return not event_name.rpartition(".")[2].startswith(_READS)

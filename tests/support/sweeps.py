"""One sweep of the embedded AWS through the product's own wiring, and its report by place, as its readers get it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestrator import app
from orchestrator.aws.clients import Clients, _NarrowLoader
from orchestrator.core.model import ConsentHow, Mode, Question
from orchestrator.core.report.document import document_exit_code, plain_document
from orchestrator.kinds.registry import answers, member_operations
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import Runtime, Stores
from orchestrator.settings import Settings
from orchestrator.sweep import coordination
from tests.support.consent import say_yes
from tests.support.embedded import OrganizationBuilder
from tests.support.policies import load
from tests.support.time import set_time

FRANKFURT, IRELAND, MILAN = "eu-central-1", "eu-west-1", "eu-south-1"
DEV = {"Environment": "dev"}
DEV_RULE = "rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"
Row = dict[str, Any]

# Service models are data: reading them once for all tests saves a third of their time.
_LOADER = _NarrowLoader(member_operations(), answers())


@dataclass(frozen=True, slots=True)
class Swept:
    document: Row
    location: str
    exit_code: int

    @property
    def sweep_id(self) -> str:
        return str(self.document["sweep_id"])

    @property
    def coverage(self) -> dict[tuple[str, str], Row]:
        """By account and region."""
        return {(row["account_id"], row["region"]): row for row in self.document["coverage"]}

    @property
    def decisions(self) -> dict[str, Row]:
        """By instance id."""
        return {row["resource_id"]: row for row in self.document["decisions"]}

    @property
    def outcomes(self) -> dict[str, Row]:
        """By instance id."""
        return {row["resource_id"]: row for row in self.document["outcomes"]}

    def statuses(self) -> dict[tuple[str, str], str]:
        return {place: row["status"] for place, row in self.coverage.items()}


def swept(ended: coordination.Ended) -> Swept:
    return Swept(plain_document(ended.document), ended.location, document_exit_code(ended.document))


@dataclass(slots=True)
class Sweeps:
    """Call it to sweep. Nothing waits between tries, and `slept` has how long each of them would have waited."""

    store: Path
    monkeypatch: pytest.MonkeyPatch
    slept: list[float] = field(default_factory=list)
    while_waiting: Callable[[], object] = lambda: None
    clients: list[Clients] = field(default_factory=list)
    light_path: str = "on"

    def __post_init__(self) -> None:
        set_time(self.monkeypatch, sleep=self._sleep)
        self.monkeypatch.setattr("orchestrator.aws.clients._NarrowLoader", lambda *_: _LOADER)

    def __call__(
        self,
        policy: str = DEV_RULE,
        mode: Mode = Mode.ENFORCE,
        regions: tuple[str, ...] = (FRANKFURT, IRELAND),
        before_stops: Callable[[], object] | None = None,
        while_asked: Callable[[], object] = lambda: None,
        out_of_time: Callable[[], bool] = lambda: False,
        **settings: object,
    ) -> Swept:
        """`while_asked` runs while the prompt is open, `before_stops` once between the last look and the first stop."""

        def confirm(question: Question) -> ConsentHow | None:
            while_asked()
            return say_yes(question)

        if before_stops is not None:
            self._before_the_first_intent(before_stops)

        text = f"version: 1\nname: test\nregions: {{include: [{', '.join(regions)}]}}\n{policy}"
        runtime = Runtime(out_of_time=out_of_time, confirm=confirm)
        hub = self.hub(**settings)
        result = coordination.sweep(hub, load(text), app.new_sweep_id(app.now()), mode, runtime)
        assert isinstance(result, coordination.Ended)
        return swept(result)

    def hub(self, **settings: object) -> Stores:
        """Where its sweeps are remembered; the settings are those of a sweep."""
        here = {"store": self.store} if "report_bucket" not in settings else {}
        made = Settings.from_env({}, **{"workers": 8, "light_path": self.light_path, **here, **settings})
        clients = app.make_clients(made)
        self.clients.append(clients)
        return app.make_stores(made, clients)

    def _before_the_first_intent(self, happens: Callable[[], object]) -> None:
        intend, to_happen, lock = Ledger.intend, [happens], threading.Lock()

        def patched(ledger: Ledger, *arguments: Any, **more: Any) -> Any:
            with lock:
                while to_happen:
                    to_happen.pop()()
            return intend(ledger, *arguments, **more)

        self.monkeypatch.setattr(Ledger, "intend", patched)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.while_waiting()

    def close(self) -> None:
        for clients in self.clients:
            for client in clients._made.values():
                client.close()


def assert_done(swept: Swept, organization: OrganizationBuilder, account: str) -> None:
    """Both regions read, and what was to be stopped is stopped, whatever befell others."""
    statuses = swept.statuses()
    assert [statuses[account, region] for region in (FRANKFURT, IRELAND)] == ["scanned", "scanned"]
    assert organization.down(account, FRANKFURT) == set(organization.described(account, FRANKFURT))


def result(outcome: Row) -> tuple[str, str]:
    return outcome["status"], outcome["code"]

"""How a command looks without a sweep: the moment that it is asked about, and a world in which nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NoReturn

import typer

from orchestrator import app as wiring
from orchestrator.aws.clients import Clients
from orchestrator.cli.console import BAD_USAGE, Format, errors_as_exit_codes, fail, stderr
from orchestrator.cli.interruption import interruptible
from orchestrator.cli.progress import TerminalProgress
from orchestrator.cli.running import show
from orchestrator.core.decide.moments import parse_moment
from orchestrator.core.model import Narrowing
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.document import document_exit_code
from orchestrator.errors import SettingsError
from orchestrator.local.processes import this_user
from orchestrator.ports import Runtime, World
from orchestrator.settings import Settings
from orchestrator.sweep.what_if import plan_for


def moment_of(option: str, text: str, policy: OrgPolicy) -> datetime:
    """By the policy's time zone where it has no offset. Raises SettingsError."""
    try:
        return parse_moment(text, policy.timezone)
    except ValueError as wrong:
        raise SettingsError(f"{option}: {wrong}") from None


def policy_of(settings: Settings, clients: Clients) -> OrgPolicy:
    """Ends the command where none is named. Raises PolicyError and SettingsError."""
    if not settings.policy:
        fail("name a policy: --policy config/policy.yaml, or STOP_ORCHESTRATOR_POLICY", BAD_USAGE)
    return wiring.read_policy(settings.policy, lambda: clients)


@contextmanager
def looking(
    settings: Settings, clients: Clients, policy: OrgPolicy, what: str, kinds: Collection[str] = ()
) -> Iterator[World]:
    """A world whose sessions may only describe, and whose ledger is not written; with a bar, and ended by Ctrl-C.

    `kinds`: what is looked at beside those of the policy.
    """
    progress = TerminalProgress(stderr)
    with interruptible() as interruption, progress.shown():
        runtime = Runtime(
            asked_by=f"{wiring.caller(clients)} ({this_user()})",
            interrupted=interruption.interrupted,
            let_break_in=interruption.let_break_in,
            progress=progress,
        )
        yield wiring.make_looking_world(settings, clients, policy, what, runtime, kinds)


def show_plan_at(settings: Settings, output: Format, text: str, narrowing: Narrowing) -> NoReturn:
    """What a sweep would do at that moment; ends the command with the exit code of such a plan."""
    with errors_as_exit_codes(output):
        clients = wiring.make_clients(settings)
        wiring.check_prices(settings, lambda: clients)
        policy = policy_of(settings, clients)
        at = moment_of("--at", text, policy)
        with looking(settings, clients, policy, "plan-at") as world:
            document = plan_for(world, policy, wiring.new_sweep_id(wiring.now()), at, narrowing)
        show(document, output)
    raise typer.Exit(document_exit_code(document))

"""`doctor --prove`: marks, stops, sees, starts and unmarks one instance that a person names, and shows each call."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn

import typer
from rich.table import Table
from rich.text import Text

from orchestrator import app as wiring
from orchestrator.aws.clients import Clients
from orchestrator.aws.hearing import Answered
from orchestrator.cli.console import (
    BAD_USAGE,
    Format,
    errors_as_exit_codes,
    fail,
    print_json,
    say,
    stderr,
    stdout,
)
from orchestrator.cli.interruption import interruptible
from orchestrator.cli.question import is_answered, what_halts
from orchestrator.cli.running import runtime_of
from orchestrator.core.model import AccountId, ConsentHow, Mode, Question, Region, ResourceKey
from orchestrator.core.policy.one_resource import text_for_one
from orchestrator.errors import SettingsError
from orchestrator.local.processes import this_process
from orchestrator.ports import NoProgress, Runtime, Stores
from orchestrator.settings import Settings
from orchestrator.sweep.coordination import Ended, Result
from orchestrator.sweep.prove import Proof, prove, undo_later

KIND = "ec2"
_INSTANCE = re.compile("i-[0-9a-f]{8}([0-9a-f]{9})?")
_ACCOUNT = re.compile("[0-9]{12}")
_REGION = re.compile("[a-z]{2,}(-[a-z]+)+-[0-9]+")
_CALL, _WHERE, _SECONDS = 53, 14, 7
"""Columns of 80, with two blanks between."""


def instance_of(asked: str, account: str | None, region: str | None) -> ResourceKey:
    """From `i-...` and the two options, or from `account/region/i-...`; a mistake ends the command with exit code 2."""
    parts = asked.split("/")
    if len(parts) == 3:  # noqa: PLR2004 - account, region and id
        account, region, asked = account or parts[0], region or parts[1], parts[2]
    wrong = [
        text
        for text, is_right in (
            (f"--prove: {asked!r} must be an instance's id, such as i-0123456789abcdef0", _INSTANCE.fullmatch(asked)),
            (f"--account: {_said(account)} its account's id, of 12 digits", _ACCOUNT.fullmatch(account or "")),
            (f"--region: {_said(region)} its region, such as eu-central-1", _REGION.fullmatch(region or "")),
        )
        if not is_right
    ]
    if wrong:
        fail(
            "\n".join([*wrong, "or all three as one: --prove 111122223333/eu-central-1/i-0123456789abcdef0"]), BAD_USAGE
        )
    return ResourceKey(AccountId(account or ""), Region(region or ""), KIND, asked)


def _said(value: str | None) -> str:
    return "is missing:" if value is None else f"{value!r} must be"


def prove_instance(settings: Settings, key: ResourceKey, output: Format, *, yes: bool) -> NoReturn:
    """Ends the command with the highest of the three sweeps' exit codes; with 0 only where it was proved."""
    try:
        for mode in (Mode.APPLY, Mode.UNDO):
            settings.refuse_mode(mode)
    except SettingsError as refused:
        fail(str(refused), BAD_USAGE)
    if not yes and not sys.stdin.isatty():
        fail("without a terminal this needs --yes: nobody is there to confirm what would be done", BAD_USAGE)
    calls = _Calls(key, output)
    with interruptible() as interruption, errors_as_exit_codes(output):
        triggered_at = wiring.now()
        clients = wiring.make_clients(settings, calls.hear)
        stores = wiring.make_stores(settings, clients, this_process())
        ask = _asker(settings, stores, key, yes=yes, interrupted=interruption.interrupted)
        runtime = runtime_of(settings, clients, interruption, ask, _Phases(), triggered_at)
        proof = _prove(settings, clients, stores, key, runtime)
        interruption.let_break_in(False)
        with interruption.showing():
            _show(proof, calls, output)
    raise typer.Exit(proof.exit_code)


def _prove(settings: Settings, clients: Clients, stores: Stores, key: ResourceKey, runtime: Runtime) -> Proof:
    source = settings.policy or ""
    whole = wiring.read_policy(source, lambda: clients)
    policy = wiring.load_policy_text(text_for_one(whole, key), source)

    def new_id() -> str:
        return wiring.new_sweep_id(wiring.now())

    look = wiring.make_look(settings, clients, key.kind)
    return prove(stores, policy, key, new_id, runtime, look, wiring.SYSTEM_TIME)


def _asker(
    settings: Settings, stores: Stores, key: ResourceKey, *, yes: bool, interrupted: Callable[[], bool]
) -> Callable[[Question], ConsentHow | None]:
    """One question for the stop and the start: its answer holds for both."""
    given: list[ConsentHow] = [ConsentHow.YES] if yes else []

    def confirm(question: Question) -> ConsentHow | None:
        if interrupted() or [one.resource.key for one in question.plan.actions] != [key]:
            return None
        if not given:
            stderr.print()
            stderr.print(_consequence(key), highlight=False)
            names = wiring.kill_switch_names(settings, stores.ledger)
            stderr.print(what_halts(names), highlight=False, soft_wrap=True)
            if is_answered("Type its id to do that", key.resource_id):
                given.append(ConsentHow.TYPED)
        return next(iter(given), None)

    return confirm


def _consequence(key: ResourceKey) -> str:
    where = f"{key.account_id} {key.region}"
    return f"{key.resource_id} in {where} would be marked, stopped, and then started and unmarked, now."


class _Phases(NoProgress):
    """Plain lines: the calls are shown as they are made, and no bar moves among them."""

    def phase(self, text: str) -> None:
        say(f"{text} ...")


@dataclass
class _Calls:
    """Shows each call with AWS's answer as it comes, and keeps them all."""

    key: ResourceKey
    output: Format
    heard: list[Answered] = field(default_factory=list)

    def hear(self, answered: Answered) -> None:
        self.heard.append(answered)
        if self.output is Format.TABLE:
            if len(self.heard) == 1:
                stdout.print(_row("call, and AWS's answer", "where", "seconds", style="bold"))
            where = f"{self.key.account_id}\n{answered.region}"
            stdout.print(_row(f"{answered.call}\n{_answer(answered)}", where, f"{answered.seconds:.1f}"))

    def rows(self) -> list[dict[str, Any]]:
        return [{**asdict(one), "account_id": str(self.key.account_id)} for one in self.heard]


def _row(call: str, where: str, seconds: str, style: str = "") -> Table:
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=_CALL, overflow="fold")
    row.add_column(width=_WHERE, overflow="fold")
    row.add_column(width=_SECONDS, justify="right")
    row.add_row(Text(call, style=style), Text(where, style=style), Text(seconds, style=style))
    return row


def _answer(answered: Answered) -> str:
    *before, now = answered.states or ("done",)
    said = f"{answered.code}: {answered.message}" if answered.code else now
    lines = [f"  {said}{f', was {before[0]}' if before else ''}"]
    return "\n".join([*lines, *([f"  request {answered.request_id}"] if answered.request_id else [])])


def _show(proof: Proof, calls: _Calls, output: Format) -> None:
    ids = {name: _id(one) for name, one in (("plan", proof.plan), ("apply", proof.applied), ("undo", proof.undone))}
    undo = f" {undo_later(calls.key, proof.to_undo)}." if proof.to_undo else ""
    if output is Format.JSON:
        about = {**calls.key.as_row(), **ids, "why": proof.why, "to_undo": proof.to_undo}
        print_json({"proved": proof.is_proved, **about, "calls": calls.rows()})
        return
    stdout.print()
    done = ", ".join(f"{name} {one}" for name, one in ids.items() if one)
    stdout.print(Text(f"Sweeps: {done}" if done else "No sweep was begun."), soft_wrap=True)
    verdict = "Proved: marked, stopped, seen stopped, started, seen running, unmarked."
    text = verdict if proof.is_proved else f"Not proved: {proof.why.rstrip('.')}.{undo}"
    stdout.print(Text(text, style="bold green" if proof.is_proved else "bold red"), soft_wrap=True)


def _id(result: Result | None) -> str:
    return result.sweep_id if isinstance(result, Ended) else ""

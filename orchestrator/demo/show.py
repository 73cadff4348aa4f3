"""The demo, step by step: an organization, the Lambda plans, it enforces, AWS itself is asked, and all is undone."""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.core.report.files import sweep_folder
from orchestrator.demo import local_store
from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.check import ResourceKey, differences, not_given_back, states
from orchestrator.demo.fleets import demo_kinds
from orchestrator.demo.lambda_process import LambdaFailedError, invoke
from orchestrator.demo.organization import BUCKET
from orchestrator.demo.server import DemoError, Serving, serving, without_aws
from orchestrator.demo.undoing import undo
from orchestrator.local.processes import ending_signals

if find_spec("moto") is None:  # only the server's process imports it; to say so here is clearer
    raise ImportError("No module named 'moto'", name="moto")

PrintSummary = Callable[[Console, Mapping[str, Any]], None]
Report = Mapping[str, Any]

AGREED, NOT_AGREED = 0, 1
_HANDLER = "orchestrator.lambdas.handler.lambda_handler"


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """What the command line asks of the demo. `store`: the local folder that gets the reports and the ledger."""

    store: Path
    port: int = 0
    keep: bool = False
    sweep: bool = True


def show(console: Console, print_summary: PrintSummary, request: DemoRequest) -> int:
    """The exit code: 0 when AWS agrees with the report and the undo gave all back, else 1.

    Ctrl-C ends it and leaves nothing running.
    """
    title = Text.assemble(
        ("Stop Orchestrator demo", "bold"), ": an AWS embedded in this machine; nothing real is touched."
    )
    console.print(title)
    try:
        with ending_signals(_interrupt), _without_the_users_aws(), ExitStack() as stack:
            if request.sweep:
                _say_where_the_earlier_is(console, local_store.make_room(request.store))
            with console.status("Creating an organization in it ..."):
                aws = stack.enter_context(serving(request.port))
            return _Demo(console, print_summary, request, aws, AnyAccount(aws.environment)).run()
    except (DemoError, LambdaFailedError) as failure:
        console.print(Text(str(failure), style="red"), soft_wrap=True)
    except KeyboardInterrupt:
        console.print("\nInterrupted; nothing is left running.")
    return NOT_AGREED


def _say_where_the_earlier_is(console: Console, earlier: Path | None) -> None:
    if earlier is not None:
        console.print(Text(f"What an earlier demo left is now in {earlier}/."), soft_wrap=True)


def _interrupt(_number: int, _frame: object) -> None:
    """SIGTERM ends the demo as Ctrl-C does, so that its server goes down with it.

    SIGINT is taken too because a script's `demo &` begins with it ignored.
    """
    raise KeyboardInterrupt


@contextmanager
def _without_the_users_aws() -> Iterator[None]:
    """For asking the embedded AWS from this process: no profile or proxy of the user may come between."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(without_aws(before))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass(frozen=True, slots=True)
class _Demo:
    console: Console
    print_summary: PrintSummary
    request: DemoRequest
    aws: Serving
    any_account: AnyAccount

    def run(self) -> int:
        self._introduce()
        agreed = not self.request.sweep or self._plan_enforce_and_check()
        if self.request.keep:
            self._keep_up()
        return AGREED if agreed else NOT_AGREED

    def _introduce(self) -> None:
        accounts, kinds = self.aws.organization["accounts"], demo_kinds()
        counted: Counter[str] = Counter()
        for account in accounts:
            counted.update(account["resources"])
        self._heading(1, "An organization")
        self.console.print(
            f"{len(accounts) + 1} accounts with the management account, "
            f"{len(self.aws.organization['regions'])} regions, at {self.aws.url}",
            highlight=False,
        )
        there = ", ".join(f"{counted[kind]} {kinds[kind].words}" for kind in kinds if counted[kind])
        self.console.print(f"{counted.total()} resources: {there}", highlight=False)
        table = _table("account", "OU", "resources", "what is special", counts="resources")
        for account in sorted(accounts, key=lambda one: (one["ou"], one["name"])):
            table.add_row(account["name"], account["ou"], str(sum(account["resources"].values())), account["note"])
        self.console.print(table)

    def _plan_enforce_and_check(self) -> bool:
        before = self._states()
        self._heading(2, "The Lambda plans: it reads everything and stops nothing")
        self._sweep("plan")
        between = self._states()
        self._heading(3, "The Lambda enforces")
        report = self._sweep("enforce")
        self._heading(4, "AWS itself, asked again without the Lambda")
        after = self._states()
        wrong = differences(report, between, after)
        wrong += ["plan mode changed something"] if between != before else []
        self._verdict(report, wrong)
        self._protected(report)
        self._heading(5, "The undo: what was stopped starts again, with its sizes")
        wrong += self._undo(report, between, after)
        self._where_to_look(report)
        return not wrong

    def _protected(self, report: Report) -> None:
        """Of the kinds beside EC2, what a rule names and is kept all the same, each with what protects it."""
        kept = [row for row in report["decisions"] if row["kind"] != "ec2" and row["rule"] and row["verdict"] == "keep"]
        if not kept:
            return
        self.console.print("\nOf the kinds beside EC2 these are kept, though a rule names them:", highlight=False)
        table = _table("kind", "resource", "why")
        for row in sorted(kept, key=lambda one: (one["kind"], one["resource_id"])):
            table.add_row(row["kind"], row["resource_id"], row["reason"])
        self.console.print(table)

    def _states(self) -> dict[ResourceKey, str]:
        return states(self.any_account, self.aws.organization)

    def _undo(self, report: Report, before: Mapping[ResourceKey, str], after: Mapping[ResourceKey, str]) -> list[str]:
        with self.console.status("Starting again what it stopped ..."):
            undone = undo(report["sweep_id"], self.aws.environment)
            wrong = not_given_back(self._states, before)
        self._plain(f"Undo {undone['sweep_id']} of sweep {report['sweep_id']}: {undone['status']}")
        for line in wrong:
            self.console.print(Text(line, style="red"), soft_wrap=True)
        if not wrong:
            self._given_back(before, after)
        return wrong

    def _given_back(self, before: Mapping[ResourceKey, str], after: Mapping[ResourceKey, str]) -> None:
        """Of each kind one that was stopped, with what it has again."""
        stopped = sorted(key for key in before if before[key] != after.get(key))
        table = _table("kind", "started", "such as", "which has again", counts="started")
        for kind, of_it in demo_kinds().items():
            keys = [key for key in stopped if key[2] == kind]
            if keys:
                table.add_row(of_it.words, str(len(keys)), keys[0][3], before[keys[0]])
        self.console.print(table)
        text = f" {len(stopped)} stopped, {len(stopped)} started again; everything is as it was before the sweep."
        self.console.print(Text.assemble(("Given back.", "bold green"), text))

    def _sweep(self, mode: str) -> Report:
        environment = {**self.aws.environment, "STOP_ORCHESTRATOR_MODE": mode}
        with self.console.status(f"Running {_HANDLER} ...") as status:
            returned = invoke(_HANDLER, {"mode": mode}, environment, lambda line: status.update(_shown(line)))
        key = f"{sweep_folder(returned['sweep_id'])}/report.json"
        stored = self.any_account.client("s3").get_object(Bucket=BUCKET, Key=key)
        report: Report = json.load(stored["Body"])
        self.print_summary(self.console, report)
        return report

    def _verdict(self, report: Report, wrong: list[str]) -> None:
        counted = Counter(outcome["status"] for outcome in report["outcomes"])
        if wrong:
            for line in wrong:
                self.console.print(Text(line, style="red"), soft_wrap=True)
            return
        stopped = counted["stopped"] + counted["stopping"]
        text = (
            f" {len(report['outcomes'])} planned: {stopped} stopped, {counted['failed']} refused by AWS as reported; "
            "everything else is as it was."
        )
        self.console.print(Text.assemble(("Agreed.", "bold green"), text))

    def _where_to_look(self, report: Report) -> None:
        self._heading(6, "The reports, in a store that needs no AWS")
        local_store.copy_to(self.request.store, self.aws)
        folder = self.request.store / sweep_folder(report["sweep_id"])
        self._plain(f"{folder}/")
        for path in sorted(folder.iterdir()):
            self._plain(f"  {path.name}")
        self._plain("Look again:")
        refused = next((row["resource_id"] for row in report["outcomes"] if row["status"] == "failed"), "")
        store = f"--store {shlex.quote(str(self.request.store))}"
        if refused:
            self._plain(f"  stop-orchestrator explain {refused} --sweep {report['sweep_id']} {store}")
        self._plain(f"  stop-orchestrator verify {report['sweep_id']} {store}")
        self._plain(f"  stop-orchestrator console {store}")
        page = folder.joinpath("report.html").resolve().as_uri()
        self._plain(f"What stopped, what did not and why, as a page: {page.replace('%3D', '=')}")  # which browsers take

    def _keep_up(self) -> None:
        try:
            self._heading(7 if self.request.sweep else 2, "It stays up until Ctrl-C; in another terminal")
            self._plain("unset AWS_PROFILE AWS_SESSION_TOKEN HTTP_PROXY http_proxy")
            for name, value in self.aws.environment.items():
                self._plain(f"export {name}={shlex.quote(value)}")
            self._plain("stop-orchestrator doctor")
            self._plain("stop-orchestrator plan")
            signal.pause()
        except KeyboardInterrupt:
            self.console.print("\nThe embedded AWS is down.")

    def _heading(self, number: int, text: str) -> None:
        self.console.print()
        self.console.rule(Text(f"{number}. {text}", style="bold"), align="left")

    def _plain(self, text: str) -> None:
        """One line as it is: not wrapped, not coloured, so that it can be copied."""
        self.console.print(Text(text), soft_wrap=True)


def _table(*columns: str, counts: str = "") -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column == counts else "left")
    return table


def _shown(line: str) -> Text:
    """One of the Lambda's JSON log lines in the words of a progress line."""
    try:
        entry = json.loads(line)
    except ValueError:
        return Text(line)
    if not isinstance(entry, dict) or "message" not in entry:
        return Text("Running ...")
    count = f" {entry['done']} of {entry['total']}" if "total" in entry else ""
    return Text(f"{entry['message']}{count}")

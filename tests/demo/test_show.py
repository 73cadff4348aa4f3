"""The demo as a newcomer runs it: from its own process, in an empty folder, on a terminal of 80 columns."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from orchestrator.demo import show
from orchestrator.demo.check import ResourceKey, differences, not_given_back
from orchestrator.demo.fleets import demo_kinds
from orchestrator.demo.server import EmbeddedAws, Serving
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Run
from tests.support.lambdas import FRANKFURT, IRELAND, dev_accounts, invoked
from tests.support.processes import SCRIPT, USERS, alive, is_listening, lines_until, marked, started, until
from tests.support.suites import only_in_full

LONG = re.compile(r"https?://|s3://|--store |^export |/sweep=")
TABLES = {"decisions.csv", "coverage.csv", "compliance.csv", "opt_outs.csv"}
FILES = {"plan.json", "report.json", "report.html", "decisions.jsonl.gz", "manifest.json", *TABLES}
A, B = ("111111111111", "eu-central-1", "ec2", "i-a"), ("222222222222", "eu-west-1", "ec2", "i-b")


# --- the whole demo ---------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_the_demo_ends_well_fits_the_terminal_and_leaves_its_reports_where_it_says(tmp_path: Path) -> None:
    """With the user's own AWS settings and proxies in the environment. One test, because the demo takes a while."""
    environment = {**marked(USERS), "COLUMNS": "80"}
    command = [SCRIPT, "demo", "--store", "kept here"]
    ended = subprocess.run(command, env=environment, cwd=tmp_path, text=True, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert alive(environment) == []
    assert_agreed(ended.stdout)
    assert [line for line in ended.stdout.splitlines() if len(line.rstrip()) > 80 and not LONG.search(line)] == []
    assert_reports(tmp_path / "kept here")
    assert_kept(tmp_path / "kept here")
    pages = re.findall("as a page: file://(.*)$", ended.stdout, re.MULTILINE)
    assert ["72 stopped, 2 failed" in Path(unquote(one)).read_text() for one in pages] == [True]
    assert ended.stdout.rstrip().endswith("/report.html"), "the page is the last that it names"
    assert "To carry it out" not in ended.stdout, "its AWS is down by then"
    clean = {name: value for name, value in environment.items() if name not in USERS}
    shown = [shlex.split(line) for line in re.findall("^  (.*stop-orchestrator .*)$", ended.stdout, re.MULTILINE)]
    assert [words[1] for words in shown] == ["explain", "verify", "console"]
    for words in shown[:2]:
        subprocess.run(words, env=clean, cwd=tmp_path, text=True, capture_output=True, check=True)
    [sweep_id] = re.findall("verify ([^ ]+) --store", ended.stdout)
    for which, total, count in ((sweep_id, "stopped", 72), ("latest", "started", 72)):
        command_again = [SCRIPT, "report", which, "--store", "kept here", "--format", "json"]
        again = subprocess.run(command_again, env=clean, cwd=tmp_path, text=True, capture_output=True, check=True)
        assert json.loads(again.stdout)["totals"][total] == count
    with started(shown[2], clean, tmp_path) as console:
        lines_until(console, "http://127.0.0.1:")
        console.send_signal(signal.SIGINT)
        assert console.wait(10) == 0
    second = subprocess.run(command, env=environment, cwd=tmp_path, text=True, capture_output=True, check=False)
    assert (second.returncode, "kept here holds sweeps already" in second.stdout) == (1, True)


def assert_agreed(stdout: str) -> None:
    assert re.search(r"^Agreed\. 74 planned: 72 stopped, 2 refused by AWS as reported", stdout, re.MULTILINE)
    assert re.search(r"^Given back\. 72 stopped, 72 started again", stdout, re.MULTILINE)
    text = " ".join(stdout.split())
    assert "12 accounts with the management account, 4 regions" in text
    for words in ("2. The Lambda plans", "(plan only)", "3. The Lambda enforces", "OperationNotPermitted"):
        assert words in text
    for kind, of_it in demo_kinds().items():
        assert re.search(rf"^{of_it.words} +[1-9]", stdout, re.MULTILINE), f"nothing of {kind} is started again"


KEPT = {
    "asg": ("workers", "protected from scale-in"),
    "ecs_service": ("apps/log-agent", "It is a daemon"),
    "eks_nodegroup": ("builds/scaled", "Cluster Autoscaler scales it"),
    "rds": ("metrics-replica", "It is a read replica of metrics"),
    "rds_cluster": ("ledger", "It is a Multi-AZ DB cluster"),
    "redshift_cluster": ("old-warehouse", "would lose its no-backup tables"),
    "sagemaker_notebook": ("forecast", "only with accept: [files_outside_volume]"),
}
"""One of each kind but EC2 that a rule names, and what protects it."""


def assert_kept(store: Path) -> None:
    """Every kind but EC2 has one that is stopped, and one that its own protection keeps."""
    assert KEPT.keys() | {"ec2"} == demo_kinds().keys()
    reports = [json.loads(path.read_text()) for path in store.rglob("report.json")]
    [report] = [one for one in reports if one["mode"] == "enforce"]
    down = {"stopped", "stopping"}
    assert {row["kind"] for row in report["outcomes"] if row["status"] in down} == demo_kinds().keys()
    whys = {(row["kind"], row["resource_id"]): row["reason"] for row in report["decisions"] if row["verdict"] == "keep"}
    for kind, (resource_id, why) in KEPT.items():
        assert why in whys[kind, resource_id]


def assert_reports(store: Path) -> None:
    reports = {path.parent: json.loads(path.read_text()) for path in store.rglob("report.json")}
    assert sorted(report["mode"] for report in reports.values()) == ["enforce", "plan", "undo"]
    for folder in reports:
        assert {path.name for path in folder.iterdir()} == FILES


@pytest.mark.full
def test_a_small_organization_is_planned_enforced_and_agreed_on(
    server: EmbeddedAws, hub: OrganizationBuilder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same flow in this process, without a server and Lambdas of its own."""
    accounts: dict[str, list[str]] = {}
    for account, region in dev_accounts(hub, 2):
        accounts.setdefault(account, []).append(region)
    summary = {
        "regions": [FRANKFURT, IRELAND],
        "accounts": [
            {"id": one, "name": "dev", "ou": "/", "resources": {"ec2": 2}, "note": "", "regions": regions}
            for one, regions in accounts.items()
        ],
    }
    settings = {name: value for name, value in os.environ.items() if name.startswith("STOP_ORCHESTRATOR_")}
    serving = Serving(server.url, {**server.environment, **settings}, summary)

    def invoke(_handler: str, event: Mapping[str, str], environment: Mapping[str, str], _on_log: object) -> Any:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            return invoked(event)

    monkeypatch.setattr(show, "serving", lambda _port: nullcontext(serving))
    monkeypatch.setattr(show, "invoke", invoke)
    ran = run("demo", "--store", "kept")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert re.search(r"^Agreed\. 4 planned: 4 stopped, 0 refused by AWS as reported", ran.stdout, re.MULTILINE)
    assert re.search(r"^Given back\. 4 stopped, 4 started again", ran.stdout, re.MULTILINE)
    assert_reports(Path("kept"))


@pytest.mark.full
def test_a_signal_while_the_lambda_runs_leaves_nothing_running(tmp_path: Path) -> None:
    environment = marked({})
    with started([SCRIPT, "demo"], environment, tmp_path) as demo:
        lines_until(demo, "2. The Lambda plans")
        until(lambda: len(alive(environment)) == 3)
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(10) == 1
        until(lambda: not alive(environment))


# --- left up ----------------------------------------------------------------------------------------------------------


def exports(lines: list[str]) -> dict[str, str]:
    words = [shlex.split(line)[1] for line in lines if line.startswith("export ")]
    return dict(word.split("=", 1) for word in words)


@pytest.mark.full
def test_the_command_line_works_against_the_printed_environment_and_ctrl_c_leaves_nothing_running(
    tmp_path: Path,
) -> None:
    """From a script's background, where a shell starts it with SIGINT ignored."""
    environment = marked(USERS)
    command = ["/bin/sh", "-c", 'trap "" INT; exec "$0" "$@"', SCRIPT, "demo", "--serve-only"]
    with started(command, environment, tmp_path) as demo:
        printed = exports(lines_until(demo, "stop-orchestrator plan"))
        clean = {name: value for name, value in marked({}).items() if not name.startswith("AWS_")}
        words = [SCRIPT, "plan", "--format", "json"]
        ran = subprocess.run(words, env={**clean, **printed}, cwd=tmp_path, text=True, capture_output=True, check=False)
        assert ran.returncode == 3, ran.stderr
        report = json.loads(ran.stdout)
        assert report["totals"]["would_stop"] == 74
        assert [row["account_name"] for row in report["coverage"] if row["status"] == "denied"] == ["dev-legacy"]
        assert len(alive(environment)) == 2
        demo.send_signal(signal.SIGINT)
        assert demo.wait(10) == 0
        until(lambda: not alive(environment))
        assert not is_listening(printed["AWS_ENDPOINT_URL"])


def test_what_is_left_up_says_how_to_use_it_until_ctrl_c(
    server: EmbeddedAws, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = {"accounts": [], "regions": []}
    serving = Serving(server.url, {**server.environment, "STOP_ORCHESTRATOR_POLICY": "a policy.yaml"}, summary)
    monkeypatch.setattr(show, "serving", lambda _port: nullcontext(serving))
    monkeypatch.setattr("signal.pause", lambda: os.kill(os.getpid(), signal.SIGINT))
    before = signal.getsignal(signal.SIGINT)
    ran = run("demo", "--serve-only")
    assert (ran.exit_code, exports(ran.stdout.splitlines())) == (0, serving.environment)
    assert ran.stdout.endswith("The embedded AWS is down.\n")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.full
def test_sigterm_ends_it_like_ctrl_c(tmp_path: Path) -> None:
    environment = marked({})
    with started([SCRIPT, "demo", "--serve-only"], environment, tmp_path) as demo:
        url = exports(lines_until(demo, "stop-orchestrator plan"))["AWS_ENDPOINT_URL"]
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(10) == 0
        until(lambda: not alive(environment) and not is_listening(url))


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGHUP, *only_in_full(signal.SIGINT, signal.SIGTERM)])
def test_a_signal_before_the_organization_is_there_leaves_nothing_running(
    tmp_path: Path, number: signal.Signals
) -> None:
    environment = marked({})
    with started([SCRIPT, "demo"], environment, tmp_path) as demo:
        lines_until(demo, "Stop Orchestrator demo")
        until(lambda: len(alive(environment)) == 2)
        demo.send_signal(number)
        assert demo.wait(10) == 1
        until(lambda: not alive(environment))
        assert demo.stdout is not None
        assert "Interrupted; nothing is left running." in demo.stdout.read()


@pytest.mark.full
def test_a_port_that_is_taken_ends_it_with_one_line_that_says_so(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("demo", "--port", str(port))
    assert ended.exit_code == 1
    assert f"did not start: port {port} of 127.0.0.1 cannot be used: Address already in use; leave" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


# --- what it holds the report to --------------------------------------------------------------------------------------


def a_report(planned: tuple[ResourceKey, ...], **outcomes: ResourceKey) -> Mapping[str, Any]:
    """`stopped=PLACE` and the like; a place is account, region, kind and id."""
    names = ("account_id", "region", "kind", "resource_id")
    return {
        "decisions": [{**dict(zip(names, place, strict=True)), "verdict": "stop"} for place in planned],
        "outcomes": [{**dict(zip(names, place, strict=True)), "status": name} for name, place in outcomes.items()],
    }


C: ResourceKey = (*A[:3], "i-c")
UP: dict[ResourceKey, str] = {A: "running", B: "running"}


@pytest.mark.parametrize(
    ("report", "after"),
    [
        (a_report((A,), stopped=A), {A: "stopped", B: "running"}),
        (a_report((A, B), stopping=A, stopped=B), {A: "stopping", B: "stopped"}),
        (a_report((A, B), stopped=A, failed=B), {A: "stopped", B: "running"}),
        (a_report((A, B), stopped=A, not_attempted=B), {A: "stopped", B: "running"}),
        (a_report((A,), held=A), UP),
        (a_report(()), UP),
    ],
)
def test_there_is_no_difference_where_ec2_and_the_report_agree(
    report: Mapping[str, Any], after: dict[ResourceKey, str]
) -> None:
    assert differences(report, UP, after) == []


@pytest.mark.parametrize(
    ("report", "after", "said"),
    [
        (a_report((A,), stopped=A), {A: "stopped", B: "stopped"}, "i-b is stopped, but was not planned"),
        (a_report((A,), failed=A), {A: "stopped", B: "running"}, "i-a is stopped, but the report does not say so"),
        (a_report((A,), stopped=A), UP, "i-a is reported as stopped, but is not"),
        (a_report((A,)), UP, "i-a was planned, but has no outcome"),
        (a_report((), failed=B), UP, "i-b has an outcome, but was not planned"),
        (a_report(()), {A: "running", B: "terminated"}, "i-b is not as it was, although nobody stopped it"),
        (a_report(()), {A: "running"}, "i-b is not as it was, although nobody stopped it"),
    ],
)
def test_each_kind_of_disagreement_is_one_sentence(
    report: Mapping[str, Any], after: dict[ResourceKey, str], said: str
) -> None:
    assert any(sentence.endswith(f"/{said}") for sentence in differences(report, UP, after))


def test_what_an_undo_gave_back_may_take_some_looks_to_come_up() -> None:
    looks = iter([{A: "starting", B: "running"}, UP])
    assert not_given_back(lambda: next(looks), UP) == []


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({A: "stopped", B: "running"}, "i-a is stopped, and was running"),
        ({A: "1 to 4, 1 wanted", B: "running"}, "i-a is 1 to 4, 1 wanted, and was running"),
        ({A: "running"}, "i-b is not there, and was running"),
        ({**UP, C: "running"}, "i-c is running, and was not there"),
    ],
)
def test_what_an_undo_did_not_give_back_is_one_sentence(after: dict[ResourceKey, str], said: str) -> None:
    [sentence] = not_given_back(lambda: after, UP)
    assert sentence.endswith(f"/{said}")


def test_an_instance_that_was_down_before_is_no_difference() -> None:
    assert differences(a_report(()), {A: "stopped"}, {A: "stopped"}) == []

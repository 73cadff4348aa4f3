"""The embedded AWS as a process: only on this machine, with nothing of the user's AWS, and never left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.parsers import ResponseParserError

from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.server import DemoError, EmbeddedAws, Serving, serving, without_aws
from tests.support.processes import MARK, USERS, alive, is_listening, lines_until, marked, started, until

SERVE = """\
import dataclasses, json
from orchestrator.demo.server import serving
with serving() as aws:
    print(json.dumps(dataclasses.asdict(aws)), flush=True)
    input()
"""


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return marked(USERS)


@pytest.fixture(scope="module")
def aws(environment: dict[str, str]) -> Iterator[Serving]:
    with pytest.MonkeyPatch.context() as patch:
        for name in (*USERS, MARK):
            patch.setenv(name, environment[name])
        with serving() as served:
            patch.undo()
            yield served


@pytest.mark.full
def test_only_the_loopback_address_is_bound(aws: Serving) -> None:
    assert_loopback_only(aws)


def assert_loopback_only(aws: Serving) -> None:
    assert aws.url.startswith("http://127.0.0.1:")
    assert is_listening(aws.url)
    assert not is_listening(aws.url, "127.0.0.2")


@pytest.mark.full
def test_nothing_of_the_users_aws_gets_into_the_process(aws: Serving, environment: dict[str, str]) -> None:
    [pid] = set(alive(environment)) - {os.getpid()}
    assert_nothing_of_the_users(pid)


def assert_nothing_of_the_users(pid: int) -> None:
    names = {entry.partition(b"=")[0].decode() for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")}
    assert set(USERS) & names == {"COLUMNS"}
    assert {name for name in names if name.startswith(("AWS_", "STOP_ORCHESTRATOR_"))} == {
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
    }


@pytest.mark.full
def test_what_it_prints_is_all_that_is_needed_to_use_it(aws: Serving) -> None:
    assert_usable(aws)


def assert_usable(aws: Serving) -> None:
    client = AnyAccount(aws.environment).client("organizations")
    assert client.describe_organization()["Organization"]["Id"] == aws.organization["id"]
    assert aws.environment["STOP_ORCHESTRATOR_POLICY"].startswith("s3://")


@pytest.mark.full
def test_what_it_logs_never_fills_a_pipe_that_nobody_reads(aws: Serving, environment: dict[str, str]) -> None:
    """An unknown filter makes moto log a traceback; a pipe holds 64 KiB, and each thread that logs more is stuck."""
    anyone = AnyAccount(aws.environment)
    client = anyone.client("ec2", "us-east-1")
    account = next(one["id"] for one in aws.organization["accounts"] if one["name"] == "lab-ml")
    [pid] = set(alive(environment)) - {os.getpid()}
    threads = Path(f"/proc/{pid}/task")
    before = len(list(threads.iterdir()))  # each connection that is kept has one
    for _ in range(60):
        with anyone.acting_in(account), pytest.raises(ResponseParserError, match="500 Internal Server Error"):
            client.describe_instances(Filters=[{"Name": "no-such-filter", "Values": ["x"]}])
    until(lambda: len(list(threads.iterdir())) < before + 10, seconds=5)


TAKEN = "port {} of 127.0.0.1 cannot be used: Address already in use; leave --port out to take a free one"


@pytest.mark.full
def test_a_server_that_cannot_use_its_port_says_so_to_its_parent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DemoError, match=f"did not start: {TAKEN.format(port)}$"), serving(port):
            pass


def test_a_port_that_is_taken_or_none_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DemoError, match=TAKEN.format(port)):
            EmbeddedAws(port)
    with pytest.raises(DemoError, match="70000 is no port"):
        EmbeddedAws(70000)


def test_it_is_alone_with_this_machine_and_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """One process for all that a server promises: to start one takes seconds."""
    environment = marked(USERS)
    with started([sys.executable, "-c", SERVE], environment, tmp_path) as parent:
        [said] = lines_until(parent, "http")
        aws = Serving(**json.loads(said))
        assert_loopback_only(aws)
        [pid] = set(alive(environment)) - {parent.pid}
        assert_nothing_of_the_users(pid)
        assert not str(Path(f"/proc/{pid}/fd/2").readlink()).startswith("pipe:"), "one that is not read fills up"
        assert_usable(aws)
        parent.send_signal(signal.SIGKILL)
        until(lambda: not alive(environment) and not is_listening(aws.url))


@pytest.mark.full
def test_it_ends_when_its_input_ends_even_while_it_is_still_starting(tmp_path: Path) -> None:
    environment = marked({})
    with started([sys.executable, "-m", "orchestrator.demo.server", "0"], environment, tmp_path) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""


def test_the_users_aws_settings_and_proxies_are_taken_out_of_an_environment() -> None:
    kept = {"PATH": "/bin", "HOME": "/home/me", "COLUMNS": "80"}
    cleaned = without_aws({**USERS, **kept, "no_proxy": "example.com", "MOTO_PORT": "1"})
    assert {name: cleaned[name] for name in kept} == kept
    assert set(cleaned) - set(kept) == {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "PYTHONUNBUFFERED"}
    assert cleaned["AWS_CONFIG_FILE"] == os.devnull

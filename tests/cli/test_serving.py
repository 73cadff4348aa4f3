"""The command `console`: it says where it serves, only reads, and ends by Ctrl-C."""

from __future__ import annotations

import http.client
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.fixtures import Run
from tests.support.stored_sweeps import STOPPED, store_sweeps

SECONDS = 60


@contextmanager
def console(*words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process, which dies with the test, and its port."""
    command = [sys.executable, "-m", "orchestrator", "console", *words]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**os.environ})
    try:
        assert process.stdout is not None
        select.select([process.stdout], [], [], SECONDS)
        address = urlsplit(process.stdout.readline().strip())
        assert address.hostname == "127.0.0.1", process.stderr and process.stderr.read()
        yield process, address.port or 0
    finally:
        process.kill()
        process.communicate()


def ask(port: int, target: str, host: str = "localhost") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", target, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def digests(directory: Path) -> dict[str, str]:
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in files}


def test_it_serves_a_store_changes_nothing_of_it_and_ends_by_ctrl_c(tmp_path: Path) -> None:
    [only] = store_sweeps(tmp_path)
    before = digests(tmp_path)
    with console("--store", str(tmp_path), "--host", "sweeps.example.com") as (process, port):
        assert only in ask(port, "/")[1]
        assert ask(port, "/", "sweeps.example.com:443")[0] == 200
        assert ask(port, "/", "evil.example")[0] == 421
        status, page = ask(port, f"/sweeps/{only}/explain?resource={STOPPED}")
        assert (status, "owns it" in page) == (200, True)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (0, "")
    assert said == f"Serves {tmp_path}, read-only. Ctrl-C ends it.\nEnded.\n"
    assert digests(tmp_path) == before


@pytest.mark.full
def test_a_client_that_takes_its_time_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with (
        console("--store", str(tmp_path)) as (process, port),
        socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as slow,
    ):
        slow.sendall(b"GET / HTTP/1.1\r\n")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("name", ["https://sweeps.example.com", "sweeps.example.com:443", "a b"])
def test_a_public_name_that_is_none_is_bad_usage(run: Run, name: str) -> None:
    ran = run("console", "--host", name)
    assert (ran.exit_code, "is no host name, such as sweeps.example.com" in ran.stderr) == (2, True)


def test_a_port_that_is_taken_is_an_error_and_no_traceback(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = run("console", "--port", str(taken.getsockname()[1]))
    assert ran.exit_code == 1
    assert "Address already in use" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_port_that_is_taken_is_named_with_what_to_do(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("console", "--port", str(port))
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert f"port {port} of 127.0.0.1 is not to be had" in ran.stderr
    assert "--port" in ran.stderr

"""A dead process of this machine is told from a living one and from one of which nobody knows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.local import processes
from orchestrator.local.processes import is_dead, this_process
from tests.support.processes import until

PRINTS = "from orchestrator.local.processes import this_process; print(this_process(), flush=True); input()"
ROOT = Path(__file__).parents[2]


def test_a_living_process_is_not_dead_and_one_that_ended_is_also_before_its_parent_looks() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PRINTS], stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert str(process.pid) in name
        assert not is_dead(name)
        process.kill()
        until(lambda: is_dead(name))  # nobody waited for it yet
    assert is_dead(name)


def test_this_process_lives() -> None:
    assert this_process()
    assert not is_dead(this_process())


def test_a_process_with_the_same_number_that_started_at_another_time_is_dead() -> None:
    machine, pid, started = this_process().rsplit(" ", 2)
    assert pid == str(os.getpid())
    assert is_dead(f"{machine} {pid} {int(started) - 1}")


def test_of_another_machine_and_of_a_name_that_is_none_nobody_knows() -> None:
    _, pid, _ = this_process().rsplit(" ", 2)
    assert not is_dead(f"another-boot pid:[1] {pid} 1")
    assert not is_dead("")
    assert not is_dead("a b")


def test_a_process_that_proc_hides_is_dead_once_the_kernel_has_none_of_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine that mounts /proc with hidepid, where another user's process holds the lease."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        (tmp_path / "sys/kernel/random").mkdir(parents=True)
        (tmp_path / "sys/kernel/random/boot_id").write_text("this-boot\n")
        (tmp_path / "self/ns").mkdir(parents=True)
        (tmp_path / "self/ns/pid").symlink_to("pid:[1]")
        monkeypatch.setattr(processes, "_PROC", tmp_path)
        name = f"this-boot pid:[1] {process.pid} 1"
        assert not is_dead(name)
        process.kill()
    assert is_dead(name)

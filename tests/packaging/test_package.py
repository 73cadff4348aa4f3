"""The Lambda's zip: the same bytes each time, small, and complete without anything around it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from cloudformation import package
from tests.packaging.conftest import MACHINE, PYTHON, ROOT
from tests.support.cloudformation import template

ELF_MACHINE = {"arm64": 0xB7, "x86_64": 0x3E}


def test_two_builds_have_the_same_sha_256(zipped: Path, tmp_path: Path) -> None:
    """The second one by another umask, in another time zone and folder, with other hashes."""
    command = [sys.executable, "-m", "cloudformation.package", "--arch", MACHINE, "--python", PYTHON, "--dist", "."]
    around = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, cwd=tmp_path, env=around, umask=0o077, check=True, capture_output=True, text=True, timeout=300
    )
    first = hashlib.sha256(zipped.read_bytes()).hexdigest()
    assert hashlib.sha256((tmp_path / zipped.name).read_bytes()).hexdigest() == first
    assert f"SHA-256 {first}" in ran.stdout
    assert [path.name for path in tmp_path.iterdir()] == [zipped.name]


@pytest.mark.full
def test_what_is_deployed_is_for_arm64_and_python_3_13_and_within_its_budget(tmp_path: Path) -> None:
    built = package.build(dist=tmp_path)
    assert built.path.name == "stop-orchestrator-arm64-python3.13.zip"
    assert built.zipped == built.path.stat().st_size < 12_000_000
    with zipfile.ZipFile(built.path) as archive:
        entries = archive.infolist()
        libraries = {entry.filename: archive.read(entry) for entry in entries if entry.filename.endswith(".so")}
    assert built.unpacked == sum(entry.file_size for entry in entries) < 40_000_000
    assert {"pydantic_core", "wrapt", "yaml"} == {name.partition("/")[0] for name in libraries}
    for name, content in libraries.items():
        assert "cpython-313-aarch64" in name
        assert int.from_bytes(content[18:20], "little") == ELF_MACHINE["arm64"]


def test_names_are_in_order_with_one_time_and_one_mode_and_without_notes_of_the_build(zipped: Path) -> None:
    with zipfile.ZipFile(zipped) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    assert names == sorted(names)
    assert {(entry.date_time, entry.external_attr >> 16) for entry in entries} == {((1980, 1, 1, 0, 0, 0), 0o100644)}
    unwanted = r"\.pyc$|__pycache__|^bin/|\.dist-info/(RECORD|INSTALLER|REQUESTED|WHEEL|direct_url|entry_points)"
    assert [name for name in names if re.search(unwanted, name)] == []
    assert [name for name in names if re.match(r"orchestrator/(demo|cli)/|typer|rich|moto", name)] == []


def test_too_large_a_zip_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MAX_UNPACKED", 100)
    monkeypatch.setattr(package, "_install", lambda folder, *_: (folder / "large.py").write_text("#" * 101))
    monkeypatch.setattr(package, "_newest_models", lambda _: frozenset())
    assert package.main(["--dist", str(tmp_path)]) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.full
def test_what_pip_cannot_install_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "requirements-lambda.lock"
    monkeypatch.setattr(package, "LOCK", lock)
    lock.write_text("six==1.17.0\n")
    assert package.main(["--dist", str(tmp_path)]) == 1
    lock.write_text("six==1.17.0 ; python_version < '3.12'\n")
    assert package.main(["--dist", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "pip cannot install requirements-lambda.lock for arm64 and Python 3.13" in said
    assert "--hash" in said
    assert "has an environment marker" in said


# --- the lock ---------------------------------------------------------------------------------------------------------


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))


def test_a_library_without_a_wheel_for_that_python_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = (
        "ERROR: Could not find a version that satisfies the requirement pydantic-core==2.50.5 (from versions: none)\n"
        "ERROR: No matching distribution found for pydantic-core==2.50.5"
    )
    failed = subprocess.CompletedProcess([], 1, "", said)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(package.PackageError) as refused:
        package.build("arm64", "3.14", tmp_path)
    assert str(refused.value).startswith("pip finds no wheel of pydantic-core==2.50.5 for arm64 and Python 3.14")
    assert "make package PYTHON=3.13; Runtime=python3.13" in str(refused.value)


def test_the_template_offers_every_python_that_can_be_packaged_and_no_other() -> None:
    offered = template("hub")["Parameters"]["Runtime"]
    assert offered["AllowedValues"] == [f"python{one}" for one in reversed(package.PYTHONS)]
    assert offered["Default"] == f"python{package.DEFAULT_PYTHON}"


def test_the_zip_holds_the_versions_that_the_other_locks_hold() -> None:
    """So what the tests ran with is what is deployed."""
    ours, tested = pins("requirements-lambda.lock"), pins("requirements-dev.lock")
    assert ours.items() <= tested.items()
    assert not {"typer", "rich", "moto", "pytest"} & ours.keys()


def test_the_zip_holds_what_the_project_depends_on_but_for_the_command_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    command_line = {name for name in project["project"]["dependencies"] if re.match(r"rich|typer", name)}
    assert set(project["dependency-groups"]["lambda"]) == set(project["project"]["dependencies"]) - command_line


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda lock: lock.name)
def test_a_lock_names_no_index(lock: Path) -> None:
    assert [line for line in lock.read_text().splitlines() if "://" in line or line.lstrip().startswith("--i")] == []


# --- what is in it runs by itself -------------------------------------------------------------------------------------


def alone(unpacked: Path, code: str) -> subprocess.CompletedProcess[str]:
    """In an interpreter that has the standard library and the zip's contents, and nothing else."""
    command = [sys.executable, "-I", "-S", "-B", "-c", f"import sys; sys.path.append({str(unpacked)!r})\n{code}"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


def test_the_handler_needs_nothing_else(unpacked: Path) -> None:
    ran = alone(unpacked, "import orchestrator.lambdas.handler as it; print(it.lambda_handler.__name__, it.__file__)")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.split() == ["lambda_handler", str(unpacked / "orchestrator" / "lambdas" / "handler.py")]


def test_every_module_in_it_can_be_imported(unpacked: Path) -> None:
    """One that belongs to the command line is named here, and left out in cloudformation/package.py."""
    code = """
import importlib, pkgutil, orchestrator
for module in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
    try:
        importlib.import_module(module.name)
    except ImportError as missing:
        print(module.name, "needs", missing.name)
"""
    ran = alone(unpacked, code)
    assert (ran.stdout, ran.stderr) == ("", "")


def test_it_makes_the_page_of_a_report(unpacked: Path) -> None:
    """Whatever is missing for it costs no other file, and so nobody would see it."""
    stored = next(ROOT.glob("tests/data/stores/v0.1.0/**/report.json"))
    code = f"""
import json, pathlib
from orchestrator.core.report.html.report_page import report_page
page = b"".join(report_page(json.loads(pathlib.Path({str(stored)!r}).read_text())))
print(b"could not be made" in page, b"packed-rows" in page)
"""
    ran = alone(unpacked, code)
    assert (ran.stdout.split(), ran.stderr) == (["False", "True"], "")


def test_every_country_has_its_holidays_by_its_own_module_alone(unpacked: Path) -> None:
    code = """
from datetime import date
from holidays.registry import COUNTRIES
from orchestrator.core.policy.schedules.holiday_calendar import holiday_problem, is_holiday
assert is_holiday("DE-BY", date(2026, 1, 6)) and not is_holiday("DE-BE", date(2026, 1, 6))
print(sum(name.startswith("holidays.countries.") for name in sys.modules))
print([codes[1] for codes in COUNTRIES.values() if holiday_problem(codes[1])])
"""
    ran = alone(unpacked, code)
    assert (ran.stdout.split(), ran.stderr) == (["1", "[]"], "")
    assert not {"locale", "financial"} & {path.name for path in (unpacked / "holidays").iterdir()}


def test_botocore_has_the_data_for_every_client(unpacked: Path) -> None:
    code = """
import inspect
from orchestrator.aws.clients import Clients
from orchestrator.kinds import registry
clients = Clients(operations=registry.member_operations())
for name, make in inspect.getmembers(clients, inspect.ismethod):
    if name not in ("calls", "count", "member") and not name.startswith("_"):
        print(make(*["eu-central-1"][:len(inspect.signature(make).parameters)]).meta.service_model.service_name)
for service in registry.services():
    print(clients.member(service, "eu-central-1").meta.service_model.service_name)
"""
    ran = alone(unpacked, code)
    assert ran.stderr == ""
    assert set(ran.stdout.split()) == package.SERVICES - {"xray"}
    kept = {path.name for path in (unpacked / "botocore" / "data").iterdir() if path.is_dir()}
    assert kept == package.SERVICES

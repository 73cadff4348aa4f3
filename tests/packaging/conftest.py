"""The zip for this machine's own interpreter, built once and unpacked; the deploy command against an embedded AWS."""

from __future__ import annotations

import fcntl
import io
import os
import platform
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.models import Stack as FakeStack
from moto.moto_api._internal.models import moto_api_backend
from rich.console import Console

from cloudformation import deploy, package
from orchestrator.demo.server import EmbeddedAws
from tests.packaging.deploying import (
    HUB,
    HUB_OUTPUTS,
    MEMBER_ROLE,
    MEMBERS,
    POLICY,
    ZIP,
    Deploy,
    Ran,
    executed,
    parameter_list,
)
from tests.support.embedded import MANAGEMENT, OrganizationBuilder
from tests.support.fixtures import _moto_is_quick, _service_models_read_once  # noqa: F401 - fixtures, for speed

ROOT = Path(__file__).parents[2]
MACHINE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever wants the zip is for the full suite: it takes minutes to install and pack."""
    for item in items:
        if "zipped" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.full)


@pytest.fixture(scope="session")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `make package` builds it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    built = folder / "dist" / f"stop-orchestrator-{MACHINE}-python{PYTHON}.zip"
    with (folder / "package.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            made = f"ARCH={MACHINE}", f"PYTHON={PYTHON}", f"DIST={built.parent}"
            kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
            subprocess.run(["make", "-s", "-C", str(ROOT), "package", *made], check=True, env=kept)
    return built


@pytest.fixture(scope="session")
def unpacked(zipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def organization(monkeypatch: pytest.MonkeyPatch) -> Iterator[OrganizationBuilder]:
    moto_api_backend.reset()
    monkeypatch.setattr(CloudFormationBackend, "execute_change_set", executed)
    monkeypatch.setattr(FakeStack, "parameter_list", property(parameter_list))
    with EmbeddedAws() as aws:
        for name, value in aws.environment.items():
            monkeypatch.setenv(name, value)
        yield OrganizationBuilder(aws)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "all.yaml").write_text(HUB)
    (tmp_path / "hub" / "outputs.yaml").write_text(HUB_OUTPUTS)
    (tmp_path / "member-stackset.yaml").write_text(MEMBERS)
    (tmp_path / "member-role.yaml").write_text(MEMBER_ROLE)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "deploy.env").write_text(
        f"Region=eu-central-1\nPolicy={tmp_path}/policy.yaml\nHubAccountId={MANAGEMENT}\nOrganizationalUnitIds=ou-1,ou-2\n"
    )
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Deploy:
    """The command in this process, at a terminal at which `typed` is typed; the zip is not built."""
    zipped = folder / "stop-orchestrator.zip"
    zipped.write_bytes(ZIP)
    monkeypatch.setattr(package, "build", lambda *_: package.Package(zipped, "0" * 64, len(ZIP), len(ZIP)))
    monkeypatch.setattr("cloudformation.stacks.SECONDS_BETWEEN_LOOKS", 0)
    monkeypatch.setattr(deploy, "console", Console(width=200, emoji=False, highlight=False, markup=False))

    def _run(*arguments: str, typed: str = "", terminal: bool = True) -> Ran:
        stdin = io.StringIO(typed)
        monkeypatch.setattr(stdin, "isatty", lambda: terminal)
        monkeypatch.setattr("sys.stdin", stdin)
        code = deploy.main([*arguments, "--env", str(folder / "deploy.env"), "--templates", str(folder)])
        return Ran(code, *capsys.readouterr())

    return _run

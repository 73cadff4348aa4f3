"""The zip for this machine's own interpreter, built once for all test processes, and unpacked."""

from __future__ import annotations

import fcntl
import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.fixtures import _moto_looks_once, _service_models_read_once  # noqa: F401 - fixtures, for speed

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

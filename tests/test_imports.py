"""The import contracts of pyproject.toml catch what they are there for: each of these, in a copy of the code."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EVASIONS = [
    *(
        (file, module)
        for file in ("core/decide/undo.py", "kinds/rds/rules.py")
        for module in (
            "_thread",
            "asyncio",
            "concurrent.futures",
            "multiprocessing",
            "pathlib",
            "queue",
            "s3transfer",
            "sched",
            "urllib.request",
        )
    ),
    ("errors.py", "os"),  # which core imports
    ("kinds/rds/rules.py", "orchestrator.errors"),
    ("kinds/rds/rules.py", "orchestrator.kinds.ec2.rules"),
    ("kinds/rds/rules.py", "orchestrator.kinds.rds.describe"),
    ("kinds/rds/rules.py", "orchestrator.kinds.registry"),
    ("kinds/rds/rules.py", "orchestrator.kinds.shared.batches"),
    ("kinds/rds/rules.py", "orchestrator.sweep.pool"),
    ("__main__.py", "boto3"),
    ("ledger/items.py", "s3transfer"),
]


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a copy with all of them."""
    copy = tmp_path_factory.mktemp("evasions")
    shutil.copy(ROOT / "pyproject.toml", copy)
    shutil.copytree(ROOT / "orchestrator", copy / "orchestrator", ignore=shutil.ignore_patterns("__pycache__"))
    for file, module in EVASIONS:
        with (copy / "orchestrator" / file).open("a") as code:
            code.write(f"import {module}\n")
    call = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    ran = subprocess.run(
        [sys.executable, "-c", call, "--no-cache"], cwd=copy, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1, ran.stderr
    return ran.stdout


@pytest.mark.parametrize(("file", "module"), EVASIONS)
def test_an_import_that_evades_a_contract_is_reported(file: str, module: str, reported: str) -> None:
    importer = "orchestrator." + file.removesuffix(".py").replace("/", ".")
    imported = module if module.startswith("orchestrator.") else module.split(".", maxsplit=1)[0]
    assert f"{importer} -> {imported} (l." in reported

"""The words of the model are imported from the package, and each from the module that has it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from orchestrator.core import model


def test_the_words_that_are_found_later_are_those_that_type_checkers_see() -> None:
    tree = ast.parse(Path(model.__file__).read_text())
    shown = {
        alias.name: str(one.module).rpartition(".")[2]
        for one in ast.walk(tree)
        if isinstance(one, ast.ImportFrom) and str(one.module).startswith("orchestrator.")
        for alias in one.names
    }
    assert shown == model._MODULE_OF
    assert sorted(shown) == sorted(model.__all__)
    assert all(getattr(model, word) is not None for word in shown)


def test_one_word_imports_its_own_module_only() -> None:
    code = "import sys; from orchestrator.core.model import Mode; print('orchestrator.core.model.plan' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"

"""docs/checking.md tells what each code of `doctor` means."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.core.diagnosis.checks import Code

PAGE = (Path(__file__).parents[2] / "docs/checking.md").read_text()


def test_every_cause_that_doctor_tells_apart_is_explained_and_no_other() -> None:
    section = PAGE.partition("## What each code means")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    assert sorted(code for row in rows for code in re.findall(r"`(\w+)`", row)) == sorted({*Code} - {Code.OK})

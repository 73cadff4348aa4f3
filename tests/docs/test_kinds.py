"""What the pages say of each kind is what the kind says of itself."""

from __future__ import annotations

import re

import pytest
from botocore import xform_name

from orchestrator.core.model import KindDescription
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.docs.pages import commands, text_of


def column(page: str, header: str) -> dict[str, str]:
    """By kind, the cells below a header of a page's table of kinds."""
    lines = text_of(page).split("\n")
    [first] = [number for number, line in enumerate(lines) if line.startswith("| kind |") and header in line]
    headers = lines[first].strip("| ").split(" | ")
    [place] = [number for number, one in enumerate(headers) if header in one]
    found: dict[str, str] = {}
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        cells = line.strip("| ").split(" | ")
        found |= dict.fromkeys(re.findall(r"`(\w+)`", cells[0]), cells[place])
    return found


def test_each_kind_has_its_place_in_the_order_in_the_table_of_kinds() -> None:
    assert column("docs/what-it-stops.md", "order") == {one.name: str(one.order) for one in DESCRIPTIONS}


@pytest.mark.parametrize("kind", DESCRIPTIONS, ids=lambda one: one.name)
def test_owners_find_the_command_that_opts_one_of_each_kind_out(kind: KindDescription) -> None:
    service = kind.arn_form.partition(":")[0]
    own = {(service, xform_name(one, "-")) for one in kind.operations[service]}
    given = {tuple(one.words[1:3]) for one in commands("docs/opting-out.md") if "stop-orchestrator:opt-out" in one.text}
    assert own & given

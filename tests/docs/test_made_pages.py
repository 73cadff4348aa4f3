"""What is made of the code in docs/ is as it is made now: `make docs` makes it again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from orchestrator.app import MEMBER_PERMISSIONS
from orchestrator.core.model import Action
from orchestrator.core.report.manifest import SEALED
from orchestrator.kinds import registry
from tests.docs.making import permissions, policy_reference
from tests.docs.making.parts import PARTS, renewed
from tests.docs.pages import text_of
from tests.support.cloudformation import as_list, resolved, statements

PERMISSIONS = "docs/permissions.md"


@pytest.mark.parametrize("page", PARTS)
def test_a_page_is_as_it_is_made(page: str) -> None:
    assert renewed(page, text_of(page)) == text_of(page), "`make docs` makes it again"


def test_a_page_without_the_place_of_a_part_is_refused() -> None:
    with pytest.raises(ValueError, match="has 0 places for what is made as commands"):
        renewed("docs/command-line.md", "# Command line\n")


def examples(part: Any) -> Iterator[Any]:
    if isinstance(part, dict):
        yield from part.get("examples", ()) if isinstance(part.get("examples"), list) else ()
        for one in part.values():
            yield from examples(one)
    elif isinstance(part, list):
        for one in part:
            yield from examples(one)


def test_an_example_of_a_key_may_stand_in_a_policy_as_it_is_shown() -> None:
    found = [*examples(policy_reference.schema())]
    assert len(found) > 50
    assert [one for one in found if yaml.safe_load(f"key: [{policy_reference.as_yaml(one)}]") != {"key": [one]}] == []


def shown(heading: str, denied: bool) -> set[str]:
    """The actions in the table below that heading."""
    section = text_of(PERMISSIONS).partition(f"### {heading}\n")[2].partition("\n#")[0]
    cells = re.findall(r"^\| `\w+`[^|]*\| (.+?) \|", section, re.MULTILINE)
    return {
        action
        for cell in cells
        if cell.startswith("**never**") is denied
        for action in re.findall(r"`([a-z0-9-]+:\w+)`", cell)
    }


def test_the_member_role_is_shown_with_what_the_kinds_declare() -> None:
    assert (
        sorted(
            (MEMBER_PERMISSIONS | registry.session_permissions(registry.KINDS, tuple(Action)))
            - shown("MemberRole", denied=False)
        )
        == []
    )


def test_what_the_member_role_is_never_allowed_is_shown() -> None:
    role = resolved("member-role")["Resources"]["MemberRole"]["Properties"]
    never = [one for one in statements(role["Policies"]) if one["Effect"] == "Deny"]
    assert shown("MemberRole", denied=True) == {action for one in never for action in as_list(one["Action"])}


def test_every_statement_that_is_explained_is_there() -> None:
    assert sorted(set(permissions.FOR) - permissions.sids()) == []


def test_every_file_that_a_manifest_seals_is_in_the_table_of_files() -> None:
    named = set(re.findall(r"^\| `([^`]+)` \|", text_of("docs/evidence.md"), re.MULTILINE))
    assert sorted({*SEALED} - named) == []

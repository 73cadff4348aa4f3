"""README's table of permissions is true to what the kinds declare and to what the member role is never allowed."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.app import MEMBER_PERMISSIONS
from orchestrator.kinds import registry
from tests.support.cloudformation import as_list, resolved, statements

README = (Path(__file__).parents[2] / "README.md").read_text()


def shown(who: str) -> set[str]:
    """The actions in the rows of exactly this one; an action without a service is of the one before."""
    found, service = set(), ""
    for cell in re.findall(rf"^\| {who} \| (.+?) \|", README, re.MULTILINE):
        for named, action in re.findall(r"`(?:([a-z0-9-]+):)?([A-Z]\w+)`", cell):
            service = named or service
            found.add(f"{service}:{action}")
    return found


def test_the_member_role_is_shown_with_what_the_kinds_declare() -> None:
    assert shown("member role") == MEMBER_PERMISSIONS | registry.permissions()


def test_the_hub_is_shown_with_what_doctor_alone_asks() -> None:
    own = [one for one in statements(resolved("hub")["Resources"]["HubRole"]) if one["Sid"].startswith("Diagnose")]
    assert shown("hub, for `doctor` alone") == {action for one in own for action in as_list(one["Action"])}


def test_what_the_member_role_is_never_allowed_is_shown() -> None:
    role = resolved("member-role")["Resources"]["MemberRole"]["Properties"]
    denied = [one for one in statements(role["Policies"]) if one["Effect"] == "Deny"]
    assert shown("member role, never") == {action for one in denied for action in as_list(one["Action"])}

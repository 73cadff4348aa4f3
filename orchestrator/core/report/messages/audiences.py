"""Who is told of what is whose: by the owner, else by the account's tag, else by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.core.model.notification import Channel, OwnerContacts
from orchestrator.core.policy.conditions.matching import globs_of


class Audiences:
    """For one sweep. `account_contacts`: what accounts have in the tag that names one of the contacts."""

    def __init__(self, contacts: OwnerContacts, account_contacts: Mapping[str, str]) -> None:
        self._contacts = contacts
        self._literal = dict(contacts.contacts)
        self._account_contacts = account_contacts
        self._known: dict[str, Channel | None] = {}

    def of(self, row: Mapping[str, Any]) -> str:
        """To whom a row with `owner` and `account_id` belongs: its owner, or the contact of its account where the owner
        is no contact.
        """
        owner = str(row.get("owner", "")).strip()
        if not self._account_contacts or self._contact(owner) is not None:
            return owner
        instead = self._account_contacts.get(row["account_id"] or "", "")
        return instead if self._contact(instead) is not None else owner

    def channel_of(self, audience: str) -> Channel | None:
        """How they are reached; None: they are not."""
        return self._contact(audience) or self._contacts.default

    def _contact(self, owner: str) -> Channel | None:
        if owner not in self._known:
            self._known[owner] = self._find(owner) if owner else None
        return self._known[owner]

    def _find(self, owner: str) -> Channel | None:
        if owner in self._literal:
            return self._literal[owner]
        return next((channel for glob, channel in self._contacts.contacts if globs_of(glob).match(owner)), None)

"""The organization listed by one step after the other, each in half of a Lambda's time at most.

AWS Organizations allows few calls, so that the tags of ten thousand accounts may take longer than a Lambda lasts. What
a step has read is a sealed file, with which the next one begins: together they make the listing that one process with
enough time makes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from orchestrator.core.model import Account, AwsError, Halt, HaltCause, Organization, OrganizationalUnit
from orchestrator.core.model.bulk_tags import BulkTags
from orchestrator.ports import Carrier, OrganizationPort, World
from orchestrator.sweep.inventory_file import seal_content, sealed_content
from orchestrator.sweep.read import Listing, list_accounts
from orchestrator.sweep.state import Sweep

A_STEP_LISTS = timedelta(minutes=6)
"""Then no further tags are asked for; with what is under way it is half of a Lambda's time."""
_BEGUN = "work/organization.json"
_UP = Halt(HaltCause.OUT_OF_TIME, "the rest is read by the next step of the state machine")


@dataclass(frozen=True, slots=True)
class _Begun:
    """What the first step found; no later one finds it anew."""

    organization: Organization
    """Without tags."""
    listing: Listing
    """As it was before the tags were read, without accounts."""


@dataclass(frozen=True, slots=True)
class _Tagged:
    """What one step read of tags."""

    accounts: tuple[Account, ...] = ()
    """With their tags and those of the units above them."""
    carriers: tuple[Account | OrganizationalUnit, ...] = ()
    """With their own tags only."""


_BEGUN_FILE = TypeAdapter(_Begun)
_TAGGED_FILE = TypeAdapter(_Tagged)


def list_in_steps(world: World, sweep: Sweep) -> Listing | None:
    """The listing; None where its tags are not all read yet, and another step has to be begun for the rest.

    A halt ends it as it ends the listing of one process. Raises OrganizationError and LedgerError.
    """
    begun = _restore_begun(world, sweep)
    organization = _Resumed(world.organization, begun.organization if begun else None, _restore_tagged(world, sweep))
    began_at, found = world.clocks.elapsed(), list[Listing]()
    was_up = threading.Event()

    def halt() -> Halt | None:
        halted = world.halt()
        if halted is None and world.clocks.elapsed() - began_at > A_STEP_LISTS.total_seconds():
            was_up.set()
            return _UP
        return halted

    here = replace(world, organization=organization, halt=halt)
    listing = list_accounts(here, sweep.policy, sweep.today, found.append)
    first = begun.listing if begun else found[0]
    if was_up.is_set() and world.halt() is None:
        if begun is None:
            content = _BEGUN_FILE.dump_json(_Begun(organization.read(), replace(first, accounts=())))
            world.store.put(sweep.sweep_id, _BEGUN, seal_content(content))
        content = _TAGGED_FILE.dump_json(organization.tagged)
        world.store.put(sweep.sweep_id, _tagged_file(_next_number(world, sweep)), seal_content(content))
        return None
    # What a listing remembers in the ledger is held against the next one: this one was held against those before it.
    return replace(listing, listed_at=first.listed_at, names=first.names, others=first.others)


class _Resumed:
    """ports.OrganizationPort: what earlier steps have read is not asked for again."""

    def __init__(self, inner: OrganizationPort, organization: Organization | None, before: Sequence[_Tagged]) -> None:
        self._inner = inner
        self._organization = organization
        self._accounts = {one.id: one for some in before for one in some.accounts}
        self._carriers = {one.id: one for some in before for one in some.carriers}
        self._new_accounts: list[Account] = []
        self._new_carriers: list[Account | OrganizationalUnit] = []
        self._lock = threading.Lock()

    @property
    def tagged(self) -> _Tagged:
        """What this step has read."""
        with self._lock:
            return _Tagged(tuple(self._new_accounts), tuple(self._new_carriers))

    def read(self, *told: Any, **named: Any) -> Organization:
        """Whatever the port's `read` takes."""
        if self._organization is None:
            self._organization = self._inner.read(*told, **named)
        return self._organization

    def read_tags(self, accounts: Sequence[Account]) -> tuple[Account, ...]:
        left = [one for one in accounts if one.id not in self._accounts]
        for account in self._inner.read_tags(left) if left else ():
            self._accounts[account.id] = account
            self._new_accounts.append(account)
        return tuple(self._accounts[one.id] for one in accounts)

    def read_own_tags(self, carrier: Carrier) -> Carrier:
        with self._lock:
            known = self._carriers.get(carrier.id)
        if known is None:
            known = self._inner.read_own_tags(carrier)
            with self._lock:
                self._carriers[carrier.id] = known
                self._new_carriers.append(known)
        return replace(carrier, tags=known.tags, tags_error=known.tags_error, tags_read_at=known.tags_read_at)

    def read_bulk_tags(self, organization_id: str) -> BulkTags | AwsError:
        return self._inner.read_bulk_tags(organization_id)


def _restore_begun(world: World, sweep: Sweep) -> _Begun | None:
    content = world.store.find(sweep.sweep_id, _BEGUN)
    return _BEGUN_FILE.validate_json(sealed_content(content, _BEGUN)) if content is not None else None


def _restore_tagged(world: World, sweep: Sweep) -> tuple[_Tagged, ...]:
    return tuple(_TAGGED_FILE.validate_json(sealed_content(one, name)) for name, one in _tagged_files(world, sweep))


def _tagged_files(world: World, sweep: Sweep) -> Iterator[tuple[str, bytes]]:
    number = 1
    while (content := world.store.find(sweep.sweep_id, _tagged_file(number))) is not None:
        yield _tagged_file(number), content
        number += 1


def _next_number(world: World, sweep: Sweep) -> int:
    return 1 + sum(1 for _ in _tagged_files(world, sweep))


def _tagged_file(number: int) -> str:
    return f"work/tagged-{number}.json"

"""What is up in one target, and stopping or starting some of it, for DB instances and DB clusters alike.

A kind says what its rows are by class attributes; runs inside `AccountsPort.bind`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Protocol

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import unreadable_when_refused
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Region, Resource, Target
from orchestrator.core.model.copies import tell_once
from orchestrator.core.model.kind import KindDescription
from orchestrator.core.model.price import Billed
from orchestrator.kinds.shared.database_calls import DatabaseListing
from orchestrator.kinds.shared.databases import is_read
from orchestrator.kinds.shared.engine import KindOnEngine
from orchestrator.kinds.shared.looking import look_at_each, require_all
from orchestrator.kinds.shared.operations import Operations
from orchestrator.kinds.shared.permissions import ReadingOnly


class _MakeResource(Protocol):
    def __call__(self, raw: Any, target: Target, partition: str, /) -> Resource: ...


class _MakeBilled(Protocol):
    def __call__(self, resource: Resource, /) -> Billed: ...


class _MakeOperations(Protocol):
    def __call__(self, client: Any, target: Target, partition: str, /) -> Operations: ...


class DatabaseKind(KindOnEngine):
    """ports.Kind and ports.TargetBilling."""

    listing: ClassVar[DatabaseListing]
    make_resource: ClassVar[_MakeResource]
    """Of a row of the listing."""
    make_operations: ClassVar[_MakeOperations]
    make_billed: ClassVar[_MakeBilled]

    def __init__(self, clients: Clients, retries: Retries, now: Callable[[], datetime], pacing: Pacing) -> None:
        super().__init__(retries, now, pacing)
        self._clients = clients

    def read(self, target: Target, *, with_stopped: bool = False) -> tuple[Resource, ...]:
        with unreadable_when_refused(self._listing):
            found = self.listing.all(self._client(target.region), self._paced(target).call)
            raw = list(self.listing.of_account(target.account_id, found))
        told = tell_once(type(self).make_resource(one, target, self._clients.partition) for one in raw)
        return tuple(resource for resource in told.each if is_read(resource, with_stopped=with_stopped))

    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        seen, refused = look_at_each(resource_ids, self._operations(target).describe, self._paced(target))
        return require_all(resource_ids, seen, refused, self._listing)

    def billed(self, target: Target, resources: Sequence[Resource]) -> Mapping[str, Billed]:
        del target  # what the listing told is all that it takes
        return {one.resource_id: type(self).make_billed(one) for one in resources}

    def _operations(self, target: Target) -> Operations:
        return type(self).make_operations(self._client(target.region), target, self._clients.partition)

    def _client(self, region: Region) -> Any:
        return self._clients.member(self.profile.service, region)

    @property
    def _listing(self) -> str:
        """For messages."""
        return f"{self.profile.service}:{self.listing.operation}"


def reading_only(
    description: KindDescription, listing: DatabaseListing, identifier: str
) -> Callable[[Clients, Retries], ReadingOnly]:
    """What doctor can ask of such a kind. `identifier`: an id's name in a row."""
    [service] = description.operations

    def permissions(clients: Clients, retries: Retries) -> ReadingOnly:
        def list_ids(region: Region) -> Iterator[str]:
            return (one[identifier] for one in listing.all(clients.member(service, region), lambda _, ask: ask()))

        return ReadingOnly(description, retries, list_ids)

    return permissions

"""The calls that DB instances and DB clusters have in common: lists, and tags, which go by ARN."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore import xform_name

from orchestrator.aws.failures import require_account
from orchestrator.aws.pages import MARKER, each_page
from orchestrator.core.model import AccountId, Action, Resource, Tags, Target
from orchestrator.kinds.shared.operations import Call, answer_with, in_portions, plain_stop_instead, require_answer

_PAGE_SIZE = 100
"""The most that RDS gives, and so many ids a filter."""


class DatabaseOperations:
    """Of shared.operations.Operations what is the same for both; one resource a call."""

    def __init__(self, client: Any, target: Target, partition: str) -> None:
        self._client = client
        self._target = target
        self._partition = partition

    def possible_action(self, _resource: Resource, action: Action) -> tuple[Action, str]:
        return plain_stop_instead(action)

    def mark(self, resources: Sequence[Resource], tags: Tags) -> None:
        [resource] = resources
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        require_answer(lambda: self._client.add_tags_to_resource(ResourceName=resource.arn, Tags=pairs))

    def unmark(self, resources: Sequence[Resource], keys: Sequence[str]) -> None:
        [resource] = resources
        require_answer(lambda: self._client.remove_tags_from_resource(ResourceName=resource.arn, TagKeys=[*keys]))

    def untag(self, resources: Sequence[Resource], tags: Tags) -> None:
        """RDS takes keys alone; that the values are as they were the look right before has told."""
        self.unmark(resources, [*tags])


@dataclass(frozen=True, slots=True)
class DatabaseListing:
    """One operation of RDS that lists: page by page all of a region, or some by their ids."""

    operation: str
    answered: str
    """The list's name in an answer."""
    filter: str
    """By which ids are asked for. One that RDS does not know is left out; asked for by itself, it would be an error."""
    arn: str
    """Its name in a row."""

    def all(self, client: Any, call: Call) -> Iterator[Any]:
        """As botocore names their fields, whatever their state. Raises botocore's exceptions."""
        return self._pages(client, call, {})

    def by_id(self, client: Any, ids: Sequence[str], call: Call) -> Iterator[Any]:
        """Those that RDS knows."""
        for some in in_portions(ids, _PAGE_SIZE):
            yield from self._pages(client, call, {"Filters": [{"Name": self.filter, "Values": [*some]}]})

    def of_account(self, account_id: AccountId, rows: Iterable[Any]) -> Iterator[Any]:
        """The same rows. Raises botocore's exception at one whose ARN is not of that account."""
        for one in rows:
            require_account(self.operation, account_id, one.get(self.arn) or "")
            yield one

    def _pages(self, client: Any, call: Call, asked: dict[str, Any]) -> Iterator[Any]:
        """A page that is tried again does not cost those before it."""
        method = getattr(client, xform_name(self.operation))

        def ask(**more: str) -> Any:
            rows = partial(method, MaxRecords=_PAGE_SIZE, **asked, **more)
            return call(self.operation, partial(answer_with, self.answered, rows))

        for page in each_page(self.operation, ask, MARKER):
            yield from page[self.answered]

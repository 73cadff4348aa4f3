"""What doctor can ask of a kind whose calls have no dry run.

Reading is tried; of the rest the policy simulator knows, where it may be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.retries import Retries
from orchestrator.core.diagnosis.checks import Asked
from orchestrator.core.model import Region
from orchestrator.core.model.kind import KindDescription

_NO_DRY_RUN = "AWS has no dry run for it"


class ReadingOnly:
    """doctor.PermissionsPort; runs inside `AccountsPort.bind`."""

    def __init__(
        self, description: KindDescription, retries: Retries, list_ids: Callable[[Region], Iterator[str]]
    ) -> None:
        """`list_ids`: the ids of a region's resources, page by page. Raises botocore's exceptions."""
        [self._action] = description.checks
        self._retries = retries
        self._list_ids = list_ids
        self.description = description

    def read(self, region: Region) -> tuple[Asked, str | None]:
        try:
            return Asked(self._action), self._retries.call(lambda: next(self._list_ids(region), None))
        except AWS_FAILURES as failure:
            return Asked(self._action, error_of(failure)), None

    def ask(self, _region: Region, _resource_id: str | None) -> tuple[Asked, ...]:
        """Nothing: of what is needed and not asked for doctor asks the policy simulator."""
        return ()

    def ask_of_marked(self, _regions: Sequence[Region]) -> tuple[tuple[Region, Asked], ...]:
        """Nothing, as `ask`."""
        return ()

    def ask_of_unmarked(self, regions: Sequence[Region]) -> tuple[Region, Asked]:
        """As `ask`: whether the role starts what carries no mark is not asked."""
        return regions[0], Asked("start", optional=True, not_asked=_NO_DRY_RUN)

    def ask_of_tag_keys(self, _region: Region, _resource_id: str | None, _keys: Sequence[str]) -> Asked:
        """As `ask`: whether the role writes the tags of rules is not asked."""
        return Asked("tag", optional=True, not_asked=_NO_DRY_RUN)

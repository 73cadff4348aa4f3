"""SageMaker notebook instances: what is up in one target, and stopping or starting some of it; runs inside
`AccountsPort.bind`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, error_of, unreadable_when_refused
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Region, Resource, ResourceState, Target
from orchestrator.core.model.copies import tell_once
from orchestrator.core.model.price import Billed
from orchestrator.kinds.sagemaker_notebook.act import PROFILE, NotebookOperations
from orchestrator.kinds.sagemaker_notebook.describe import (
    DESCRIBE,
    LIST,
    LIST_TAGS,
    all_notebooks,
    notebook,
    of_account,
    with_tags,
)
from orchestrator.kinds.sagemaker_notebook.description import SAGEMAKER_NOTEBOOK
from orchestrator.kinds.sagemaker_notebook.prices import billed
from orchestrator.kinds.sagemaker_notebook.rules import is_up, resource_of, state_of
from orchestrator.kinds.shared.engine import KindOnEngine
from orchestrator.kinds.shared.entry import KindEntry
from orchestrator.kinds.shared.looking import look_at_each, require_all
from orchestrator.kinds.shared.permissions import ReadingOnly


class NotebookInstances(KindOnEngine):
    """ports.Kind and ports.TargetBilling for SageMaker notebook instances."""

    description = SAGEMAKER_NOTEBOOK
    profile = PROFILE

    def __init__(self, clients: Clients, retries: Retries, now: Callable[[], datetime], pacing: Pacing) -> None:
        super().__init__(retries, now, pacing)
        self._clients = clients

    def read(self, target: Target, *, with_stopped: bool = False) -> tuple[Resource, ...]:
        """A call of a region without any; one more for the tags of each that is not left out."""
        down = {ResourceState.STOPPING, ResourceState.STOPPED} if with_stopped else {ResourceState.STOPPING}
        client, call = self._clients.member("sagemaker", target.region), self._paced(target).call
        with unreadable_when_refused(f"sagemaker:{LIST}"):
            listed = list(of_account(target.account_id, all_notebooks(client, call)))
        states = [(one["NotebookInstanceName"], state_of(one.get("NotebookInstanceStatus"))) for one in listed]
        names = {name for name, state in states if is_up(state) or state in down}
        wanted = [one for one in listed if one["NotebookInstanceName"] in names]  # with copies in another state
        with unreadable_when_refused(f"sagemaker:{LIST_TAGS}"):
            told = list(with_tags(client, wanted, call))
        return tell_once(resource_of(raw, tags, target, self._clients.partition) for raw, tags in told).each

    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        seen, refused = look_at_each(resource_ids, self._operations(target).describe, self._paced(target))
        return require_all(resource_ids, seen, refused, f"sagemaker:{DESCRIBE}")

    def billed(self, target: Target, resources: Sequence[Resource]) -> Mapping[str, Billed]:
        """A call each: the listing does not tell the sizes of volumes."""
        return {one.resource_id: billed(one, self._volume(target, one.resource_id)) for one in resources}

    def _volume(self, target: Target, name: str) -> int | str:
        """Its GB, or why they are not known."""
        client = self._clients.member("sagemaker", target.region)
        try:
            told = notebook(client, target.account_id, name, self._paced(target).call)
        except AWS_FAILURES as failure:
            return f"sagemaker:{DESCRIBE}: {error_of(failure)}"
        size = (told or {}).get("VolumeSizeInGB")
        return size if isinstance(size, int) else "AWS did not tell the size of its volume"

    def _operations(self, target: Target) -> NotebookOperations:
        return NotebookOperations(self._clients.member("sagemaker", target.region), target, self._clients.partition)


def _permissions(clients: Clients, retries: Retries) -> ReadingOnly:
    def list_ids(region: Region) -> Iterator[str]:
        notebooks = all_notebooks(clients.member("sagemaker", region), lambda _, ask: ask())
        return (one["NotebookInstanceName"] for one in notebooks)

    return ReadingOnly(SAGEMAKER_NOTEBOOK, retries, list_ids)


KIND = KindEntry(SAGEMAKER_NOTEBOOK, NotebookInstances, _permissions)

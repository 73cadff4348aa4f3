"""The tags by which a sweep marks what it stopped: written after a stop, deleted after a start."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator.aws.failures import error_of
from orchestrator.core.decide.undo import STOPPED_BY_TAG
from orchestrator.core.model import AwsError
from orchestrator.kinds.ec2.paced import Paced

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

STOPPED_AT_TAG = "stop-orchestrator:stopped-at"
MARKS = (STOPPED_BY_TAG, STOPPED_AT_TAG)


class StopTags:
    """One target's. What cannot be tagged is a warning by instance id, never a failed stop or start."""

    def __init__(self, client: EC2Client, paced: Paced) -> None:
        self._client = client
        self._paced = paced

    def write(self, ids: Sequence[str], sweep_id: str, at: datetime) -> Mapping[str, str]:
        tags: Any = [
            {"Key": STOPPED_BY_TAG, "Value": sweep_id},
            {"Key": STOPPED_AT_TAG, "Value": at.strftime("%Y-%m-%dT%H:%M:%SZ")},
        ]
        refused = self._all_but_refused(
            "CreateTags", ids, lambda some: self._client.create_tags(Resources=some, Tags=tags)
        )
        return {one: f"not tagged: {error}" for one, error in refused.items()}

    def delete(self, ids: Sequence[str]) -> Mapping[str, str]:
        tags: Any = [{"Key": key} for key in MARKS]
        refused = self._all_but_refused(
            "DeleteTags", ids, lambda some: self._client.delete_tags(Resources=some, Tags=tags)
        )
        return {one: f"its tags were not deleted: {error}" for one, error in refused.items()}

    def _all_but_refused(
        self, operation: str, ids: Sequence[str], change: Callable[[list[str]], object]
    ) -> dict[str, AwsError]:
        """Puts aside what a refusal names, all of them when it names none, and goes on with the rest."""
        refused: dict[str, AwsError] = {}
        left = list(ids)
        while left:
            error = self._refusal(operation, left, change)
            if error is None:
                break
            named = [one for one in left if names(error.message, one)] or left
            refused.update(dict.fromkeys(named, error))
            left = [one for one in left if one not in refused]
        return refused

    def _refusal(self, operation: str, ids: list[str], change: Callable[[list[str]], object]) -> AwsError | None:
        try:
            self._paced.call(operation, lambda: change(ids))
        except Exception as failure:  # noqa: BLE001 - whatever breaks, the instance was stopped or started all the same
            return error_of(failure)
        return None


def names(message: str, instance_id: str) -> bool:
    """Whether AWS's message names this instance, and not only one whose id begins with it."""
    return re.search(rf"(?<![\w-]){re.escape(instance_id)}(?![\w-])", message) is not None

"""Looking at several resources by their ids: one that AWS refuses to tell of costs no other its look."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.core.model import AwsError, Resource
from orchestrator.core.model.copies import tell_once
from orchestrator.kinds.shared.isolating import isolate
from orchestrator.kinds.shared.operations import Call
from orchestrator.kinds.shared.paced import Paced
from orchestrator.ports import LookRefusedError, TargetUnreadableError

T = TypeVar("T")

_AMBIGUOUS = "AmbiguousAnswer"
"""The code of what is in AWS's answer in copies that differ."""


def look_at_each(
    ids: Sequence[str],
    describe: Callable[[Sequence[str], Call], Iterable[Resource]],
    paced: Paced,
    *,
    takes_faults_apart: bool = True,
) -> tuple[Mapping[str, Resource], dict[str, AwsError]]:
    """As `describe_each`, by id; nothing is known of one of which AWS's answer has copies that differ."""
    found, refused = describe_each(ids, describe, paced, takes_faults_apart=takes_faults_apart)
    told = tell_once(found)
    unclear = {one: AwsError(_AMBIGUOUS, why) for one, why in told.ambiguities.items()}
    return told.clear, {**refused, **unclear}


def describe_each(
    ids: Sequence[str],
    describe: Callable[[Sequence[str], Call], Iterable[T]],
    paced: Paced,
    *,
    takes_faults_apart: bool = True,
) -> tuple[list[T], dict[str, AwsError]]:
    """What AWS tells of each of them, and by id why it tells nothing of some.

    `describe` makes its calls by what it is given, and raises botocore's exceptions. Permissions to describe do not
    differ between resources.
    """
    found: list[T] = []
    failed = isolate(
        ids,
        len(ids) or 1,
        lambda some, turns: found.extend(list(describe(some, turns.call))),
        paced,
        denials_concern_all=True,
        takes_faults_apart=takes_faults_apart,
    )
    for failure in failed.values():
        if not isinstance(failure, AWS_FAILURES):
            raise failure
    return found, {one: error_of(failure) for one, failure in failed.items()}


def require_all(
    ids: Sequence[str], seen: Mapping[str, Resource], refused: Mapping[str, AwsError], operation: str
) -> Mapping[str, Resource]:
    """What was seen. Raises TargetUnreadableError where AWS refused all, and LookRefusedError otherwise where some are
    not known.
    """
    if not refused:
        return seen
    first = next(iter(refused.values()))
    if len(refused) == len(set(ids)) and all(one.code != _AMBIGUOUS for one in refused.values()):
        raise TargetUnreadableError(first, operation)
    raise LookRefusedError(first, operation, seen, refused)

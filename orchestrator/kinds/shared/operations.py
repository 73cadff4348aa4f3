"""What a kind supplies to the shared engine: its calls, how many resources they take, what AWS's codes mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from botocore.parsers import ResponseParserError

from orchestrator.core.model import Action, Resource, ResourceState, Tags

T = TypeVar("T")


class Call(Protocol):
    """Makes one call of that name in its turn, once or as often as retries allow; raises its last failure."""

    def __call__(self, operation: str, function: Callable[[], T], /) -> T: ...


@dataclass(frozen=True, slots=True)
class ErrorTable:
    """AWS's codes for a stop or a start, by what they mean. Whatever is not named here fails for good."""

    wrong_state: frozenset[str]
    """It is not in a state for this; where it is already as wanted, that is success."""
    wrong_state_passes: bool = False
    """Seconds later it may be in a state for it: the same call again, as often as retries allow."""
    no_capacity: frozenset[str] = frozenset()
    """Retried after everything else; never taken for a server's passing fault, whatever the HTTP status."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What distinguishes a kind's calls from those of other kinds."""

    service: str
    """AWS's name of the service in IAM and in rates."""
    stop: str
    start: str
    mark: str
    unmark: str
    batch_size: int
    """How many resources the guard is asked for at once."""
    resources_a_call: int
    """How many of them AWS takes in one call, of a batch."""
    errors: ErrorTable
    noun: str
    """For messages, such as `instance`."""
    destroyed: str
    """AWS's word for what makes one gone, such as `terminated`."""

    def operation(self, action: Action) -> str:
        """AWS's name of the operation that carries the action out."""
        return self.start if action.starts else self.stop


class Operations(Protocol):
    """One kind's calls in one target; each is made once and raises botocore's exceptions. Turns are the engine's."""

    @property
    def profile(self) -> Profile: ...

    def possible_action(self, resource: Resource, action: Action) -> tuple[Action, str]:
        """The action that can be carried out for it, and, where it is not the one asked for, a note that says why."""
        ...

    def change(self, resources: Sequence[Resource], action: Action) -> Mapping[str, ResourceState]:
        """Stops or starts them: by id, the state that each was in before as far as AWS says so.

        One that AWS's answer leaves out is missing.
        """
        ...

    def describe(self, resource_ids: Sequence[str], call: Call) -> Iterable[Resource]:
        """Those that AWS still knows, in whatever state and as often as it tells them; makes each of its calls through
        `call`.
        """
        ...

    def mark(self, resources: Sequence[Resource], tags: Tags) -> None: ...

    def unmark(self, resources: Sequence[Resource], keys: Sequence[str]) -> None: ...

    def untag(self, resources: Sequence[Resource], tags: Tags) -> None:
        """Deletes these tags; where AWS takes a value beside the key, only those that have it."""
        ...


@runtime_checkable
class GivesBack(Protocol):
    """An optional capability of operations: a stop changes more than the resource itself, such as what scales it.

    It is taken before the stop, and given back where the stop had no effect and after a start: while it runs, before
    its marks are deleted, by whichever process sees it.
    """

    def takes(self, resource: Resource) -> bool:
        """Whether a stop of it, as it was planned, changes anything beside it."""
        ...

    def take(self, resource: Resource) -> None:
        """Changes that, where it `takes` anything, once; in its turn. Raises botocore's exceptions."""
        ...

    def give_back(self, resource: Resource, fresh: Resource) -> None:
        """What a stop changed beside it is as `resource.restore` says. Nothing is called where `fresh` is down, or not
        as a stop leaves it.

        Calls in its turn, by itself, as often as that takes; raises botocore's exceptions, also for what these
        operations took and somebody else stopped meanwhile.
        """
        ...


def plain_stop_instead(action: Action) -> tuple[Action, str]:
    """`possible_action` of a kind that AWS has no hibernation for."""
    return (Action.STOP, "AWS cannot hibernate it: plain stop instead") if action is Action.HIBERNATE else (action, "")


_ABOUT_STOPPING = re.compile(
    r"disableApiStop|ec2:StopInstances|one-time Spot"
    r"|\b(?:can't|cannot|can not|may not) (?:be )?stop(?:ped)?\b(?![- /(]+(?:(?:with|and|by|for) )?hibernat)",
    re.IGNORECASE,
)
"""Words by which AWS refuses a stop of any sort."""


def is_about_hibernation(code: str, message: str) -> bool:
    """Whether a refusal of AWS is about hibernating, whatever its code, and not about stopping: a plain stop may pass.

    Where it does not after all, the plain stop is refused itself.
    """
    if "hibernat" in code.lower():
        return True
    return "hibernat" in message.lower() and _ABOUT_STOPPING.search(message) is None


def names(message: str, resource_id: str) -> bool:
    """Whether AWS's message names this resource, and not only one whose id contains it."""
    return re.search(rf"(?<![\w-]){re.escape(resource_id)}(?![\w-])", message) is not None


def answer_with(key: str, call: Callable[[], Any]) -> Any:
    """The call's answer. Raises ResponseParserError for one without that part: a proxy's page is not an empty list."""
    try:
        answer = call()
        answer[key]
    except KeyError as missing:  # botocore's own too, where the wrapper of a result is missing
        raise ResponseParserError(f"the answer has no {missing}") from missing
    return answer


def require_answer(call: Callable[[], Any]) -> None:
    """Makes a call whose answer says nothing but that it was done. Raises ResponseParserError for one that is not
    AWS's: botocore takes any page of XML for it, and AWS's alone names the request.
    """
    answer = call()
    if not answer.get("ResponseMetadata", {}).get("RequestId"):
        raise ResponseParserError("the answer is not AWS's: it names no request")


def in_portions(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Slices of at most `size` items, in order."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

"""What AWS answers to each call in a member account, for whoever wants to see it: a person who tries the first account.

Without a listener nothing is registered, and no call costs more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from orchestrator.aws.failures import error_of

_BEGAN = "stop_orchestrator_began"
_STATES = ("PreviousState", "CurrentState")
_MEMBER_CALLS: Mapping[str, str] = {"hub-once sts": ".AssumeRole"}
"""Of the hub's clients, by role and service: what is asked about a member account."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One call and its answer."""

    call: str
    """Such as `ec2:StopInstances`."""
    region: str
    seconds: float
    request_id: str = ""
    """AWS's own, by which its support finds the call; empty where there was no answer."""
    code: str = ""
    """Of the refusal, in AWS's words; empty where AWS did what was asked."""
    message: str = ""
    states: tuple[str, ...] = ()
    """Of the one resource that the answer is about, as AWS names them: before and after a change, or as it is."""


class Hearing:
    """Tells a listener of the calls of clients. `clock` is monotonic, in seconds."""

    def __init__(self, tell: Callable[[Answered], None], clock: Callable[[], float]) -> None:
        self._tell = tell
        self.clock = clock

    def attach(self, client: Any, role: str, service: str) -> None:
        """To a client that is asked in member accounts, or about one; not to any other."""
        operations = "" if role == "member" else _MEMBER_CALLS.get(f"{role} {service}")
        if operations is None:
            return
        signing_name, region = client.meta.service_model.signing_name, client.meta.region_name

        def begin(context: dict[str, Any], **_more: Any) -> None:
            context[_BEGAN] = self.clock()

        def answered(parsed: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_more: Any) -> None:
            error, about = parsed.get("Error", {}), parsed.get("ResponseMetadata", {})
            self.tell(
                Answered(
                    f"{signing_name}:{model.name}",
                    region,
                    self._since(context),
                    about.get("RequestId", ""),
                    error.get("Code", ""),
                    error.get("Message", ""),
                    tuple(_states(parsed)),
                )
            )

        def failed(exception: BaseException, context: Mapping[str, Any], event_name: str = "", **_more: Any) -> None:
            failure = error_of(exception) if isinstance(exception, Exception) else None
            code, message = (failure.code, failure.message) if failure else (type(exception).__name__, "")
            operation = event_name.rpartition(".")[2]
            seconds = self._since(context)
            self.tell(Answered(f"{signing_name}:{operation}", region, seconds, code=code, message=message))

        events = client.meta.events
        events.register(f"before-call.{service}{operations}", begin)
        events.register(f"after-call.{service}{operations}", answered)
        events.register(f"after-call-error.{service}{operations}", failed)

    def tell(self, answered: Answered) -> None:
        """Of any call; the events' own, and one that does not go through them.

        A listener whose terminal hung up costs no call: it was made, and what AWS answered has to be recorded.
        """
        with suppress(OSError):
            self._tell(answered)

    def _since(self, context: Mapping[str, Any]) -> float:
        now = self.clock()
        return float(now - context.get(_BEGAN, now))


def _states(parsed: Mapping[str, Any]) -> Iterable[str]:
    """Of an answer about one instance: to a change of it, as StopInstances and StartInstances have it, or to a look."""
    seen = [one for reservation in parsed.get("Reservations", ()) for one in reservation.get("Instances", ())]
    if len(seen) == 1 and "State" in seen[0]:
        yield seen[0]["State"]["Name"]
    for changes in parsed.values():
        if isinstance(changes, list) and len(changes) == 1 and isinstance(changes[0], dict):
            found = (changes[0].get(name) for name in _STATES)
            yield from (one["Name"] for one in found if isinstance(one, dict) and "Name" in one)

"""Tells people and programs of a sweep once its report is sealed; what fails here is a warning, and costs no sweep.

A sweep whose process dies meanwhile is told again by the one that resumes it, but for what the ledger has as told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from orchestrator.core.model import Mode, SweepStatus
from orchestrator.core.model.notification import Channel, ChannelKind, Occasion
from orchestrator.core.report.approval_message import approval_message
from orchestrator.core.report.messages.audiences import Audiences
from orchestrator.core.report.messages.events import event_of, missed_event
from orchestrator.core.report.messages.message import Event, Message, listed
from orchestrator.core.report.messages.occasions import is_quiet, is_warning, occasion_of
from orchestrator.core.report.messages.owner_digests import MOST_OWNERS, DigestWriter, OwnerShare, owner_shares
from orchestrator.core.report.messages.parcel import Parcel
from orchestrator.core.report.messages.sweep_messages import missed_message, sweep_message
from orchestrator.errors import StopOrchestratorError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from orchestrator.ports import Caller, Telling, World

Document = Mapping[str, Any]
_OF_OWNERS = (Occasion.COMPLETED, Occasion.INCOMPLETE)
_MARK_AT_ONCE = 25
"""Messages that are delivered between two writes to the ledger, at most."""


def tell_of_sweep(world: World, document: Document, location: str) -> str:
    """Tells whoever the policy names, and of a plan that waits for approval those who may approve it; `location`: the
    report's. What is to be warned of, which was warned of; empty where all were told.
    """
    waits = document["status"] == SweepStatus.AWAITING_APPROVAL
    if waits and not [*_approvers(world.telling)]:
        world.warn(f"{document['sweep_id']} waits for approval, and nobody is told: {_NO_APPROVERS}")
    if not world.telling.notifications.channels:
        return ""

    def make() -> Iterator[Parcel]:
        if waits:
            yield from _to_approvers(world.telling, *approval_message(document, location))
        yield from _parcels(world.telling, document, location, standing=world.standing)

    return _tell(world, world.ledger, world.telling, document, make)


_NO_APPROVERS = "no topic or channel is named for that (`notify` in the policy, STOP_ORCHESTRATOR_TOPIC)"


def _to_approvers(telling: Telling, subject: str, text: str) -> Iterator[Parcel]:
    return _to_each(_approvers(telling), Message(subject, tuple(text.split("\n"))), "approval")


def _approvers(telling: Telling) -> Iterator[Channel]:
    channels = telling.notifications.hearing(Occasion.APPROVAL)
    return (one for one in channels if one.kind is not ChannelKind.EVENTBRIDGE)


def tell_of_missed(caller: Caller, ledger: Ledger, telling: Telling, missed: SweepSummary) -> str:
    """Of a sweep that never began and has no report; returns as tell_of_sweep."""
    row = missed.as_row()

    def make() -> Iterator[Parcel]:
        channels = telling.notifications.hearing(Occasion.MISSED)
        yield from _to_buses(channels, missed_event(row))
        yield from _to_people(channels, missed_message(row, telling.zone))

    return keep_warning(caller, ledger, missed.sweep_id, _tell(caller, ledger, telling, row, make))


def keep_warning(caller: Caller, ledger: Ledger, sweep_id: str, *warnings: str) -> str:
    """In the sweep's summary, where there is any; all of them as one."""
    warning = "; ".join(filter(None, warnings))
    if warning:
        try:
            ledger.amend(sweep_id, warning=warning)
        except StopOrchestratorError as failure:
            caller.warn(f"the ledger does not have that warning: {failure}")
    return warning


def _parcels(telling: Telling, document: Document, location: str, *, standing: bool) -> Iterator[Parcel]:
    """Whoever plans at a terminal sees the plan; nobody else is told of it."""
    if document["mode"] == Mode.PLAN and not standing:
        return
    occasion = occasion_of(document)
    channels = telling.notifications.hearing(occasion)
    yield from _to_buses(channels, event_of(document, location))
    if is_quiet(document):
        return
    unreachable: list[OwnerShare] = []
    yield from _digests(telling, document, occasion, unreachable)
    yield from _to_people(channels, sweep_message(document, location, telling.zone, unreachable))


def _digests(
    telling: Telling, document: Document, occasion: Occasion, unreachable: list[OwnerShare]
) -> Iterator[Parcel]:
    """One for each owner, after a sweep that acted, or before one that will; who cannot be reached is added.

    A sweep that nobody agreed to has done nothing to anything of theirs.
    """
    owners, warning = telling.notifications.owners, is_warning(document)
    acted = Mode(document["mode"]).acts and occasion in _OF_OWNERS and document["consent"] is not None
    if owners is None or not (acted or (warning and occasion is Occasion.PLANNED)):
        return
    audiences = Audiences(owners, document.get("account_contacts", {}))
    writer = DigestWriter(document, telling.zone, telling.link_for)
    made = 0
    for share in owner_shares(document, audiences.of, warning=warning):
        channel = audiences.channel_of(share.owner)
        if channel is None or made == MOST_OWNERS:
            unreachable.append(share)
            continue
        made += 1
        yield Parcel(channel, writer.write(share), f"owner {share.owner}".strip(), share.owner)


def _to_buses(channels: Iterable[Channel], event: Event) -> Iterator[Parcel]:
    return _to_each((one for one in channels if one.kind is ChannelKind.EVENTBRIDGE), event, "event")


def _to_people(channels: Iterable[Channel], message: Message) -> Iterator[Parcel]:
    return _to_each((one for one in channels if one.kind is not ChannelKind.EVENTBRIDGE), message, "sweep")


def _to_each(channels: Iterable[Channel], content: Message | Event, what: str) -> Iterator[Parcel]:
    return (Parcel(channel, content, what) for channel in channels)


def _tell(
    caller: Caller, ledger: Ledger, telling: Telling, sweep: Document, make: Callable[[], Iterable[Parcel]]
) -> str:
    """Delivers what was not delivered before. Whatever goes wrong is a warning. `sweep`: its report, or its summary."""
    parcels: list[Parcel] = []
    warnings: list[str] = []
    failed = 0
    try:
        for parcel in make():
            parcels.append(parcel)  # noqa: PERF402 - what was made before an error is sent
    except Exception as failure:  # noqa: BLE001 - the sweep is done and sealed: no message is worth its end
        failed += 1
        warnings.append(f"a message could not be written: {type(failure).__name__}: {failure}")
    try:
        untold, warning = _deliver(ledger, telling, sweep["sweep_id"], parcels)
    except Exception as failure:  # noqa: BLE001 - the same
        untold, warning = 1, f"messages were not sent: {type(failure).__name__}: {failure}"
    if parcels or failed:
        caller.count_undelivered(sweep["policy_name"], sweep["mode"], untold + failed)
    text = "; ".join(filter(None, (*warnings, warning)))
    if text:
        caller.warn(f"{sweep['sweep_id']}: {text}")
    return text


def _deliver(ledger: Ledger, telling: Telling, sweep_id: str, parcels: Sequence[Parcel]) -> tuple[int, str]:
    """How many were not delivered, and why."""
    marks = _Marks(ledger, sweep_id) if parcels else None
    to_send = [one for one in parcels if marks is not None and one.key not in marks.told]
    if marks is None or not to_send:
        return 0, ""
    untold = telling.deliver(to_send, marks.add)
    marks.write()
    failed = [f"{one}: {untold[one.key]}" for one in to_send if one.key in untold]
    text = f"{len(failed)} of {len(to_send)} messages were not delivered: {listed(failed, 5, longest=300)}"
    return len(failed), "; ".join(filter(None, (text if failed else "", marks.warning)))


class _Marks:
    """What the ledger has as told. A mark that cannot be written costs a second message at worst."""

    def __init__(self, ledger: Ledger, sweep_id: str) -> None:
        self._ledger = ledger
        self._sweep_id = sweep_id
        self._unwritten = 0
        self.warning = ""
        self.told: set[str] = set()
        try:
            self.told |= set(ledger.told(sweep_id))
        except StopOrchestratorError as failure:
            self._note(failure)

    def add(self, parcel: Parcel) -> None:
        """It was delivered just now."""
        self.told.add(parcel.key)
        self._unwritten += 1
        if self._unwritten >= _MARK_AT_ONCE:
            self.write()

    def write(self) -> None:
        if not self._unwritten or self.warning:
            return
        try:
            self._ledger.mark_told(self._sweep_id, sorted(self.told))
            self._unwritten = 0
        except StopOrchestratorError as failure:
            self._note(failure)

    def _note(self, failure: StopOrchestratorError) -> None:
        self.warning = f"which messages were delivered is not recorded: {failure}"

"""From what a policy says of messages to channels, and what is wrong with it beyond its shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.core.model.notification import (
    BUT_PLANS,
    Channel,
    ChannelKind,
    Listener,
    Notifications,
    Occasion,
    OwnerContacts,
)
from orchestrator.core.policy.schema.document import PolicyDocument
from orchestrator.core.policy.schema.notify import ContactDocument, ListenerDocument
from orchestrator.core.policy.yaml_document import Path

MOST_TOPICS = 4
"""CloudWatch lets an alarm tell five: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html.
The hub's own is among them.
"""
_FOR_PEOPLE = tuple(kind.value for kind in ChannelKind if kind is not ChannelKind.EVENTBRIDGE)
_ALL = tuple(kind.value for kind in ChannelKind)


def compile_notifications(document: PolicyDocument) -> Notifications:
    """Of a document that was checked. A topic by itself hears as it always did: of plans that wait for approval."""
    written = document.notify
    if written is None:
        listeners: tuple[Listener, ...] = ()
    elif isinstance(written, str):
        listeners = (Listener(Channel(ChannelKind.SNS, written), frozenset({Occasion.APPROVAL})),)
    else:
        listeners = tuple(map(_listener, written))
    found = document.owner_contacts
    if found is None:
        return Notifications(listeners)
    owners = OwnerContacts(
        tuple((owner, _channel(one)) for owner, one in found.contacts.items()),
        found.account_tag or "",
        _channel(found.default) if found.default is not None else None,
    )
    return Notifications(listeners, owners)


def notify_problems(value: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What contradicts itself in it."""
    notify = value.get("notify")
    listeners = notify if isinstance(notify, list) else []
    seen: dict[tuple[str, str], int] = {}
    for number, one in enumerate(listeners):
        yield from _not_one(one, ("notify", number), _ALL)
        for kind in _ALL if isinstance(one, dict) else ():
            address = one.get(kind)
            if isinstance(address, str) and (kind, address) in seen:
                first = seen[kind, address]
                text = f"is the channel of entry {first + 1} too; say there of what it hears, with `on`"
                yield ("notify", number, kind), text
            elif isinstance(address, str):
                seen[kind, address] = number
    topics = sum(kind == ChannelKind.SNS for kind, _ in seen)
    if topics > MOST_TOPICS:
        yield ("notify",), f"has {topics} SNS topics; an alarm can tell {MOST_TOPICS} of them beside the hub's"
    yield from _contact_problems(value.get("owner_contacts"))
    yield from _warning_problems(value)


def _contact_problems(owners: Any) -> Iterator[tuple[Path, str]]:
    if not isinstance(owners, dict):
        return
    contacts = owners.get("contacts")
    for owner, one in contacts.items() if isinstance(contacts, dict) else ():
        place = ("owner_contacts", "contacts", owner)
        if not (isinstance(owner, str) and owner.strip()):
            yield place, "must be an owner, as `owner_tag` names them, or a glob; put a number in quotes"
        yield from _not_one(one, place, _FOR_PEOPLE)
    yield from _not_one(owners.get("default", {"sns": ""}), ("owner_contacts", "default"), _FOR_PEOPLE)
    if not contacts and owners.get("default") is None:
        yield ("owner_contacts",), "must reach somebody: give it `contacts` or a `default`, or leave it out"
    elif not contacts and owners.get("account_tag") is not None:
        yield ("owner_contacts", "account_tag"), "has no meaning without `contacts`, one of which it names"


def _warning_problems(value: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """A preview that is to warn, and warns nobody, or is none."""
    sweeps = value.get("sweeps")
    for number, sweep in enumerate(sweeps if isinstance(sweeps, list) else []):
        if not isinstance(sweep, dict) or "notify_before" not in sweep:
            continue
        if sweep.get("mode") in ("approve", "enforce"):
            text = "must stand in an entry with `mode: plan`: a preview that begins so long before the sweep that stops"
            yield ("sweeps", number, "notify_before"), text
        if "owner_contacts" not in value:
            text = "is to warn owners, and nothing says how they are reached; add `owner_contacts`"
            yield ("sweeps", number, "notify_before"), text


def _not_one(written: Any, place: Path, kinds: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    named = sum(kind in written for kind in kinds) if isinstance(written, dict) else 1
    misspelt = not named and any(key not in (*kinds, "on") for key in written)  # which is said there
    if named != 1 and not misspelt:
        *others, last = (f"`{kind}`" for kind in kinds)
        yield place, f"must have exactly one of {', '.join(others)} and {last}"


def _listener(document: ListenerDocument) -> Listener:
    channel = _channel(document)
    heard = Occasion if channel.kind is ChannelKind.EVENTBRIDGE else BUT_PLANS
    return Listener(channel, frozenset(map(Occasion, document.on) if document.on is not None else heard))


def _channel(document: ContactDocument) -> Channel:
    found = ((kind, getattr(document, kind, None)) for kind in ChannelKind)
    return next(Channel(kind, address) for kind, address in found if address is not None)

"""Opt-outs by link in the table: written by the function that serves the links, read by sweeps of policies that have
links.

The item of one is at `OPTOUT#<arn>` and its last day, and in the index at `OPTOUTS`, so that a plan reads all of them.
Which links were used is at `OPTOUT#LINK#<sweep>` and the ARN: each gives one opt-out, however often, and by however
many at once, its button is pressed. Nothing here ever changes or deletes an item; they expire some days after they are
over.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from orchestrator.core.model.remembered import LinkedOptOut, LinkedOptOuts
from orchestrator.errors import LedgerError
from orchestrator.ledger.items import Absent, Item, Items
from orchestrator.ledger.records import FORMAT

OPT_OUT = "OPTOUT#"
OPT_OUTS = "OPTOUTS"
"""Where the index has all of them."""
_LINK = f"{OPT_OUT}LINK#"
_LASTS = timedelta(days=30)
"""After its last day: reports show until then that it is over."""
_DAY = re.compile(r"[2-9][0-9]{3}-[0-9]{2}-[0-9]{2}")
_LONGEST_VALUE = 100


@dataclass(frozen=True, slots=True)
class GivenOptOut:
    """What a person did by a link. Who that was is known as far as the link and the request tell."""

    arn: str
    until: date
    """The last day that it counts, in the policy's time zone."""
    reason: str
    sweep_id: str
    """The sweep whose message had the link."""
    given_to: str
    """The owner whom the link was for; empty: nobody in particular. Whoever has the link can use it."""
    given_at: str
    source_ip: str
    user_agent: str


def give_opt_out(items: Items, asked: GivenOptOut) -> tuple[GivenOptOut, bool]:
    """What is recorded of the resource in the end, and whether it is what was asked for now.

    A link that was used before, and an opt-out that lasts as long by another link, change nothing. Raises LedgerError.
    """
    link = (f"{_LINK}{asked.sweep_id}", asked.arn)
    used = items.get(link)
    if used is None:
        there = longest_given(items, asked.arn)
        if there is not None and there.until >= asked.until:
            return there, False
        used = _item(asked, *link)
        is_first = items.put(used, Absent())
        used = used if is_first else items.get(link) or used
    else:
        is_first = False
    given = _given(used)
    if given is None:
        raise LedgerError(f"the item {link[0]} {link[1]} of the table was altered, or is of another release")
    key = (f"{OPT_OUT}{given.arn}", given.until.isoformat())
    index = {"GSI1PK": OPT_OUTS, "GSI1SK": given.arn}
    items.put({**_item(given, *key), **index}, Absent())  # also of a process that died between the two
    return given, is_first


def longest_given(items: Items, arn: str) -> GivenOptOut | None:
    """The one that lasts longest, over or not; None where there is none that is right. Raises LedgerError."""
    found = (_given(one) for one in items.query(f"{OPT_OUT}{arn}"))
    return max((one for one in found if one is not None), key=lambda one: one.until, default=None)


def given_by_link(items: Items, sweep_id: str, arn: str) -> GivenOptOut | None:
    """What that sweep's link for the resource was used for; None where it was not. Raises LedgerError."""
    used = items.get((f"{_LINK}{sweep_id}", arn))
    return _given(used) if used is not None else None


def linked_of_all(items: Items) -> LinkedOptOuts:
    """By ARN, what the index has: some pages for a whole plan. Raises LedgerError."""
    return linked_from(items.query_index(OPT_OUTS))


def linked_of_each(items: Items, arns: Sequence[str]) -> LinkedOptOuts:
    """The same of these resources as of now, one query for each, side by side. Raises LedgerError."""
    found = items.query_each([f"{OPT_OUT}{arn}" for arn in arns])
    return linked_from(one for some in found.values() for one in some)


def linked_from(items: Iterable[Item]) -> LinkedOptOuts:
    """By ARN. One that is not right counts for good, and is reported; one that names no resource raises LedgerError."""
    found: dict[str, list[LinkedOptOut]] = defaultdict(list)
    for item in items:
        pk = str(item["PK"])
        if not pk.startswith(f"{OPT_OUT}arn:"):
            raise LedgerError(f"the item {pk} {item['SK']} of the table is no opt-out, and is listed as one")
        found[pk.removeprefix(OPT_OUT)].append(_linked(item))
    return {arn: tuple(some) for arn, some in found.items()}


def _linked(item: Item) -> LinkedOptOut:
    reason = item.get("reason")
    reason = reason.strip() or None if isinstance(reason, str) else None
    until = item.get("until", item["SK"])
    if item.get("format", FORMAT) != FORMAT:
        return LinkedOptOut("an item of another release", None, reason)
    return LinkedOptOut(str(until)[:_LONGEST_VALUE], _day(until), reason)


def _day(text: object) -> date | None:
    if not (isinstance(text, str) and _DAY.fullmatch(text)):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _item(given: GivenOptOut, pk: str, sk: str) -> Item:
    over = datetime.combine(given.until, time(), UTC) + _LASTS
    values = {**asdict(given), "until": given.until.isoformat()}
    return {"PK": pk, "SK": sk, **values, "format": FORMAT, "expires_at": int(over.timestamp())}


def _given(item: Item) -> GivenOptOut | None:
    """None for an item that is not right."""
    until = _day(item.get("until", item["SK"]))
    if until is None or item.get("format", FORMAT) != FORMAT:
        return None
    values: dict[str, Any] = {name: str(item.get(name, "")) for name in GivenOptOut.__dataclass_fields__}
    return GivenOptOut(**{**values, "until": until})

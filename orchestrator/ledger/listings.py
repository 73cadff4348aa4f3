"""What listings of an organization had, as items of the table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from orchestrator.core.model import AccountId, Listed, Place, Places
from orchestrator.ledger.items import Item

_ACCOUNTS, _UNITS = "ACCOUNTS#", "UNITS#"


def listed_from(items: Iterable[Item]) -> Listed:
    """Of every policy, and without what an item of an earlier release has not."""
    known = Listed()
    for item in items:
        if item["SK"].startswith(_ACCOUNTS):
            accounts = frozenset(map(AccountId, item["accounts"].split()))
            known = known.joined(Listed(accounts, places=_places_in(json.loads(item.get("places", "{}")))))
        elif item["SK"].startswith(_UNITS):
            units = {name: frozenset(ids) for name, ids in json.loads(item["units"]).items()}
            known = known.joined(Listed(units=units))
    return known


def listed_items(policy_name: str, before: Listed, now: Listed) -> list[Item]:
    """Those that are not as they were. Of accounts there are ten, by their last digit, as one item holds 400 KB."""
    items: list[Item] = []
    moved = {one for one, places in now.places.items() if places != before.places.get(one, frozenset())}
    for shard in sorted({one[-1] for one in (now.accounts - before.accounts) | moved}):
        accounts = sorted(one for one in now.accounts if one[-1] == shard)
        places = _by_place({one: places for one, places in now.places.items() if one[-1] == shard})
        items.append({"SK": f"{_ACCOUNTS}{shard}", "accounts": " ".join(accounts), "places": json.dumps(places)})
    if now.units != before.units:
        units = {name: sorted(ids) for name, ids in sorted(now.units.items())}
        items.append({"SK": f"{_UNITS}{policy_name}", "units": json.dumps(units)})
    return items


def _by_place(places: Places) -> Mapping[str, str]:
    """The accounts by where they were, as many were in one OU."""
    found: dict[str, list[str]] = {}
    for account_id, each in sorted(places.items()):
        for place in each:
            found.setdefault("/".join((place.unit, *place.named)), []).append(account_id)
    return {place: " ".join(accounts) for place, accounts in sorted(found.items())}


def _places_in(by_place: Mapping[str, str]) -> Places:
    found: dict[AccountId, frozenset[Place]] = {}
    for place, accounts in by_place.items():
        unit, *named = place.split("/")
        for one in map(AccountId, accounts.split()):
            found[one] = found.get(one, frozenset()) | {Place(unit, tuple(named))}
    return found

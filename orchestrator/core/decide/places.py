"""Where the accounts of an organization were when it was listed, and which of them were in an OU that is gone.

AWS moves no OU: who wants one elsewhere makes another one there, moves its accounts, and deletes the old one. If that
was below an OU that a policy names, the name is still there, and what was spared by it is not below it any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from orchestrator.core.model import Account, Organization, Place, Places

_NONE: frozenset[Place] = frozenset()


def places_after(before: Places, organization: Organization, named: Collection[str]) -> Places:
    """What to remember after this listing: where each account is, in or below the OUs that are `named`, by id, and
    where it was before in OUs that are gone.

    Not of an account that a person moved out of an OU that stays, nor below what the account is below again. Where the
    OUs above an account cannot be read, what was known stays.
    """
    there = organization.units_by_id.keys()
    return {
        **before,
        **{one.id: _places_of(one, before.get(one.id, _NONE), there, named) for one in organization.accounts},
    }


def taken_out(
    accounts: Iterable[Account], before: Places, named: Collection[str], there: Collection[str]
) -> Iterator[tuple[Account, str]]:
    """The accounts that were in or below one of the OUs `named`, in one that is not `there`; and the id of that."""
    for account in accounts:
        for place in sorted(before.get(account.id, _NONE)):
            if place.unit not in there and not {*place.named}.isdisjoint(named):
                yield account, place.unit
                break


def _places_of(
    account: Account, before: frozenset[Place], there: Collection[str], named: Collection[str]
) -> frozenset[Place]:
    if account.units_error is not None:
        return before
    above = [unit.id for unit in account.organizational_units]
    elsewhere = [Place(one.unit, tuple(unit for unit in one.named if unit not in above)) for one in before]
    now = [Place(above[-1], tuple(unit for unit in above if unit in named))] if above else []
    gone = [one for one in elsewhere if one.unit not in there]
    return frozenset(one for one in (*gone, *now) if one.named)

"""What is said of a name that is not resolved: what is wrong with it, what to change, and which name is near."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from orchestrator.core.decide.known_names import ACCOUNT, ACCOUNT_NAME, REGION, UNIT, Resolver, includes
from orchestrator.core.model import Account, OrganizationalUnit, path_names
from orchestrator.core.policy.conditions.interface import NamedText
from orchestrator.core.policy.conditions.matching import is_unit_id

_MOST_IDS = 5
"""That a message names."""
_NEAR = 0.7
"""From which likeness on a last name may be what was meant, wherever it is."""
_SPARE = "exclude what of it is to be spared, by the OU in which it is now or under exclude_accounts"
_TAKEN_OUT = f"{_SPARE}; move what is not into the named OU, for the time of one plan, and out again"


def what_is_wrong(resolver: Resolver, one: NamedText, *, has_left: bool) -> str:
    """A predicate to the name. `has_left`: an account that some earlier listing had."""
    if one.word == REGION:
        return "matches no region of any partition"
    if one.word == ACCOUNT_NAME:
        return "is the name of no account"
    if one.word == ACCOUNT:
        return "matches only what left the organization" if has_left else "was no account in any listing"
    return ", and ".join(_what_became_of(resolver, one)) or "has no account in it"


def _what_became_of(resolver: Resolver, one: NamedText) -> Iterator[str]:
    moved = [f"{unit.id}, which is {unit.path} now" for unit in resolver.escaped(one)]
    gone = {unit: _had(account for account, _ in resolver.were_in(one, {unit})) for unit in resolver.gone(one)}
    if not resolver.is_there(one):
        yield "is no OU of the organization" + (f" any more{gone[one.text]}" if one.text in gone else "")
    if (moved or gone) and one.text not in gone:
        was = [*moved, *(f"{unit}, which is gone{had}" for unit, had in gone.items())]
        yield f"was the name of {_listed(was, ' and of ')}"
    taken = resolver.taken_out(one)
    if taken:
        homes = sorted({home for _, home in taken})
        had = (_had(account for account, was_in in taken if was_in == home) for home in homes)
        were = [f"{home}, which is gone{accounts}" for home, accounts in zip(homes, had, strict=True)]
        yield f"was above {_listed(were, ' and of ')}"


def advice(resolver: Resolver, one: NamedText) -> str:
    """What to change where the name was another OU's, or one below it is gone."""
    if one.word == UNIT and includes(one) and not resolver.ids_of(one.text) & resolver.populated:
        return "name an OU that has accounts in its place"  # without any that includes, everything would be swept
    return "; ".join(filter(None, (_another_name(resolver, one), _TAKEN_OUT if resolver.taken_out(one) else "")))


def _another_name(resolver: Resolver, one: NamedText) -> str:
    ids = [*sorted(resolver.ids_of(one.text)), *(unit.id for unit in resolver.escaped(one))]
    gone = resolver.gone(one)
    if not (resolver.escaped(one) or gone):
        return ""
    advice = f"put the id of what you mean in its place ({_listed(ids)})" if ids else "take it out"
    return f"{advice}, and {_SPARE}" if gone and not includes(one) else advice


def _meant(resolver: Resolver, one: NamedText) -> OrganizationalUnit | None:
    """An OU that is there and has to do with what is gone or named otherwise now."""
    now = sorted(resolver.ids_of(one.text)) if resolver.gone(one) else []
    homes = [unit for account, _ in resolver.taken_out(one) for unit in account.organizational_units[-1:]]
    return next(iter([*resolver.escaped(one), *(resolver.units[unit] for unit in now), *homes]), None)


def nearest_name(resolver: Resolver, one: NamedText) -> str:
    """Of OUs the path with the id, which an OU keeps when it is renamed; of accounts none: their ids are random."""
    if one.word == ACCOUNT:
        return ""
    if one.word in (REGION, ACCOUNT_NAME):
        return _most_alike(one.text, resolver.known.regions if one.word == REGION else resolver.account_names)
    meant = _meant(resolver, one)
    if meant is not None:
        return f"{meant.path} ({meant.id})"
    others = {unit.id: unit for unit in resolver.units.values() if one.text not in (unit.id, unit.path)}
    if includes(one):  # another one without accounts would be no help
        others = {unit.id: unit for unit in others.values() if unit.id in resolver.populated}
    if is_unit_id(one.text):
        nearest = _most_alike(one.text, others)
        return f"{nearest} ({others[nearest].path})" if nearest else ""
    by_path = {unit.path: unit for unit in others.values()}
    nearest = _most_alike(one.text, by_path)
    return f"{nearest} ({by_path[nearest].id})" if nearest else ""


def _had(accounts: Iterable[Account]) -> str:
    """All that were in an OU, as each has to be looked at, and where they are now; empty where none is known."""
    homes: dict[str, list[str]] = {}
    for account in accounts:
        ids = [one.id for one in account.organizational_units[-1:]]
        homes.setdefault(f"{account.ou_path} ({ids[0]})" if ids else account.ou_path, []).append(account.id)
    had = " and ".join(f"{', '.join(accounts)}, now in {home}" for home, accounts in sorted(homes.items()))
    return f" and had {had}" if had else ""


def _most_alike(text: str, names: Iterable[str]) -> str:
    """The same but for the case of its letters, else the last name somewhere else, else one whose last name is near,
    else the one most like it; of two that are alike the one whose letters only changed places.
    """
    folded, last, letters = text.casefold(), _last_name(text), sorted(text)
    whole = SequenceMatcher(b=text, autojunk=False)
    end = SequenceMatcher(b=last, autojunk=False)

    def likeness(name: str) -> tuple[bool, bool, float, float, bool, str]:
        whole.set_seq1(name)
        end.set_seq1(_last_name(name))
        near = end.ratio() if end.ratio() >= _NEAR else 0.0
        return name.casefold() == folded, _last_name(name) == last, near, whole.ratio(), sorted(name) == letters, name

    return max(names, key=likeness, default="")


def _listed(texts: Sequence[str], between: str = ", ") -> str:
    more = [f"{len(texts) - _MOST_IDS} more"] if len(texts) > _MOST_IDS else []
    return between.join([*texts[:_MOST_IDS], *more])


def _last_name(text: str) -> str:
    return next(reversed(path_names(text)), "").casefold()

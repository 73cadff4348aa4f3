"""Which resource a person means: by its ARN, by ACCOUNT/REGION/ID, or by its id with options."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from orchestrator.core.model import AccountId, KindDescription, Region, ResourceKey
from orchestrator.core.policy.nearest import nearest
from orchestrator.errors import SettingsError
from orchestrator.kinds.registry import DESCRIPTIONS

_ACCOUNT = re.compile("[0-9]{12}")
_REGION = re.compile("[a-z]{2,}(-[a-z]+)+-[0-9]+")
_PARTITIONS = ("aws", "aws-us-gov", "aws-cn", "aws-eusc")
_ARN_PARTS, _PLACE_PARTS = 6, 3


@dataclass(frozen=True, slots=True)
class Named:
    """As far as a person told; empty: not told."""

    resource_id: str
    account_id: str = ""
    region: str = ""
    kind: str = ""

    @property
    def key(self) -> ResourceKey | None:
        """None where something is missing that it takes."""
        if not (self.account_id and self.region and self.kind):
            return None
        return ResourceKey(AccountId(self.account_id), Region(self.region), self.kind, self.resource_id)

    def means(self, key: ResourceKey) -> bool:
        """Whether it may be that resource, for all that was told."""
        told = ((self.account_id, key.account_id), (self.region, key.region), (self.kind, key.kind))
        return self.resource_id == key.resource_id and all(one in ("", real) for one, real in told)


def named_by(text: str, account: str, region: str, kind: str, kinds: Collection[str] = ()) -> Named:
    """`kinds`: those that it may be of, where nothing else tells. Raises SettingsError with all that is wrong."""
    found = _of_arn(text) if text.startswith("arn:") else _of_place(text)
    wrong = [
        f"{option}: {asked!r} is not that of {text} ({real})"
        for option, asked, real in (
            ("--account", account, found.account_id),
            ("--region", region, found.region),
            ("--kind", kind, found.kind),
        )
        if asked and real and asked != real
    ]
    account, region, kind = account or found.account_id, region or found.region, kind or found.kind
    if account and not _ACCOUNT.fullmatch(account):
        wrong.append(f"{account!r} is no account's id, of 12 digits")
    if region and not _REGION.fullmatch(region):
        wrong.append(f"{region!r} is no region, such as eu-central-1")
    if kind and kind not in _names():
        near = nearest(kind, _names())
        hint = f" (did you mean {near}?)" if near else ""
        wrong.append(f"{kind!r} is no kind{hint}; kinds are {', '.join(_names())}")
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Named(found.resource_id, account, region, kind or _kind_of_id(found.resource_id, kinds))


def arns_of(named: Named) -> tuple[str, ...]:
    """Its ARN in each partition, where the id and all of its place tell it; else none."""
    forms = {one.name: one.arn_form for one in DESCRIPTIONS if one.arn_form and "*" not in one.arn_form}
    if named.key is None or named.kind not in forms:
        return ()
    service, _, form = forms[named.kind].partition(":")
    place = f"{service}:{named.region}:{named.account_id}:{form.format(id=named.resource_id)}"
    return tuple(f"arn:{partition}:{place}" for partition in _PARTITIONS)


def _of_arn(text: str) -> Named:
    parts = text.split(":", _ARN_PARTS - 1)
    if len(parts) == _ARN_PARTS:
        _, _, service, region, account, resource = parts
        for one in DESCRIPTIONS:
            of_service, _, form = one.arn_form.partition(":")
            found = _pattern(form).fullmatch(resource) if service == of_service else None
            if found is not None:
                return Named(found["id"], account, region, one.name)
    raise SettingsError(f"{text} is no ARN of a kind that is swept: such as {', '.join(map(_example, DESCRIPTIONS))}")


def _pattern(form: str) -> re.Pattern[str]:
    """Of a kind's `arn_form` after its service."""
    return re.compile(re.escape(form).replace(r"\{id\}", "(?P<id>.+)").replace(r"\*", "[^/:]+"))


def _of_place(text: str) -> Named:
    parts = text.split("/", _PLACE_PARTS - 1)  # the id may hold more of them
    if len(parts) == _PLACE_PARTS and _ACCOUNT.fullmatch(parts[0]):
        return Named(parts[2], parts[0], parts[1])
    return Named(text)


def _kind_of_id(resource_id: str, kinds: Collection[str]) -> str:
    """By its form, else the only kind that it may be of whose ids have none."""
    by_form = [one.name for one in DESCRIPTIONS if one.id_form and re.fullmatch(one.id_form, resource_id)]
    if by_form:
        return by_form[0]
    others: Sequence[str] = [one.name for one in DESCRIPTIONS if not one.id_form and (not kinds or one.name in kinds)]
    return others[0] if len(others) == 1 else ""


def _names() -> list[str]:
    return [one.name for one in DESCRIPTIONS]


def _example(kind: KindDescription) -> str:
    service, _, form = kind.arn_form.partition(":")
    return f"arn:aws:{service}:REGION:ACCOUNT:{form.format(id='ID')}"

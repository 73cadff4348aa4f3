"""The other active policies of this table: read for a plan, and again right before what it would stop.

Which they are is in the table, and where their texts are; a text counts by the SHA-256 that is active, and by nothing
else. So it may as well be that of a sweep in the ledger, while its source has none, or has the next one, which is not
active yet. Where neither has it, it is not known what the policy owns: then the plan is held, and not only some of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from orchestrator.core.decide.drift import not_seen_again
from orchestrator.core.decide.known_names import Known
from orchestrator.core.decide.other_policies import CoOwner, as_co_owner, doubtful_names, every_name, why_unread
from orchestrator.core.model import (
    NO_NAMES,
    ActivePolicy,
    Names,
    Organization,
    OtherPolicy,
    Reason,
)
from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.manifest import sha256_of
from orchestrator.errors import LedgerError, OrganizationError, PolicyError, SettingsError
from orchestrator.ledger.records import text_bytes
from orchestrator.ports import World
from orchestrator.sweep.names import regions_for

_ADVICE = "Let it be read, deploy the hub again with its text, or without it if it is to own nothing any more"
_LATEST = 50
_FAILURE_COUNTS = timedelta(seconds=30)
"""So long a failure is not asked for again: every batch would try it."""


def list_others(world: World, own_name: str, organization: Organization) -> tuple[OtherPolicy, ...]:
    """Those that are active now, with their texts and the names in them that are in doubt. Raises LedgerError."""
    others = _Others(world, own_name)
    return others.resolve(others.read(), organization)


def co_owners(world: World, others: Iterable[OtherPolicy]) -> tuple[CoOwner, ...]:
    """Those of which the text is known, compiled."""
    return _Others(world, "").compiled(others)


def without_texts(others: Iterable[OtherPolicy]) -> tuple[OtherPolicy, ...]:
    """As a plan keeps them: the table says which text each has by then."""
    return tuple(replace(one, text="") for one in others)


class FreshOthers:
    """For all threads of a sweep: the other policies as of now, not older than `max_age`. `known`: as of the plan."""

    def __init__(self, world: World, own_name: str, max_age: timedelta, known: Iterable[OtherPolicy] = ()) -> None:
        self._world = world
        self._max_age = max_age
        self._others = _Others(world, own_name)
        self._found = tuple(known)
        self._failure: Reason | None = None
        self._owners: tuple[CoOwner, ...] = ()
        self._read_at: float | None = None
        self._as_of: Organization | None = None
        self._lock = threading.Lock()

    def begin(self, organization: Organization | None) -> tuple[OtherPolicy, ...]:
        """Reads them again, and lists the organization where one is new. Raises LedgerError and OrganizationError."""
        with self._lock:
            known = {(one.name, one.sha256) for one in self._found}
            found = self._others.read(self._found)
            if organization is None and any((one.name, one.sha256) not in known for one in found):
                organization = self._world.organization.read()
            self._keep(found, organization)
            return self._found

    def now(self, organization: Organization | None) -> tuple[CoOwner, ...] | Reason:
        """Compiled; or why it is not known what they own. `organization`: as it was listed last, where it was.

        It is not listed here: each of many processes would, and AWS Organizations allows few calls.
        """
        with self._lock:
            if self._is_old(organization):
                try:
                    self._keep(self._others.read(self._found), organization)
                except LedgerError as failure:
                    self._failure = not_seen_again(f"which other policies are active cannot be read: {failure}.")
                    self._read_at, self._as_of = self._world.clocks.elapsed(), organization
            return self._failure or self._owners

    def _keep(self, found: Iterable[OtherPolicy], organization: Organization | None) -> None:
        self._found = self._others.resolve(found, organization, self._found)
        self._owners = self._others.compiled(self._found)
        unread = why_unread(self._found)
        self._failure = not_seen_again(f"{unread}.") if unread else None
        self._read_at, self._as_of = self._world.clocks.elapsed(), organization

    def _is_old(self, organization: Organization | None) -> bool:
        if self._read_at is None or organization is not self._as_of:
            return True
        longest = min(_FAILURE_COUNTS, self._max_age) if self._failure else self._max_age
        return self._world.clocks.elapsed() - self._read_at > longest.total_seconds()


class _Others:
    """Reads and compiles them; each text is parsed once."""

    def __init__(self, world: World, own_name: str) -> None:
        self._world = world
        self._own_name = own_name
        self._loaded: dict[str, OrgPolicy] = {}

    def read(self, known: Iterable[OtherPolicy] = ()) -> tuple[OtherPolicy, ...]:
        """Those that are active now, sorted by name; a text that is `known` is not read again. Raises LedgerError.

        A policy by the name of the sweep's own is not among them, whatever text the sweep has of it.
        """
        texts = {(one.name, one.sha256): one for one in known if one.text and not one.unread}
        found = self._read_each(texts)
        if any(one.unread for one in found):  # one may have been activated between the two reads
            found = self._read_each(texts)
        return found

    def resolve(
        self, found: Iterable[OtherPolicy], organization: Organization | None, before: Iterable[OtherPolicy] = ()
    ) -> tuple[OtherPolicy, ...]:
        """With the names of each that are in doubt by this listing, or were `before` in the same text.

        Without a listing all are, in a text that was not there before. Raises LedgerError.
        """
        names = {(one.name, one.sha256): one.names for one in before if not one.unread}
        return tuple(self._resolve(one, organization, names.get((one.name, one.sha256))) for one in found)

    def compiled(self, others: Iterable[OtherPolicy]) -> tuple[CoOwner, ...]:
        """Those of which the text is known."""
        return tuple(as_co_owner(self._load(one.text, one.source), one.names) for one in others if not one.unread)

    def _read_each(self, texts: Mapping[tuple[str, str], OtherPolicy]) -> tuple[OtherPolicy, ...]:
        active = self._world.ledger.active_policies()
        return tuple(
            texts.get((name, one.policy_sha256)) or self._read(name, one)
            for name, one in sorted(active.items())
            if name != self._own_name
        )

    def _read(self, name: str, active: ActivePolicy) -> OtherPolicy:
        one = OtherPolicy(name, active.policy_sha256, active.source)
        text, why = self._text(active)
        if why:
            text = self._text_of_a_sweep(one)
        if not text:
            return _unread(one, why)
        try:
            policy = self._load(text, active.source)
        except PolicyError as invalid:
            return _unread(one, f"{active.source} is no policy of this release ({len(invalid.problems)} mistakes)")
        if policy.name != name:
            return _unread(one, f"the text at {active.source} is of the policy {policy.name}")
        return replace(one, text=text)

    def _text(self, active: ActivePolicy) -> tuple[str, str]:
        """At its source, or why it is not that."""
        if not active.source:
            return "", "the table does not say where its text is"
        try:
            text = self._world.policy_text(active.source)
        except SettingsError as failure:
            return "", str(failure)
        if sha256_of(text_bytes(text)) == active.policy_sha256:
            return text, ""
        version = f"{active.policy_sha256[:12]}..., activated at {active.activated_at} by {active.activated_by}"
        return "", f"the text at {active.source} has not the SHA-256 of the active version ({version})"

    def _text_of_a_sweep(self, one: OtherPolicy) -> str:
        """As one of the latest sweeps has it, by its hash; empty where none does."""
        latest = self._world.ledger.sweeps(_LATEST)
        return next((each.policy for each in latest if each.policy and each.policy_sha256 == one.sha256), "")

    def _resolve(self, one: OtherPolicy, organization: Organization | None, before: Names | None) -> OtherPolicy:
        if one.unread:
            return one
        policy = self._load(one.text, one.source)
        if organization is None:
            return replace(one, names=every_name(policy) if before is None else before)
        try:
            regions = regions_for(policy, self._world.partition_regions, self._world.accounts.hub_regions)
        except OrganizationError as failure:
            return _unread(one, str(failure))
        listed = Known(organization, regions, self._world.ledger.earlier_listings(organization.id))
        return replace(one, names=(before or NO_NAMES).joined(doubtful_names(policy, listed)))

    def _load(self, text: str, source: str) -> OrgPolicy:
        """As it was taken when it was activated, maybe by an earlier release; its errors have nothing of its text."""
        if text not in self._loaded:
            kinds = [kind.description for kind in self._world.kinds.values()]
            self._loaded[text] = load_policy(text, source, kinds, quoted=False, stored=True)
        return self._loaded[text]


def _unread(one: OtherPolicy, why: str) -> OtherPolicy:
    return replace(one, unread=f"{why}. {_ADVICE}")

"""The opt-out tags: who may not be stopped, until when and why. Most protective wins.

`true` is for good; a date counts through the end of that day; anything else is honoured as for good and reported as
malformed, because a person who wrote it meant to be spared. So is a key that is misspelt, whatever its value.
What a person opted out by a link in a message counts as such a tag of the resource; it is in the table, and no tag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from orchestrator.core.model import Account, Exemption, Tags
from orchestrator.core.model.marks import ORDER_TAG, STOP_AFTER_TAG
from orchestrator.core.model.remembered import LinkedOptOut
from orchestrator.core.policy.patterns import late_pattern
from orchestrator.core.policy.schema.governance import OptOutRules
from orchestrator.core.policy.tag_keys import (
    KEYS,
    OPT_OUT_TAG,
    PROTECTED_TAG,
    REASON_TAG,
    is_a_persons,
    is_a_reason,
    nearest_key,
)

MISSPELT_KEY = "misspelt_opt_out_key"
TOO_LONG, WITHOUT_REASON, NOT_ALLOWED_HERE = (
    "opt_out_too_long",
    "opt_out_without_reason",
    "opt_out_not_allowed_here",
)
ANY_OPT_OUT = OptOutRules()
"""What a policy asks of opt-outs that says nothing of them."""
RESOURCE, ACCOUNT, UNIT = "resource", "account", "organizational_unit"
LINK = "link"
"""The source of an opt-out by a link, and what stands in the place of its tag's key."""
_SOURCE_WORDS = {RESOURCE: "the resource", ACCOUNT: "the account", UNIT: "the OU"}
_OUTERMOST_FIRST = {UNIT: 0, ACCOUNT: 1, RESOURCE: 2, LINK: 3}
_DATE = late_pattern(r"[2-9][0-9]{3}-[0-9]{2}-[0-9]{2}")
"""Not before the year 2000, which IAM's last line takes for no date, and then nothing could be stopped."""


@dataclass(frozen=True, slots=True)
class OptOut:
    """One tag as it was found. An expired one, or one that only says why, exempts nothing but is reported."""

    exemption: Exemption
    expired: bool = False
    only_a_reason: bool = False
    """A misspelt key of the reason, beside an opt-out that it belongs to."""


def read_opt_outs(tags: Tags, source: str, source_id: str, today: date) -> tuple[OptOut, ...]:
    """What the tags of one carrier say; `today` is the day in the policy's time zone."""
    ours = _ours(tuple(tags))
    if source != RESOURCE and ORDER_TAG in tags:  # where it orders nothing, so somebody meant something else by it
        ours = (*ours, ORDER_TAG)
    if not ours:
        return ()
    found = []
    reason = _reason(tags, ours)
    if PROTECTED_TAG in tags:
        found.append(OptOut(Exemption(source, source_id, PROTECTED_TAG, tags[PROTECTED_TAG], None, reason)))
    if OPT_OUT_TAG in tags:
        found.append(_opt_out(tags[OPT_OUT_TAG], source, source_id, reason, today))
    alone = all(map(is_a_reason, ours))
    for key in ours:
        if key not in KEYS or key == ORDER_TAG or (alone and key == REASON_TAG):
            nearest = OPT_OUT_TAG if key == REASON_TAG else nearest_key(key)
            exemption = Exemption(source, source_id, key, tags[key], None, reason, nearest_key=nearest)
            found.append(OptOut(exemption, only_a_reason=is_a_reason(key) and not alone))
    return tuple(found)


def read_linked(found: Iterable[LinkedOptOut], resource_id: str, today: date) -> tuple[OptOut, ...]:
    """The same of what was given for the resource by links."""
    each = (
        Exemption(LINK, resource_id, LINK, one.value, one.until, one.reason, malformed=one.until is None)
        for one in found
    )
    return tuple(OptOut(one, expired=one.until is not None and today > one.until) for one in each)


def carrier_of(exemption: Exemption) -> str:
    """What it is on: `resource`, `account` or `organizational_unit`."""
    return RESOURCE if exemption.source == LINK else exemption.source


def account_opt_outs(account: Account, today: date) -> tuple[OptOut, ...]:
    """Those of the OUs above it, outermost first, and its own."""
    found: list[OptOut] = []
    for unit in account.organizational_units:
        found += read_opt_outs(unit.tags, UNIT, unit.path, today)
    return (*found, *read_opt_outs(account.tags, ACCOUNT, account.id, today))


def most_protective(opt_outs: Iterable[OptOut]) -> Exemption | None:
    """The one that spares longest; among equals the outermost. None when nothing exempts today."""
    active = [one.exemption for one in opt_outs if not one.expired and not one.only_a_reason]
    return min(active, key=_protection, default=None)


def exemption_sentence(exemption: Exemption) -> str:
    """Which tag, on what, until when, why; as one sentence."""
    carrier = _SOURCE_WORDS[carrier_of(exemption)]
    if exemption.source == LINK:
        text = f"A link in a message opted {exemption.source_id} out {_until(exemption)}"
    elif exemption.nearest_key is not None:
        tag = f"{exemption.tag!r}={exemption.value}"
        text = f"The tag {tag} on {carrier} {exemption.source_id} spares it for good, because {_misspelt(exemption)}"
    elif exemption.tag == PROTECTED_TAG:
        text = f"The tag {PROTECTED_TAG} on {carrier} {exemption.source_id} protects it for good"
    else:
        tag = f"{OPT_OUT_TAG}={exemption.value}"
        text = f"The tag {tag} on {carrier} {exemption.source_id} opts it out {_until(exemption)}"
    return f"{text} (reason: {exemption.reason})." if exemption.reason else f"{text} (no reason given)."


def opt_out_findings(
    opt_out: OptOut, rules: OptOutRules = ANY_OPT_OUT, today: date = date.max
) -> Iterator[tuple[str, str]]:
    """Each violation of one opt-out with what is wrong. `protected` is a promise, not an opt-out: nothing."""
    exemption = opt_out.exemption
    if exemption.tag != PROTECTED_TAG:
        shown = f"{LINK if exemption.source == LINK else OPT_OUT_TAG}={exemption.value}"
        yield from _findings(opt_out, shown, rules, today)
        if carrier_of(exemption) not in rules.allowed_on and not (opt_out.expired or opt_out.only_a_reason):
            where = " or ".join(_SOURCE_WORDS[one] for one in rules.allowed_on) or "nothing"
            carrier = _SOURCE_WORDS[carrier_of(exemption)]
            yield NOT_ALLOWED_HERE, f"{exemption.tag}={exemption.value} on {carrier}; the policy allows it on {where}"


def _findings(opt_out: OptOut, shown: str, rules: OptOutRules, today: date) -> Iterator[tuple[str, str]]:
    exemption = opt_out.exemption
    if exemption.nearest_key is not None:
        honoured = "read as the reason" if opt_out.only_a_reason else "it spares for good until mended"
        yield MISSPELT_KEY, f"{exemption.tag!r}: {_misspelt(exemption)}; {honoured}"
        return
    if opt_out.expired:
        yield "expired_opt_out", f"{shown} is over; it exempts nothing any more"
        return
    if exemption.malformed:
        yield (
            "malformed_opt_out",
            f"{shown} is {_no_value(exemption)} like 2026-12-31; honoured for good until mended",
        )
    elif rules.max_days is not None:
        yield from _too_long(exemption.until, shown, rules.max_days, today)
    elif exemption.until is None:
        yield "never_ending_opt_out", f"{shown} has no end"
    if exemption.reason is None and rules.require_reason:
        yield WITHOUT_REASON, f"{shown} has no {'reason' if exemption.source == LINK else REASON_TAG}"


def _too_long(until: date | None, shown: str, max_days: int, today: date) -> Iterator[tuple[str, str]]:
    """Measured from today: nothing says when a tag was written."""
    latest = today + timedelta(days=max_days)
    if until is None or until > latest:
        what = "has no end" if until is None else f"ends in {(until - today).days} days"
        yield TOO_LONG, f"{shown} {what}; the policy allows {max_days}, which is {OPT_OUT_TAG}={latest}"


@lru_cache(maxsize=8192)
def _ours(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Those that a person wrote to us; thousands of resources have the same keys."""
    return tuple(sorted(filter(is_a_persons, keys)))


def _opt_out(value: str, source: str, source_id: str, reason: str | None, today: date) -> OptOut:
    if value == "true":
        return OptOut(Exemption(source, source_id, OPT_OUT_TAG, value, None, reason))
    until = _date(value)
    if until is None:
        return OptOut(Exemption(source, source_id, OPT_OUT_TAG, value, None, reason, malformed=True))
    return OptOut(Exemption(source, source_id, OPT_OUT_TAG, value, until, reason), expired=today > until)


def _reason(tags: Tags, ours: Iterable[str]) -> str | None:
    """That of the key as it should be, else of one that is misspelt."""
    texts = [tags.get(REASON_TAG, ""), *(tags[key] for key in ours if is_a_reason(key))]
    return next((text.strip() for text in texts if text.strip()), None)


def _misspelt(exemption: Exemption) -> str:
    if exemption.tag == REASON_TAG:
        return f"it stands alone: `{OPT_OUT_TAG}` is missing"
    if exemption.tag == STOP_AFTER_TAG:
        return f"no rule with a `notice` owns it, so it announces nothing: write `{OPT_OUT_TAG}` to opt out"
    if exemption.tag == ORDER_TAG:
        return f"the order is a tag of resources, or `order` in the policy: write `{OPT_OUT_TAG}` to opt out"
    return f"its key is misspelt: the nearest one is `{exemption.nearest_key}`"


def _date(value: str) -> date | None:
    if not _DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _protection(exemption: Exemption) -> tuple[bool, int, bool, bool, bool, int]:
    """Sorts the most protective first: for good, then the latest date."""
    last_day = exemption.until.toordinal() if exemption.until else 0
    return (
        exemption.until is not None,
        -last_day,
        exemption.tag != PROTECTED_TAG,
        exemption.malformed,
        exemption.nearest_key is not None,
        _OUTERMOST_FIRST[exemption.source],
    )


def _until(exemption: Exemption) -> str:
    if exemption.malformed:
        return f"for good, because its value is {_no_value(exemption)}"
    return f"until the end of {exemption.until}" if exemption.until else "for good"


def _no_value(exemption: Exemption) -> str:
    return "no date" if exemption.source == LINK else "neither `true` nor a date"

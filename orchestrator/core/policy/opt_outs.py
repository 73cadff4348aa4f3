"""The opt-out tags: who may not be stopped, until when and why. Most protective wins.

`true` is for good; a date counts through the end of that day; anything else is honoured as for good and reported as
malformed, because a person who wrote it meant to be spared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from orchestrator.core.model import ALL_KINDS, Account, AccountId, Exemption, Region, Tags, Violation

OPT_OUT_TAG = "stop-orchestrator:opt-out"
REASON_TAG = "stop-orchestrator:opt-out-reason"
PROTECTED_TAG = "stop-orchestrator:protected"

RESOURCE, ACCOUNT, UNIT = "resource", "account", "organizational_unit"
_SOURCE_WORDS = {RESOURCE: "the resource", ACCOUNT: "the account", UNIT: "the OU"}
_OUTERMOST_FIRST = {UNIT: 0, ACCOUNT: 1, RESOURCE: 2}
_DATE = re.compile(r"[2-9][0-9]{3}-[0-9]{2}-[0-9]{2}")
"""Not before the year 2000, which IAM's last line takes for no date, and then nothing could be stopped."""


@dataclass(frozen=True, slots=True)
class OptOut:
    """One tag as it was found. An expired one exempts nothing but is reported."""

    exemption: Exemption
    expired: bool = False


def read_opt_outs(tags: Tags, source: str, source_id: str, today: date) -> tuple[OptOut, ...]:
    """What the tags of one carrier say; `today` is the day in the policy's time zone."""
    found = []
    reason = tags.get(REASON_TAG, "").strip() or None
    if PROTECTED_TAG in tags:
        found.append(OptOut(Exemption(source, source_id, PROTECTED_TAG, tags[PROTECTED_TAG], None, reason)))
    if OPT_OUT_TAG in tags:
        found.append(_opt_out(tags[OPT_OUT_TAG], source, source_id, reason, today))
    return tuple(found)


def account_opt_outs(account: Account, today: date) -> tuple[OptOut, ...]:
    """Those of the OUs above it, outermost first, and its own."""
    found: list[OptOut] = []
    for unit in account.organizational_units:
        found += read_opt_outs(unit.tags, UNIT, unit.path, today)
    return (*found, *read_opt_outs(account.tags, ACCOUNT, account.id, today))


def most_protective(opt_outs: Iterable[OptOut]) -> Exemption | None:
    """The one that spares longest; among equals the outermost. None when nothing exempts today."""
    active = [opt_out.exemption for opt_out in opt_outs if not opt_out.expired]
    return min(active, key=_protection, default=None)


def exemption_sentence(exemption: Exemption) -> str:
    """Which tag, on what, until when, why; as one sentence."""
    carrier = _SOURCE_WORDS[exemption.source]
    if exemption.tag == PROTECTED_TAG:
        text = f"The tag {PROTECTED_TAG} on {carrier} {exemption.source_id} protects it for good"
    else:
        tag = f"{OPT_OUT_TAG}={exemption.value}"
        text = f"The tag {tag} on {carrier} {exemption.source_id} opts it out {_until(exemption)}"
    return f"{text} (reason: {exemption.reason})." if exemption.reason else f"{text} (no reason given)."


def opt_out_violations(
    opt_out: OptOut, account_id: AccountId, region: Region, resource_id: str, kind: str = ALL_KINDS
) -> Iterator[Violation]:
    """What a compliance report says of one opt-out. `protected` is a promise, not an opt-out: nothing."""
    exemption = opt_out.exemption
    if exemption.tag == PROTECTED_TAG:
        return
    shown = f"{OPT_OUT_TAG}={exemption.value}"
    for name, detail in _findings(opt_out, shown):
        yield Violation(account_id, region, resource_id, name, detail, kind)


def _findings(opt_out: OptOut, shown: str) -> Iterator[tuple[str, str]]:
    exemption = opt_out.exemption
    if opt_out.expired:
        yield "expired_opt_out", f"{shown} is over; it exempts nothing any more"
        return
    if exemption.malformed:
        yield (
            "malformed_opt_out",
            f"{shown} is neither `true` nor a date like 2026-12-31; honoured for good until mended",
        )
    elif exemption.until is None:
        yield "never_ending_opt_out", f"{shown} has no end"
    if exemption.reason is None:
        yield "opt_out_without_reason", f"{shown} has no {REASON_TAG}"


def _opt_out(value: str, source: str, source_id: str, reason: str | None, today: date) -> OptOut:
    if value == "true":
        return OptOut(Exemption(source, source_id, OPT_OUT_TAG, value, None, reason))
    until = _date(value)
    if until is None:
        return OptOut(Exemption(source, source_id, OPT_OUT_TAG, value, None, reason, malformed=True))
    return OptOut(Exemption(source, source_id, OPT_OUT_TAG, value, until, reason), expired=today > until)


def _date(value: str) -> date | None:
    if not _DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _protection(exemption: Exemption) -> tuple[bool, int, bool, bool, int]:
    """Sorts the most protective first: for good, then the latest date."""
    last_day = exemption.until.toordinal() if exemption.until else 0
    return (
        exemption.until is not None,
        -last_day,
        exemption.tag != PROTECTED_TAG,
        exemption.malformed,
        _OUTERMOST_FIRST[exemption.source],
    )


def _until(exemption: Exemption) -> str:
    if exemption.malformed:
        return "for good, because its value is neither `true` nor a date"
    return f"until the end of {exemption.until}" if exemption.until else "for good"

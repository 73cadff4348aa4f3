"""What the platform team is told of a sweep: how it ended, what held it, what failed, what was not read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.core.model import OutcomeStatus, SweepStatus
from orchestrator.core.model.coverage import UNREADABLE
from orchestrator.core.model.notification import Occasion
from orchestrator.core.report.endings import ended_by
from orchestrator.core.report.messages.message import MOST_ROWS, Message, Section, counted, listed, one_line, section
from orchestrator.core.report.messages.occasions import occasion_of
from orchestrator.core.report.messages.owner_digests import OwnerShare
from orchestrator.core.report.messages.words import account_text, dollars, moment_text, net_text
from orchestrator.core.report.target_counts import target_counts

Row = Mapping[str, Any]
_COUNTED = (
    ("stopped", "stopped"),
    ("started", "started"),
    ("starting", "starting"),
    ("tagged", "tagged"),
    ("untagged", "untagged"),
    ("would_stop", "would be stopped"),
    ("would_start", "would be started"),
    ("would_tag", "would be tagged"),
    ("would_untag", "would lose tags"),
    ("held", "held back"),
    ("failed", "failed"),
    ("unknown", "unknown"),
    ("not_attempted", "not attempted"),
)
_FAILED = frozenset({OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN})
_ENDED = {
    Occasion.PLANNED: "planned",
    Occasion.HELD: "was held: nothing was done",
    Occasion.COMPLETED: "is complete",
    Occasion.INCOMPLETE: "is incomplete",
}


def sweep_message(document: Row, location: str, zone: ZoneInfo, unreachable: Sequence[OwnerShare] = ()) -> Message:
    """Of a sweep that has a report, which is at that location. `unreachable`: owners whom nobody can tell."""
    occasion, totals = occasion_of(document), document["totals"]
    policy = str(document["policy_name"])
    counts = [f"{totals[name]:,} {words}" for name, words in _COUNTED if totals.get(name)]
    finished = datetime.fromisoformat(document["finished_at"]).astimezone(UTC)
    spared = f", {totals['exempt']:,} of them by opt-outs" if totals["exempt"] else ""
    what = (
        f"Sweep {document['sweep_id']} by policy {policy} (mode {document['mode']}) {_ENDED[occasion]} at "
        f"{moment_text(finished, zone)}: {', '.join(counts) or 'nothing to do'}; {totals['kept']:,} kept{spared}."
    )
    lines = (
        what,
        *_why(document),
        *_money(document),
        *_unreachable(unreachable),
        f"Report: {location}",
    )
    return Message(_subject(document, occasion, counts), lines, (*_sections(document),))


def missed_message(missed: Row, zone: ZoneInfo) -> Message:
    """Of a sweep that never began, by its summary (SweepSummary.as_row)."""
    due = datetime.fromisoformat(missed["started_at"]).astimezone(UTC)
    policy = str(missed["policy_name"])
    text = (
        f"A sweep by policy {policy} (mode {missed['mode']}) was due at {moment_text(due, zone)}; "
        f"{one_line(missed['error'])}."
    )
    return Message(f"{policy}: a sweep was missed", (text, "Its next one is by the schedule; nothing is made up for."))


def unreachable_text(shares: Sequence[OwnerShare]) -> str:
    """How many owners were told nothing, and who; empty where there is none."""
    owned = [one for one in shares if one.owner and one.resources]
    nobodys = sum(one.resources for one in shares if not one.owner)
    parts = []
    if owned:
        resources = sum(one.resources for one in owned)
        names = listed([one.owner for one in owned])
        owners = counted(len(owned), "owner")
        parts.append(f"{owners} of {counted(resources, 'resource')} cannot be reached ({names})")
    if nobodys:
        parts.append(f"{counted(nobodys, 'resource')} {'has' if nobodys == 1 else 'have'} no owner")
    return f"{'; '.join(parts)}: `owner_contacts` of the policy names nobody for them." if parts else ""


def _subject(document: Row, occasion: Occasion, counts: Sequence[str]) -> str:
    policy = document["policy_name"]
    if occasion is Occasion.HELD:
        [first, *more] = [*_held_by(document)] or ["a guardrail"]
        return f"{policy} held, nothing done: {first}{' and more' if more else ''}"
    prefix = f"{policy} incomplete" if occasion is Occasion.INCOMPLETE else str(policy)
    unread = target_counts(document["coverage"]).holes
    holes = [f"{counted(unread, 'target')} not read"] if unread and occasion is Occasion.INCOMPLETE else []
    status = document["status"]
    ended = [] if status not in (SweepStatus.FAILED, SweepStatus.ABORTED, SweepStatus.ABANDONED) else [str(status)]
    return f"{prefix}: {', '.join([*ended, *counts, *holes]) or 'nothing to do'}"


def _why(document: Row) -> Iterator[str]:
    for text in (ended_by(document["error"]), document["consent_missing"]):
        if text:
            yield one_line(text, 1_000)


def _money(document: Row) -> Iterator[str]:
    money = document.get("money")
    if not money:
        return
    forecast, measured = money["forecast"], money["measured"]
    parts = []
    if forecast["resources"] or forecast["unknown_resources"]:
        parts.append(f"the stops save {net_text(forecast['net'], forecast['unknown_resources'])} by forecast")
    if measured["resources"] or measured["unknown_resources"]:
        parts.append(f"earlier ones saved {net_text(measured['net'], measured['unknown_resources'])} as measured")
    made_up = " The prices are made up." if money["made_up"] else ""
    if parts:
        text = "; ".join(parts)
        yield f"{text[0].upper()}{text[1:]}; the sweep cost {dollars(money['sweep_cost'])}.{made_up}"


def _unreachable(shares: Sequence[OwnerShare]) -> Iterable[str]:
    text = unreachable_text(shares)
    return (text,) if text else ()


def _sections(document: Row) -> Iterator[Section]:
    held = [*_held_by(document)]
    if held:
        yield section("Held by", held)
    failed = [row for row in document["outcomes"] if row["status"] in _FAILED]
    if failed:
        rows = [
            f"{row['resource_id']} in {row['account_id']} {row['region']}: {row['status']}"
            f"{''.join(f': {text}' for text in (row['code'], row['message']) if text)}"
            for row in failed[:MOST_ROWS]
        ]
        yield section(f"Failed ({len(failed):,})", rows, len(failed))
    unread = dict.fromkeys(_unread_line(row) for row in document["coverage"] if row["status"] in UNREADABLE)
    if unread:
        yield section(f"Not read ({len(unread):,})", [*unread][:MOST_ROWS], len(unread))


def _unread_line(row: Row) -> str:
    detail = row["detail"]
    return f"{account_text(row)} {row['region']}: {row['status']}{detail and f': {detail}'}"


def _held_by(document: Row) -> Iterator[str]:
    for row in document["guardrails"]:
        if not row["passed"]:
            where = f" of account {row['account_id']}" if row["account_id"] else ""
            detail = row.get("detail", "")
            yield f"{row['name']}{where} is {row['actual']:g}, the limit {row['limit']:g}{detail and f' ({detail})'}"

"""One message for each owner over all accounts: what was done to what is theirs, and what failed.

Rows are gathered in one pass over the report; of each owner only as many are kept as a message shows.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.core.model import OptOutStatus, OutcomeStatus, Verdict
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG, REASON_TAG
from orchestrator.core.report.messages.message import (
    MOST_ROWS,
    Link,
    Message,
    Section,
    counted,
    one_line,
    section,
)
from orchestrator.core.report.messages.words import moment_text, net_text, resource_line

Row = Mapping[str, Any]
LinkFor = Callable[[Row], str | None]
"""The address where the owner of a decision's resource may keep it; None: there is none."""
MOST_OWNERS = 500
"""A tag's value is anybody's: thousands of owners are a mistake, and no thousand messages."""
_KEPT_FOR = timedelta(hours=12)
"""A stop in the evening is spared until the morning after it."""
_MOST_COMMANDS = 10
_ARNS_A_COMMAND = 10
"""AWS takes 20; with fewer no form of a message has to cut a command."""
_DONE = {
    OutcomeStatus.STOPPED: "Stopped",
    OutcomeStatus.STOPPING: "Stopped",
    OutcomeStatus.STARTED: "Started",
    OutcomeStatus.STARTING: "Starting",
    OutcomeStatus.TAGGED: "Tagged, for notice",
    OutcomeStatus.FAILED: "Failed",
    OutcomeStatus.UNKNOWN: "Not known what came of it",
    OutcomeStatus.NOT_ATTEMPTED: "Not attempted",
}
"""What an owner hears of, in this order, and how."""
_WARNED = {Verdict.STOP: "Will be stopped", Verdict.START: "Will be started"}
_HEADINGS = tuple(dict.fromkeys((*_WARNED.values(), *_DONE.values())))
_TOLD_WHY = frozenset({OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN, OutcomeStatus.NOT_ATTEMPTED})
_ENDS_SOON_DAYS = 1


@dataclass(slots=True)
class OwnerShare:
    """What of a sweep is one owner's."""

    owner: str
    """As the tag names them; empty: of what has no owner."""
    accounts: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Resources by the heading that they come under."""
    rows: dict[str, list[tuple[Row, str]]] = field(default_factory=lambda: defaultdict(list))
    """The first decisions of each, with what is said of it beside."""
    kept: int = 0
    exempt: int = 0
    net: float = 0.0
    priced: int = 0
    unknown: int = 0
    ending: list[Row] = field(default_factory=list)
    """Opt-outs that end soon."""
    ending_now: bool = False

    def add(self, heading: str, row: Row, beside: str = "") -> None:
        """One resource."""
        self.counts[heading] += 1
        self.accounts.add(row["account_id"])
        if len(self.rows[heading]) < MOST_ROWS:
            self.rows[heading].append((row, beside))
        money = row.get("money") if row["verdict"] == Verdict.STOP else None
        if money is not None and money["net"] is not None:
            self.net, self.priced = self.net + money["net"], self.priced + 1
        elif money is not None:
            self.unknown += 1

    @property
    def resources(self) -> int:
        """So many of theirs are told of."""
        return sum(self.counts.values())


def owner_shares(document: Row, owner_of: Callable[[Row], str], *, warning: bool = False) -> tuple[OwnerShare, ...]:
    """Of each owner of whom there is something to tell, sorted by name. `owner_of`: who is told of a row; `warning`:
    of what will be done.
    """
    shares: dict[str, OwnerShare] = {}

    def share_of(owner: str) -> OwnerShare:
        return shares.setdefault(owner, OwnerShare(owner))

    outcomes = {} if warning else {_key(row): row for row in document["outcomes"]}
    for row in document["decisions"]:
        share = share_of(owner_of(row))
        if row["verdict"] == Verdict.KEEP:
            share.kept += 1
            share.exempt += row["exemption"] is not None
        elif warning:
            heading = _WARNED.get(row["verdict"])
            if heading is not None:
                share.add(heading, row)
        else:
            _add_done(share, row, outcomes.get(_key(row)))
    for row in document.get("opt_outs", ()):
        if row["expiring"] and row["status"] == OptOutStatus.ACTIVE:
            share = share_of(owner_of(row))
            share.ending.append(row)
            share.ending_now = share.ending_now or row["days_left"] <= _ENDS_SOON_DAYS
    # Of an opt-out that ends tomorrow only a warning tells, once a day: a digest after each sweep would repeat it.
    told = (one for one in shares.values() if one.resources or (warning and one.ending_now))
    return tuple(sorted(told, key=lambda one: one.owner))


def _add_done(share: OwnerShare, row: Row, outcome: Row | None) -> None:
    status = OutcomeStatus(outcome["status"]) if outcome is not None else None
    if outcome is None or status not in _DONE:
        return
    why = ": ".join(filter(None, (outcome["code"], outcome["message"]))) if status in _TOLD_WHY else ""
    share.add(_DONE[status], row, why)


@dataclass(frozen=True, slots=True)
class DigestWriter:
    """Writes the messages of one sweep's owners."""

    document: Row
    zone: ZoneInfo
    """The policy's, by which an opt-out's date is meant."""
    link_for: LinkFor | None = None

    def write(self, share: OwnerShare) -> Message:
        """What that owner is told."""
        as_of = self.document.get("as_of")
        if as_of:
            return self._warning(share, datetime.fromisoformat(as_of).astimezone(UTC))
        return self._digest(share)

    def _digest(self, share: OwnerShare) -> Message:
        counts = [f"{count:,} {heading.partition(',')[0].lower()}" for heading, count in _in_order(share.counts)]
        finished = datetime.fromisoformat(self.document["finished_at"]).astimezone(UTC)
        where = counted(len(share.accounts), "account")
        lines = [
            f"{_whose(share)}: what policy {self._policy} did until {moment_text(finished, self.zone)}, in {where}.",
            *self._money(share, "The stops save"),
            *_kept(share),
        ]
        keep = (
            f"To keep one from now on, tag it {OPT_OUT_TAG}=true, or {OPT_OUT_TAG}=YYYY-MM-DD up to that day, and "
            f"say why with {REASON_TAG}."
        )
        return Message(
            f"{self._policy}: {', '.join(counts)}{_of(share)}",
            tuple(lines),
            (*self._sections(share), *_ending(share), Section("To keep something", notes=(keep,))),
            self._links(share),
        )

    def _warning(self, share: OwnerShare, at: datetime) -> Message:
        stops = share.counts.get(_WARNED[Verdict.STOP], 0)
        when = moment_text(at, self.zone)
        last = (at.astimezone(self.zone) + _KEPT_FOR).date().isoformat()
        starts = share.counts.get(_WARNED[Verdict.START], 0)
        counts = [
            f"{counted(count, 'resource')} will be {done}"
            for count, done in ((stops, "stopped"), (starts, "started"))
            if count
        ]
        what = f"{' and '.join(counts)} at {at:%H:%M} UTC" if counts else "opt-outs end"
        lines = [
            f"{_whose(share)}: what policy {self._policy} does at {when}, as things are now.",
            *self._money(share, "The stops would save"),
        ]
        keep: tuple[Section, ...] = ()
        if stops:
            text = (
                f"This keeps them through {last}, each command with credentials of the account in its ARNs. Leave out "
                "the ARNs of what may be stopped; a later date keeps them longer. What is tagged before the sweep gets "
                "to it is kept."
            )
            commands = self._commands(share, last)
            keep = (Section("To keep them tonight", notes=(text,), commands=commands),)
        return Message(
            f"{self._policy}: {what}{_of(share)}",
            tuple(lines),
            (*self._sections(share), *keep, *_ending(share)),
            self._links(share),
        )

    @property
    def _policy(self) -> str:
        return str(self.document["policy_name"])

    def _sections(self, share: OwnerShare) -> Iterator[Section]:
        for heading, count in _in_order(share.counts):
            rows = [f"{resource_line(row)}{beside and f': {beside}'}" for row, beside in share.rows[heading]]
            yield section(f"{heading} ({count:,})", rows, count)

    def _money(self, share: OwnerShare, what: str) -> Iterator[str]:
        money = self.document.get("money")
        if money and (share.priced or share.unknown):
            made_up = " The prices are made up." if money["made_up"] else ""
            amount = net_text(share.net, share.unknown) if share.priced else "an amount that is not known"
            yield f"{what} {amount}, until each is started again.{made_up}"

    def _links(self, share: OwnerShare) -> tuple[Link, ...]:
        """To keep what was, or will be, stopped."""
        if self.link_for is None:
            return ()
        rows = (row for rows in share.rows.values() for row, _ in rows if row["verdict"] == Verdict.STOP)
        found = ((row, self.link_for(row)) for row in rows)
        return tuple(
            Link(f"Keep {one_line(row['name'] or row['resource_id'], 60)}", address)
            for row, address in found
            if address
        )

    def _commands(self, share: OwnerShare, last: str) -> tuple[str, ...]:
        """For each account and region one, of the resources that the message names."""
        arns: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row, _ in share.rows[_WARNED[Verdict.STOP]]:
            arns[row["account_id"], row["region"]].append(row["arn"])
        tags = f"{OPT_OUT_TAG}={last},{REASON_TAG}=tonight"
        made = (
            f"aws resourcegroupstaggingapi tag-resources --region {shlex.quote(region)} --tags {tags} "
            f"--resource-arn-list {' '.join(map(shlex.quote, found[start : start + _ARNS_A_COMMAND]))}"
            for (_, region), found in arns.items()
            for start in range(0, len(found), _ARNS_A_COMMAND)
        )
        return tuple(made)[:_MOST_COMMANDS]


def _in_order(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(heading, counts[heading]) for heading in _HEADINGS if counts.get(heading)]


def _whose(share: OwnerShare) -> str:
    return f"For {one_line(share.owner, 100)}" if share.owner else "For what has no owner"


def _of(share: OwnerShare) -> str:
    return f" ({one_line(share.owner, 40)})" if share.owner else " (without an owner)"


def _kept(share: OwnerShare) -> Iterator[str]:
    if share.kept:
        spared = f", {share.exempt:,} of them by opt-outs" if share.exempt else ""
        yield f"{counted(share.kept, 'resource')} of yours {'was' if share.kept == 1 else 'were'} kept{spared}."


def _ending(share: OwnerShare) -> Iterable[Section]:
    if not share.ending:
        return
    rows = [_ending_line(row) for row in sorted(share.ending, key=lambda row: (row["until"] or "", row["carrier_id"]))]
    yield section("Opt-outs that end soon", rows)


def _ending_line(row: Row) -> str:
    account = one_line(row["account_name"], 60)
    where = f"{row['carrier'].replace('_', ' ')}{account and f' in {account}'}"
    return f"{one_line(row['carrier_id'], 100)} ({where}): through {row['until']}"


def _key(row: Row) -> tuple[str, str, str, str]:
    return row["account_id"], row["region"], row["kind"], row["resource_id"]

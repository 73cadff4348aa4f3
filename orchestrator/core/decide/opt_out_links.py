"""Links by which whoever has one opts a resource out for some days: made by a sweep, read by the function behind them.

A link says all that it may be used for, and its last word is a signature of the others. Each sweep has a signing key of
its own: the HMAC, by a KMS key that never leaves KMS, of the sweep's id (`key_message`). That is one call for a sweep
with thousands of links, and one for a request; HMAC-SHA256 is a pseudorandom function, so the key of one sweep says
nothing of another's, nor of the KMS key. Who holds the key of a sweep can make links of that sweep alone.

https://docs.aws.amazon.com/kms/latest/developerguide/hmac.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from urllib.parse import parse_qsl, quote, urlencode
from zoneinfo import ZoneInfo

from orchestrator.core.policy.schedules.zones import is_time_zone

LONGEST_QUERY = 3000
"""Characters; mail programs and gateways cut much longer addresses."""
_LONGEST_ARN = 1000
"""Bytes: a sort key of DynamoDB has 1024."""
_LONGEST_OWNER = 128
_LONGEST_LIFE = timedelta(hours=169)
"""No policy lets a link live longer than 168 hours."""
_ARN = re.compile(r"arn:aws[a-z-]{0,20}:[a-z0-9-]{1,40}:[a-z0-9-]{0,40}:[0-9]{12}:.+", re.DOTALL)
_SWEEP = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DAY = re.compile(r"[2-9][0-9]{3}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[1-9][0-9]{9}")
_FIELDS = ("arn", "until", "sweep", "exp", "tz", "to", "why")
_SIGNATURE = re.compile(r"(.*)&sig=([A-Za-z0-9_-]{43})", re.DOTALL)
_NEEDED, _LEFT_OUT = "needed", "optional"
_MAY_BE_UNESCAPED = ":/?@!$'()*,;"
_CHOICES = (1, 2, 3, 4, 5, 6, 7, 10, 14, 21, 30, 60, 90, 180, 365)
"""Days from today on that are offered, as far as the link lets them."""


@dataclass(frozen=True, slots=True)
class OptOutLink:
    """What a link may be used for, and until when."""

    arn: str
    until: date
    """The last day that it can opt out for."""
    sweep_id: str
    expires_at: datetime
    timezone: str
    """The policy's, by which days end."""
    given_to: str
    """The owner whom the message was for; empty: nobody in particular."""
    needs_reason: bool

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Service, region, account and the rest, as the ARN has them."""
        _, _, service, region, account, name = self.arn.split(":", 5)
        return service, region, account, name

    def today(self, now: datetime) -> date:
        """The day that it is then in the policy's time zone."""
        return now.astimezone(ZoneInfo(self.timezone)).date()

    def choices(self, now: datetime) -> tuple[date, ...]:
        """The last days that are offered, earliest first. The first is tomorrow, as most nights end in the next day."""
        today = self.today(now)
        days = {today + timedelta(days=number) for number in _CHOICES}
        return tuple(sorted({self.until, *(day for day in days if day < self.until)}))


class LinkRefusal(StrEnum):
    """Why a link cannot be used."""

    NOT_OURS = "not_ours"
    """It was altered, is not whole, or another key signed it."""
    EXPIRED = "expired"


def key_message(sweep_id: str) -> bytes:
    """Whose HMAC by the KMS key is the sweep's signing key; it begins with what no other use of the key begins with."""
    return f"stop-orchestrator opt-out links 1\n{sweep_id}".encode()


def link_url(base: str, link: OptOutLink, key: bytes) -> str | None:
    """The address; None for a resource whose ARN no link can have. `key`: the sweep's."""
    query = _query(link)
    if not _ARN.fullmatch(link.arn) or len(link.arn.encode()) > _LONGEST_ARN or len(query) > LONGEST_QUERY - 50:
        return None
    return f"{base}?{query}&sig={_signature(query, key)}"


def read_link(query: str, now: datetime, key_of: Callable[[str], bytes]) -> OptOutLink | LinkRefusal:
    """The link in the query of an address as it was sent: one that a sweep signed, character for character, or with all
    escapes undone that an address can do without, as some gateways do.

    `key_of`: the signing key of a sweep by its id. It is asked only for what could be one of its links, and may raise.
    """
    found = _SIGNATURE.fullmatch(query) if len(query) <= LONGEST_QUERY else None
    link = _link(found[1]) if found is not None else None
    if found is None or link is None or link.expires_at - now > _LONGEST_LIFE:
        return LinkRefusal.NOT_OURS
    if now < link.expires_at and link.today(now) <= link.until:
        is_ours = hmac.compare_digest(_signature(_query(link), key_of(link.sweep_id)), found[2])
        return link if is_ours else LinkRefusal.NOT_OURS
    return LinkRefusal.EXPIRED


def owner_in_link(owner: str) -> str:
    """As much of it as a link has."""
    return owner.encode("utf-8", "replace").decode()[:_LONGEST_OWNER]


def _query(link: OptOutLink, unescaped: str = "") -> str:
    values = (
        link.arn,
        link.until.isoformat(),
        link.sweep_id,
        str(int(link.expires_at.timestamp())),
        link.timezone,
        link.given_to,
        _NEEDED if link.needs_reason else _LEFT_OUT,
    )
    return urlencode(dict(zip(_FIELDS, values, strict=True)), quote_via=quote, safe=unescaped, errors="replace")


def _link(signed: str) -> OptOutLink | None:
    """None for what is written otherwise than `_query` writes it, be it by one character."""
    try:
        fields = parse_qsl(signed, keep_blank_values=True, max_num_fields=len(_FIELDS), errors="replace")
    except ValueError:
        return None
    if tuple(name for name, _ in fields) != _FIELDS:
        return None
    arn, until, sweep_id, expires, zone, given_to, why = (value for _, value in fields)
    patterns = ((_ARN, arn), (_DAY, until), (_SWEEP, sweep_id), (_NUMBER, expires))
    if not all(pattern.fullmatch(value) for pattern, value in patterns) or not is_time_zone(zone):
        return None
    try:
        day = date.fromisoformat(until)
    except ValueError:
        return None
    at = datetime.fromtimestamp(int(expires), UTC)
    link = OptOutLink(arn, day, sweep_id, at, zone, given_to, needs_reason=why == _NEEDED)
    return link if signed in (_query(link), _query(link, _MAY_BE_UNESCAPED)) else None


def _signature(query: str, key: bytes) -> str:
    digest = hmac.digest(key, query.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")

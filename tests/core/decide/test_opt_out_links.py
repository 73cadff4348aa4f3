"""A link is good as it was sent, for what it says and for as long as it says; anything else is refused."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.opt_out_links import LinkRefusal, OptOutLink, key_message, link_url, read_link
from tests.support.builders import SWEEP_ID
from tests.support.strategies import quick

BASE = "https://keep.example/keep"
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
ARN = "arn:aws:ec2:eu-central-1:111111111111:instance/i-00000000000000001"
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "a&sig=b",
    "\u202eevil",
    "\x1b[31m",
    "=HYPERLINK(1)",
    "a=b&arn=c",
    "%3A",
    "ü +",
]


def key_of(sweep_id: str) -> bytes:
    return hmac.digest(b"of the KMS key", key_message(sweep_id), hashlib.sha256)


def a_link(**fields: Any) -> OptOutLink:
    link = OptOutLink(ARN, date(2026, 12, 7), SWEEP_ID, NOW + timedelta(hours=36), "Europe/Berlin", "ann", True)
    return replace(link, **fields)


def query_of(link: OptOutLink, key: bytes | None = None) -> str:
    url = link_url(BASE, link, key or key_of(link.sweep_id))
    assert url is not None
    return urlsplit(url).query


def read(query: str, now: datetime = NOW) -> OptOutLink | LinkRefusal:
    return read_link(query, now, key_of)


def test_a_link_says_in_plain_words_what_it_is_for() -> None:
    url = link_url(BASE, a_link(), key_of(SWEEP_ID))
    assert url is not None
    assert url.startswith(f"{BASE}?arn=arn%3Aaws%3Aec2%3A")
    fields = dict(parse_qsl(urlsplit(url).query))
    assert len(fields.pop("sig")) == 43
    assert fields == {
        "arn": ARN,
        "until": "2026-12-07",
        "sweep": SWEEP_ID,
        "exp": "1795593600",
        "tz": "Europe/Berlin",
        "to": "ann",
        "why": "needed",
    }


@quick
@given(
    name=NAMES | st.sampled_from(HOSTILE),
    owner=NAMES | st.sampled_from(["", *HOSTILE]),
    days=st.integers(0, 400),
    needs_reason=st.booleans(),
)
def test_what_was_made_is_read_back(name: str, owner: str, days: int, needs_reason: bool) -> None:
    link = a_link(
        arn=f"arn:aws:autoscaling:eu-central-1:111111111111:autoScalingGroup:1:autoScalingGroupName/{name}",
        given_to=owner,
        until=date(2026, 11, 24) + timedelta(days=days),
        needs_reason=needs_reason,
    )
    assert read(query_of(link)) == link


@quick
@given(data=st.data())
def test_any_altered_character_of_a_link_is_refused(data: st.DataObject) -> None:
    query = query_of(a_link(given_to="a b+ü"))
    at = data.draw(st.integers(0, len(query) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda one: one != query[at]))
    assert isinstance(read(query[:at] + other + query[at + 1 :]), LinkRefusal)


def test_a_link_whose_needless_escapes_a_gateway_undid_is_the_same() -> None:
    link = a_link(given_to="a+b (ü) & c")
    query = query_of(link)
    for escape, sign in (("%3A", ":"), ("%2F", "/"), ("%28", "("), ("%29", ")")):
        assert escape in query
        query = query.replace(escape, sign)
    assert read(query) == link
    assert read(query.replace("i-0", "i-1")) is LinkRefusal.NOT_OURS


def test_each_single_character_that_is_left_out_or_written_twice_is_refused() -> None:
    query = query_of(a_link())
    for at in range(len(query)):
        assert isinstance(read(query[:at] + query[at + 1 :]), LinkRefusal)
        assert isinstance(read(query[:at] + query[at] + query[at:]), LinkRefusal)


@pytest.mark.parametrize(
    "altered",
    [
        {"arn": ARN.replace("i-0", "i-1")},
        {"until": date(2027, 12, 7)},
        {"expires_at": NOW + timedelta(hours=100)},
        {"timezone": "Pacific/Apia"},
        {"given_to": "bob"},
        {"needs_reason": False},
        {"sweep_id": "20261124T190000Z-7f3a9c"},
    ],
)
def test_a_signature_is_of_all_that_the_link_says(altered: dict[str, Any]) -> None:
    signature = query_of(a_link()).rpartition("&sig=")[2]
    forged = query_of(a_link(**altered)).rpartition("&sig=")[0]
    assert read(f"{forged}&sig={signature}") is LinkRefusal.NOT_OURS


@pytest.mark.parametrize(
    "query",
    [
        "",
        "sig=",
        "arn=a",
        "&" * 50,
        "x" * 4000,
        "arn=%ff&sig=" + "A" * 43,
        f"a=1&{'b=2&' * 20}sig={'A' * 43}",
        "\ud800",
    ],
)
def test_what_is_no_link_is_refused_and_no_key_is_asked_for(query: str) -> None:
    def no_key(_: str) -> bytes:
        raise AssertionError

    assert read_link(query, NOW, no_key) is LinkRefusal.NOT_OURS


def test_another_keys_link_and_another_sweeps_are_refused() -> None:
    assert read(query_of(a_link(), b"a foreign key")) is LinkRefusal.NOT_OURS
    assert read(query_of(a_link(), key_of("20261124T190000Z-7f3a9c"))) is LinkRefusal.NOT_OURS


@pytest.mark.parametrize(
    ("fields", "now", "found"),
    [
        ({}, timedelta(hours=36) - timedelta(seconds=1), None),
        ({}, timedelta(hours=36), LinkRefusal.EXPIRED),
        ({"until": date(2026, 11, 23)}, timedelta(hours=2, minutes=59), None),  # 23:59 in Berlin
        ({"until": date(2026, 11, 23)}, timedelta(hours=3), LinkRefusal.EXPIRED),
        ({"expires_at": NOW + timedelta(hours=200)}, timedelta(), LinkRefusal.NOT_OURS),  # no sweep makes such
    ],
)
def test_a_link_is_good_until_it_expires_and_not_after_its_last_day(
    fields: dict[str, Any], now: timedelta, found: LinkRefusal | None
) -> None:
    link = a_link(**fields)
    zone = "Europe/Berlin"
    link = replace(link, timezone=zone)
    assert read(query_of(link), NOW + now) == (found or link)


def test_the_first_choice_is_tomorrow_and_the_last_is_the_links() -> None:
    days = a_link(until=date(2026, 12, 7)).choices(NOW)
    assert (days[0], days[-1]) == (date(2026, 11, 24), date(2026, 12, 7))
    assert a_link(until=date(2026, 11, 24)).choices(NOW) == (date(2026, 11, 24),)
    assert a_link(until=date(2026, 11, 23)).choices(NOW) == (date(2026, 11, 23),)


def test_a_resource_without_an_arn_that_a_link_can_have_has_none() -> None:
    assert link_url(BASE, a_link(arn=""), b"k") is None
    assert link_url(BASE, a_link(arn=f"{ARN}{'x' * 1000}"), b"k") is None

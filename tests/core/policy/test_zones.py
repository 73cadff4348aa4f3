"""Which names of time zones a policy may have: places, and UTC; no abbreviation, and no offset."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from orchestrator.core.policy.loading import load_policy
from orchestrator.core.policy.schedules.zones import _ABBREVIATIONS, _CITIES_AT, zone_problem
from orchestrator.kinds.ec2.description import EC2
from tests.support.policies import HEAD, the_problem

WINTER, SUMMER = datetime(2026, 1, 15), datetime(2026, 7, 15)  # noqa: DTZ001 - the zone is what is asked
OFFSETS = {f"Etc/GMT{sign}{hours}" for sign in "+-" for hours in range(1, 15)} - {"Etc/GMT+13", "Etc/GMT+14"}
REFUSED = {"EST", "MST", "HST", "Factory", "localtime"} | OFFSETS


def offset(zone: str, at: datetime) -> timedelta:
    found = ZoneInfo(zone).utcoffset(at)
    assert found is not None
    return found


def abbreviations(zone: str) -> Iterator[str]:
    for at in (WINTER, SUMMER):
        name = ZoneInfo(zone).tzname(at)
        assert name is not None
        if name[0] not in "+-":
            yield name.upper()


@pytest.mark.parametrize(
    ("zone", "city"),
    [
        ("EST", "America/New_York or America/Panama"),
        ("EDT", "America/New_York"),
        ("CST", "America/Chicago or Asia/Shanghai"),
        ("MST", "America/Denver or America/Phoenix"),
        ("PST", "America/Los_Angeles or Asia/Manila"),
        ("HST", "Pacific/Honolulu"),
        ("BST", "Europe/London"),
        ("CEST", "Europe/Berlin"),
        ("cest", "Europe/Berlin"),
        ("EEST", "Europe/Athens"),
        ("IST", "Asia/Kolkata, Europe/Dublin or Asia/Jerusalem"),
        ("JST", "Asia/Tokyo"),
        ("AEDT", "Australia/Sydney"),
        ("Etc/GMT+5", "America/New_York or America/Panama"),
        ("Etc/GMT-1", "Europe/Berlin or Africa/Lagos"),
        ("Etc/GMT-9", "Asia/Tokyo"),
        ("GMT+1", "Europe/Berlin or Africa/Lagos"),
        ("UTC-5", "America/New_York or America/Panama"),
        ("+01:00", "Europe/Berlin or Africa/Lagos"),
        ("-0800", "America/Los_Angeles or Pacific/Pitcairn"),
    ],
)
def test_a_name_without_daylight_saving_is_refused_with_the_citys_name(zone: str, city: str) -> None:
    for body, place in (
        (f"timezone: '{zone}'", "timezone"),
        (f"schedules: {{s: {{timezone: '{zone}', running: [daily 07:00-19:00]}}}}", "schedules.s.timezone"),
    ):
        path, line, message = the_problem(body)
        assert (path, line) == (place, 1)
        assert message.startswith(f"{zone!r} is ")
        assert message.endswith(f"; use {city}")


def test_an_offset_whose_sign_is_reversed_says_on_which_side_of_utc_it_is() -> None:
    assert zone_problem("Etc/GMT+5") == (
        "'Etc/GMT+5' is 5 hours behind UTC all year and has no daylight saving; use America/New_York or America/Panama"
    )
    assert zone_problem("CEST") == "'CEST' is an abbreviation and has no daylight saving; use Europe/Berlin"
    assert "1 hour ahead of UTC" in str(zone_problem("Etc/GMT-1"))
    assert "12 hours behind UTC" in str(zone_problem("Etc/GMT+12"))


def test_every_place_that_iana_has_is_accepted_and_so_is_utc() -> None:
    refused = {zone for zone in available_timezones() if zone_problem(zone)}
    assert refused == REFUSED & available_timezones()
    for zone in ("Asia/Kolkata", "America/Phoenix", "Africa/Lagos", "Japan", "US/Eastern", "EST5EDT", "CET", "GMT"):
        assert zone_problem(zone) is None
    for zone in ("UTC", "Etc/UTC", "Etc/GMT", "Etc/GMT0", "Etc/GMT+0", "Zulu", "Universal", "Greenwich"):
        assert zone_problem(zone) is None


@pytest.mark.parametrize("zone", sorted((REFUSED & available_timezones()) - {"Factory", "localtime"}))
def test_no_name_that_is_refused_has_daylight_saving(zone: str) -> None:
    assert offset(zone, WINTER) == offset(zone, SUMMER)


def test_every_abbreviation_of_iana_that_is_no_zone_itself_has_cities_which_use_it() -> None:
    used = {name for zone in available_timezones() if "/" in zone for name in abbreviations(zone)}
    assert set(_ABBREVIATIONS) == {name for name in used if name not in available_timezones()} | {"EST", "MST", "HST"}
    for name, cities in _ABBREVIATIONS.items():
        assert all(name in abbreviations(city) for city in cities), name


def test_every_city_for_an_offset_has_it_in_winter_and_one_of_them_all_year() -> None:
    for hours, cities in _CITIES_AT.items():
        assert all(zone_problem(city) is None for city in cities)
        standard = [min(offset(city, WINTER), offset(city, SUMMER)) for city in cities]
        assert standard == [timedelta(hours=hours)] * len(cities)
        assert hours == -12 or offset(cities[-1], WINTER) == offset(cities[-1], SUMMER)


@pytest.mark.parametrize(
    ("zone", "near"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("CETT", "did you mean CET?"),
        ("UTC+0", "use a name such as Europe/Berlin or UTC"),
        ("EST5", "use a name such as Europe/Berlin or UTC"),
        ("GMT+1h", "use a name such as Europe/Berlin or UTC"),
        ("+05:30", "use a name such as Europe/Berlin or UTC"),
        ("UTC+99", "use a name such as Europe/Berlin or UTC"),
        ("Etc/GMT+15", "use a name such as Europe/Berlin or UTC"),
    ],
)
def test_a_hint_never_names_a_zone_that_would_be_refused_or_an_offset(zone: str, near: str) -> None:
    assert zone_problem(zone) == f"{zone!r} is no IANA time zone; {near}"


def test_a_policy_by_which_a_sweep_began_keeps_its_zone() -> None:
    schedules = "schedules: {s: {timezone: Etc/GMT+5, running: [daily 07:00-19:00]}}"
    policy = load_policy(f"{HEAD}timezone: EST\n{schedules}\n", "stored", (EC2,), stored=True)
    assert policy.timezone == ZoneInfo("EST")
    assert policy.schedules["s"].timezone == ZoneInfo("Etc/GMT+5")

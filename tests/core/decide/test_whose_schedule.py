"""Whose schedule: of a rule, or of a tag on the resource, its account or an OU above; whatever is in doubt keeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide, decide_inventory
from orchestrator.core.decide.drift import kept_since
from orchestrator.core.decide.inside_schedules import inside_schedules
from orchestrator.core.model import Account, AwsError, Decision, Inventory, ReasonCode, Resource, Verdict
from tests.support.builders import a_policy, a_resource, a_unit, an_account
from tests.support.strategies import quick

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
SCHEDULES = """
    schedules:
      office-hours: {timezone: Europe/Berlin, running: ["mon-fri 07:00-19:00"]}
      always: {timezone: UTC, running: ["daily 00:00-24:00"]}
"""
BY_TAG = a_policy(
    f"""{SCHEDULES}
    rules:
      - name: by-tag
        where: everything
        schedule:
          from_tag: [Schedule, Hours]
          inherit: [organizational_unit, account, resource]
          default: office-hours
    """
)
OWN_TAG = a_policy(f"{SCHEDULES}\n    rules: [{{name: own, where: everything, schedule: {{from_tag: [Schedule]}}}}]")
UNREAD = AwsError("TooManyRequestsException", "slow down")
UNITS = (a_unit("/Workloads", {"Schedule": "always"}), a_unit("/Workloads/Dev", {"Schedule": "office-hours"}))


def the_decision(
    resource: Resource | None = None, account: Account | None = None, now: datetime = NIGHT, policy: object = BY_TAG
) -> Decision:
    assert isinstance(policy, type(BY_TAG))
    return decide(policy, resource or a_resource(), account or an_account(), now)


def tagged(value: str, key: str = "Schedule") -> Resource:
    return a_resource(tags={key: value})


# --- which tag


def test_a_tag_names_the_schedule_and_the_reason_says_which_tag_it_was() -> None:
    decision = the_decision(tagged("always"))
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.SCHEDULE)
    assert decision.reason == (
        "Rule by-tag owns it, but its schedule always (by its tag Schedule) says that it should run now."
    )


def test_a_tag_may_have_windows_with_a_time_zone_and_the_reason_says_until_when_in_that_zone() -> None:
    resource = tagged("mon+tue 06:00-09:00 and mon-fri 14:00-17:30 America/New_York")
    now = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
    kept = the_decision(resource, now=now)
    assert kept.reason_code is ReasonCode.SCHEDULE
    assert kept.reason.endswith("says that it should run now, until Mon 2026-11-23 17:30 EST.")
    stopped = the_decision(resource, now=datetime(2026, 11, 23, 23, 0, tzinfo=UTC))
    assert stopped.verdict is Verdict.STOP
    assert stopped.reason.endswith("is outside of its running hours, until Tue 2026-11-24 06:00 EST.")


@pytest.mark.parametrize(
    ("resource", "account", "source"),
    [
        ({"Schedule": "always"}, {"Schedule": "office-hours"}, "its tag Schedule"),
        ({"Hours": "always"}, {"Schedule": "office-hours"}, "its tag Hours"),
        ({"Hours": "office-hours", "Schedule": "always"}, {}, "its tag Schedule"),
        ({}, {"Hours": "always", "Schedule": "always"}, "the tag Schedule of its account 111111111111"),
    ],
    ids=["resource", "carrier before key", "first key", "account"],
)
def test_the_first_key_on_the_nearest_carrier_decides(
    resource: dict[str, str], account: dict[str, str], source: str
) -> None:
    decision = the_decision(a_resource(tags=resource), an_account(tags=account, organizational_units=UNITS))
    assert decision.verdict is Verdict.KEEP
    assert f"always (by {source})" in decision.reason


def test_of_the_ous_the_innermost_that_has_a_key_decides() -> None:
    decision = the_decision(account=an_account(organizational_units=UNITS), now=NIGHT)
    assert decision.verdict is Verdict.STOP
    assert "office-hours (by the tag Schedule of its OU /Workloads/Dev)" in decision.reason
    outer = an_account(organizational_units=(UNITS[0], a_unit("/Workloads/Dev")))
    assert "always (by the tag Schedule of its OU /Workloads)" in the_decision(account=outer).reason


def test_only_the_carriers_that_are_named_count() -> None:
    account = an_account(tags={"Schedule": "always"}, organizational_units=UNITS, tags_error=None)
    assert the_decision(account=account, policy=OWN_TAG).reason_code is ReasonCode.NO_SCHEDULE


def test_without_a_tag_the_default_holds() -> None:
    decision = the_decision()
    assert decision.verdict is Verdict.STOP
    assert "its schedule office-hours is outside" in decision.reason
    assert the_decision(now=NOON).reason_code is ReasonCode.SCHEDULE


def test_without_a_tag_and_without_a_default_it_is_kept() -> None:
    decision = the_decision(policy=OWN_TAG)
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.NO_SCHEDULE)
    assert decision.reason == (
        "Rule own owns it, and takes its schedule from the tag Schedule, which it does not have."
    )


# --- in doubt


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("offce-hours", "did you mean 'office-hours'?"),
        ("Office-Hours", "did you mean 'office-hours'?"),
        (" always", "did you mean 'always'?"),
        ("", "write always, office-hours, or windows with a time zone, such as"),
        ("mon-fri 07:00-19:00", "has no time zone at its end"),
        ("mon-fri 7-19 Europe/Berlin", "'mon-fri 7-19' is no window; write `mon-fri 07:00-19:00`"),
        ("mon-fri 07:00-19:00 Europe/Berlni", "did you mean Europe/Berlin?"),
        ("mon-fri 07:00-19:00 PST", "use America/Los_Angeles or Asia/Manila"),
        ("mon-fri 19:00-19:00 UTC", "is an empty window"),
        ("mon-fri 07:00-19:00 and UTC", "is no window"),
    ],
)
def test_a_value_that_means_no_schedule_keeps_and_the_reason_says_what_would_be_right(value: str, right: str) -> None:
    decision = the_decision(tagged(value))
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.UNKNOWN_SCHEDULE)
    assert decision.reason.startswith(
        f"Rule by-tag owns it, and by which schedule it runs is unknown: the tag Schedule={value!r} of it: "
    )
    assert right in decision.reason


@pytest.mark.parametrize("value", ["\x1b[31mred\x07", "a\nb\rc", "\u202egpj", "x" * 256, "mon-fri " * 32])
def test_a_hostile_value_is_shown_in_one_line_without_its_control_characters_and_not_at_any_length(value: str) -> None:
    decision = the_decision(tagged(value))
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.UNKNOWN_SCHEDULE)
    assert decision.reason.isprintable()
    assert len(decision.reason) < 400


@pytest.mark.parametrize("key", ["schedule", "SCHEDULE", "Sche-dule", "Schedule ", "sche_dule"])
def test_a_key_that_is_written_in_another_way_was_meant_to_be_read(key: str) -> None:
    decision = the_decision(tagged("always", key))
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.UNKNOWN_SCHEDULE)
    assert f"{key!r} is not read: its key is misspelt, write Schedule" in decision.reason
    assert the_decision(a_resource(tags={key: "always", "Schedule": "office-hours"})).verdict is Verdict.STOP


def test_tags_that_could_not_be_read_keep_unless_a_nearer_carrier_decides() -> None:
    unread = an_account(tags_error=UNREAD)
    decision = the_decision(account=unread)
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.UNKNOWN_SCHEDULE)
    assert "the tags of its account 111111111111 could not be read (TooManyRequestsException: slow down)" in (
        decision.reason
    )
    assert the_decision(tagged("office-hours"), unread).verdict is Verdict.STOP
    unit = an_account(organizational_units=(a_unit("/Dev", tags_error=UNREAD),))
    assert the_decision(account=unit).reason_code is ReasonCode.UNKNOWN_SCHEDULE
    assert the_decision(account=an_account(units_error=UNREAD)).reason_code is ReasonCode.UNKNOWN_SCHEDULE
    assert the_decision(tagged("office-hours"), unit).verdict is Verdict.STOP


def test_what_is_in_doubt_keeps_at_noon_too_and_what_spares_is_the_better_reason() -> None:
    assert the_decision(tagged("x"), now=NOON).reason_code is ReasonCode.UNKNOWN_SCHEDULE
    spared = a_resource(tags={"Schedule": "x", "stop-orchestrator:opt-out": "true"})
    assert the_decision(spared).reason_code is ReasonCode.EXEMPT


values = st.sampled_from(["always", "office-hours", "x", "", "mon 01:00-02:00 UTC"]) | st.text(max_size=40)
tags = st.dictionaries(st.sampled_from(["Schedule", "Hours", "schedule", "Other"]), values, max_size=3)


@quick
@given(own=tags, account=tags, unit=tags, error=st.sampled_from([None, UNREAD]), hour=st.integers(0, 167))
def test_no_tag_makes_it_stop_within_the_hours_of_the_schedule_that_decides(
    own: dict[str, str], account: dict[str, str], unit: dict[str, str], error: AwsError | None, hour: int
) -> None:
    """Written down a second time: by carrier, then by key."""
    now = datetime(2026, 11, 23 + hour // 24, hour % 24, 30, tzinfo=UTC)
    above = an_account(tags=account, tags_error=error, organizational_units=(a_unit("/Dev", unit),))
    decision = the_decision(a_resource(tags=own, started_at=datetime(2020, 1, 1, tzinfo=UTC)), above, now)
    carriers = [own, None if error else account, unit]
    first = next((one for one in carriers if one is None or {"Schedule", "Hours", "schedule"} & one.keys()), {})
    named = None if first is None else first.get("Schedule", first.get("Hours", "x" if "schedule" in first else ""))
    nothing_there = first == {} or (first is not None and not {"Schedule", "Hours", "schedule"} & first.keys())
    if nothing_there or named == "office-hours":
        berlin = hour % 24 + 1
        runs = hour // 24 < 5 and 7 <= berlin < 19
        assert (decision.verdict is Verdict.KEEP) is runs
    elif named == "mon 01:00-02:00 UTC":
        assert (decision.verdict is Verdict.KEEP) is (hour == 1)
    else:
        assert decision.verdict is Verdict.KEEP


# --- the time zone of an account

IN_ITS_ZONE = a_policy(
    """
    schedules:
      local: {timezone: account, timezone_tag: Zone, running: ["mon-fri 07:00-19:00"]}
      berlin: {timezone: Europe/Berlin, running: ["mon-fri 07:00-19:00"]}
    rules:
      - {name: tagged, where: {tag: {By: tag}}, schedule: {from_tag: [Schedule], default: berlin}}
      - {name: rest, where: everything, schedule: local}
    """
)
EVENING = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "verdict", "end"),
    [
        ("America/New_York", Verdict.KEEP, "says that it should run now, until Mon 2026-11-23 19:00 EST."),
        ("Europe/Berlin", Verdict.STOP, "is outside of its running hours, until Tue 2026-11-24 07:00 CET."),
    ],
)
def test_a_schedule_may_go_by_the_clock_that_the_accounts_tag_names(zone: str, verdict: Verdict, end: str) -> None:
    decision = the_decision(None, an_account(tags={"Zone": zone}), EVENING, IN_ITS_ZONE)
    assert decision.verdict is verdict
    assert decision.reason.endswith(end)
    by_tag = a_resource(tags={"By": "tag", "Schedule": "local"})
    assert the_decision(by_tag, an_account(tags={"Zone": zone}), EVENING, IN_ITS_ZONE).verdict is verdict


@pytest.mark.parametrize(
    ("account", "why"),
    [
        (an_account(), "the tag Zone is missing; it names a time zone, such as Europe/Berlin"),
        (an_account(tags={"zone": "UTC"}), "the tag Zone is missing"),
        (
            an_account(tags={"Zone": "Europe/Berlni"}),
            "Zone='Europe/Berlni': 'Europe/Berlni' is no IANA time zone; did",
        ),
        (an_account(tags={"Zone": "EST"}), "Zone='EST': 'EST' is an abbreviation"),
        (an_account(tags={"Zone": "\x1b[2J"}), "Zone='\\x1b[2J': it is no IANA time zone"),
        (an_account(tags_error=UNREAD), "its account 111111111111 could not be read (TooManyRequestsException: slow"),
    ],
    ids=["missing", "another key", "misspelt", "abbreviation", "hostile", "unread"],
)
def test_without_a_time_zone_it_is_kept_at_any_hour(account: Account, why: str) -> None:
    decision = the_decision(None, account, EVENING, IN_ITS_ZONE)
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.UNKNOWN_SCHEDULE)
    assert decision.reason.startswith("Rule rest owns it, and the time zone of its schedule local is unknown: ")
    assert why in decision.reason
    assert decision.reason.isprintable()


def test_an_account_whose_zone_is_asked_for_and_unknown_is_listed_once_and_no_other_account() -> None:
    accounts = tuple(an_account(number * 12) for number in "123")
    resources = (
        *(a_resource(f"i-{number}", accounts[0].id) for number in range(3)),
        a_resource("i-3", accounts[1].id, tags={"By": "tag"}),
    )
    decided = decide_inventory(IN_ITS_ZONE, Inventory("o-1", accounts, (), resources), EVENING)
    assert [(one.carrier, one.resource_id, one.region, one.violation) for one in decided.compliance] == [
        ("account", accounts[0].id, "*", "unknown_time_zone")
    ]
    assert decided.compliance[0].detail == "the tag Zone is missing; it names a time zone, such as Europe/Berlin"


# --- compliance


def test_wrong_tags_are_listed_for_each_resource_and_once_for_an_account_and_an_ou() -> None:
    unit = a_unit("/Dev", {"Schedule": "offce-hours"})
    accounts = tuple(
        an_account(number * 12, tags={"schedule": "always"} if number == "2" else {}, organizational_units=(unit,))
        for number in "12"
    )
    resources = (
        a_resource("i-1", accounts[0].id, tags={"Schedule": "nope"}),
        a_resource("i-2", accounts[0].id, state="stopped", tags={"Hours": "mon-fri 07:00-19:00"}),
        a_resource("i-3", accounts[1].id, tags={"Schedule": "always"}),
    )
    decided = decide_inventory(BY_TAG, Inventory("o-1", accounts, (), resources), NIGHT)
    rows = [(one.carrier, one.resource_id, one.violation, one.detail) for one in decided.compliance]
    assert [row[:3] for row in rows] == [
        ("organizational_unit", "/Dev", "unknown_schedule"),
        ("resource", "i-1", "unknown_schedule"),
        ("resource", "i-2", "unknown_schedule"),
        ("account", "2" * 12, "unknown_schedule"),
    ]
    assert rows[0][3].startswith(
        "Schedule='offce-hours': there is no schedule of that name (did you mean 'office-hours'?)"
    )
    assert "has no time zone at its end" in rows[2][3]
    assert rows[3][3] == "'schedule' is not read: its key is misspelt, write Schedule"


def test_a_policy_that_reads_no_tag_lists_none() -> None:
    policy = a_policy(f"{SCHEDULES}\n    rules: [{{name: all, where: everything, schedule: always}}]")
    inventory = Inventory("o-1", (an_account(tags={"Schedule": "x"}),), (), (tagged("nope"),))
    assert decide_inventory(policy, inventory, NIGHT).compliance == ()


# --- right before a stop


@pytest.mark.parametrize("carrier", ["resource", "account"])
def test_a_schedule_tag_that_is_set_since_the_plan_keeps(carrier: str) -> None:
    before, account = a_resource(), an_account()
    planned = the_decision(before, account)
    assert planned.verdict is Verdict.STOP
    fresh = replace(before, tags={"Schedule": "always"}) if carrier == "resource" else before
    now = replace(account, tags={"Schedule": "always"}) if carrier == "account" else account
    reason = kept_since(planned, fresh, BY_TAG, now, NIGHT)
    assert reason is not None
    assert "says that it should run now" in reason.sentence


# --- how many are inside


def test_a_plan_at_noon_counts_what_is_inside_of_which_hours_until_when() -> None:
    resources = tuple(
        a_resource(f"i-{number}", tags=tags)
        for number, tags in enumerate([{}, {}, {"Schedule": "always"}, {"Schedule": "x"}, {"Schedule": "office-hours"}])
    )
    decided = decide_inventory(BY_TAG, Inventory("o-1", (an_account(),), (), resources), NOON)
    found = [
        (one.rule, one.inside.schedule, one.inside.until_text, one.resources)
        for one in inside_schedules(decided.decisions)
    ]
    assert found == [("by-tag", "office-hours", "Mon 2026-11-23 19:00 CET", 3), ("by-tag", "always", "", 1)]
    assert not inside_schedules(
        decide_inventory(OWN_TAG, Inventory("o-1", (an_account(),), (), resources[:2]), NOON).decisions
    )

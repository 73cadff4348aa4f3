"""Who is told of a sweep: one message for each owner over all accounts, nothing where nothing happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.core.model import AccountId, Mode, OutcomeStatus, Region, Target
from orchestrator.core.model.notification import (
    Channel,
    ChannelKind,
    Listener,
    Notifications,
    Occasion,
    OwnerContacts,
)
from orchestrator.core.report.document import Row
from orchestrator.core.report.messages.message import Event, Message
from orchestrator.errors import LedgerError, PlanError
from orchestrator.sweep import telling as telling_module
from orchestrator.sweep.run import apply_plan, resume_sweep, run_sweep
from orchestrator.sweep.stored_plan import open_plan
from tests.support.builders import SWEEP_ID, a_policy, a_resource, an_account
from tests.support.fake_world import EVERYTHING, ONE, TWO, FakeWorld, a_world, given, unreadable
from tests.support.memory_store import Died

SLACK = Channel(ChannelKind.SLACK, "ssm:/slack")
BUS = Channel(ChannelKind.EVENTBRIDGE, "default")
OWNERS = Channel(ChannelKind.SNS, "arn:aws:sns:eu-central-1:999999999999:owners")
PLATFORM = (Listener(SLACK, frozenset(Occasion)), Listener(BUS, frozenset(Occasion)))
EVERY_OWNER = OwnerContacts(default=OWNERS)
NOTHING = "rules: []"
APPLIED = "20261123T200000Z-000001"


def an_organization(accounts: int = 40, owners: int = 12, **fields: Any) -> FakeWorld:
    """Each account has two instances of two owners; every owner has some in several accounts."""
    ids = [AccountId(f"{number:012d}") for number in range(1, accounts + 1)]
    fake = FakeWorld(accounts=tuple(an_account(one) for one in ids), workers=8, **fields)
    for number, account_id in enumerate(ids):
        pairs = [(2 * number + second, (2 * number + second) % owners) for second in (0, 1)]
        found = [a_resource(f"i-{n}", account_id, tags={"Owner": f"team-{owner}"}) for n, owner in pairs]
        fake.resources[Target(account_id, Region("eu-central-1"))] = tuple(found)
    return fake


def told(fake: FakeWorld, policy: str = EVERYTHING, mode: Mode = Mode.ENFORCE) -> Row:
    document, _ = run_sweep(fake.world(), a_policy(policy), SWEEP_ID, mode)
    return document


def die(fake: FakeWorld) -> None:
    """Before what the process is about to do."""
    fake.life.dies_after = len(fake.life.events)
    raise Died


def live_again(fake: FakeWorld) -> None:
    fake.life.dies_after, fake.life.before = None, lambda _event: None


def events(fake: FakeWorld) -> list[Event]:
    return [one.content for one in fake.delivered if isinstance(one.content, Event)]


def messages(fake: FakeWorld, channel: Channel) -> dict[str, Message]:
    """By owner."""
    found = [one for one in fake.delivered if one.channel == channel and isinstance(one.content, Message)]
    assert len({one.owner for one in found}) == len(found)
    return {one.owner: one.content for one in found if isinstance(one.content, Message)}


def test_12_owners_of_40_accounts_get_12_messages_with_all_that_is_theirs() -> None:
    fake = an_organization(notifications=Notifications(owners=EVERY_OWNER))
    document = told(fake)
    found = messages(fake, OWNERS)
    assert len(fake.delivered) == len(found) == 12
    assert found.keys() == {f"team-{number}" for number in range(12)}
    said = Counter(
        row.split(",")[0]
        for one in found.values()
        for part in one.sections
        if "Stopped" in part.heading
        for row in part.rows
    )
    assert said == {row["resource_id"]: 1 for row in document["outcomes"]}
    assert len(said) == 80
    assert found["team-3"].subject.startswith("nonprod: ")
    assert "in 7 accounts" in found["team-3"].lines[0] or "in 6 accounts" in found["team-3"].lines[0]


def test_the_platform_s_channel_has_one_message_beside_those_of_the_owners() -> None:
    fake = an_organization(8, 3, notifications=Notifications(PLATFORM, EVERY_OWNER))
    told(fake)
    assert Counter(str(one.channel.kind) for one in fake.delivered) == {"sns": 3, "slack": 1, "eventbridge": 1}
    [message] = messages(fake, SLACK).values()
    assert message.subject == "nonprod: 16 stopped"
    [event] = events(fake)
    assert (event.detail_type, event.detail["totals"]["stopped"]) == ("Sweep Completed", 16)


def test_where_nothing_happened_people_hear_nothing_and_programs_do() -> None:
    fake = an_organization(3, 2, notifications=Notifications(PLATFORM, EVERY_OWNER))
    told(fake, NOTHING)
    assert [one.channel for one in fake.delivered] == [BUS]
    assert events(fake)[0].detail_type == "Sweep Completed"


def test_a_hole_in_the_coverage_is_news_though_nothing_was_stopped() -> None:
    fake = an_organization(3, 2, notifications=Notifications(PLATFORM, EVERY_OWNER))
    fake.binds["000000000002"] = unreadable("AccessDenied")
    told(fake, NOTHING)
    [message] = messages(fake, SLACK).values()
    assert message.subject == "nonprod incomplete: 1 target not read"
    [unread] = message.sections
    assert "000000000002" in unread.rows[0]
    assert "AccessDenied" in unread.rows[0]


def test_a_sweep_that_a_guardrail_held_says_which_and_tells_no_owner() -> None:
    fake = an_organization(3, 2, notifications=Notifications(PLATFORM, EVERY_OWNER))
    told(fake, f"{EVERYTHING}\nguardrails: {{max_stops: 2}}")
    assert not messages(fake, OWNERS)
    [message] = messages(fake, SLACK).values()
    assert message.subject == "nonprod held, nothing done: max_stops is 6, the limit 2"
    [event] = events(fake)
    assert (event.detail_type, event.detail["held_by"][0]["actual"]) == ("Sweep Held", 6)


def test_an_owner_hears_what_failed_of_theirs_with_the_words_of_aws() -> None:
    fake = an_organization(2, 2, notifications=Notifications(owners=EVERY_OWNER))
    fake.stops["i-0"] = OutcomeStatus.FAILED
    told(fake)
    parts = {part.heading: part.rows for part in messages(fake, OWNERS)["team-0"].sections}
    assert parts["Failed (1)"][0].startswith("i-0, t3.micro, in account-000000000001 (000000000001) eu-central-1")
    assert parts["Stopped (1)"][0].startswith("i-2, ")


def test_an_owner_whom_nobody_can_reach_is_counted_in_one_line_for_the_platform() -> None:
    contacts = OwnerContacts((("team-0", OWNERS), ("team-1*", OWNERS)))
    fake = an_organization(8, 12, notifications=Notifications(PLATFORM, contacts))
    told(fake)
    assert messages(fake, OWNERS).keys() == {"team-0", "team-1", "team-10", "team-11"}
    [line] = [one for one in messages(fake, SLACK)[""].lines if "cannot be reached" in one]
    assert line.startswith("8 owners of 10 resources cannot be reached (team-2, team-3,")


def test_what_has_no_owner_is_told_to_whom_the_account_s_tag_names() -> None:
    contacts = OwnerContacts((("search", OWNERS),), account_tag="Team")
    fake = a_world(ONE, TWO, notifications=Notifications(PLATFORM, contacts))
    fake.accounts = (an_account(ONE, tags={"Team": "search"}), an_account(TWO, tags={"Team": "nobody"}))
    told(
        fake, f"{EVERYTHING}\nowner_contacts: {{contacts: {{search: {{sns: '{OWNERS.address}'}}}}, account_tag: Team}}"
    )
    [message] = messages(fake, OWNERS).values()
    assert message.subject == "nonprod: 2 stopped (search)"
    assert [one for one in messages(fake, SLACK)[""].lines if "2 resources have no owner" in one]


@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.APPROVE])
def test_whoever_plans_at_a_terminal_tells_nobody_else(mode: Mode) -> None:
    fake = an_organization(2, 2, notifications=Notifications(PLATFORM, EVERY_OWNER))
    told(fake, mode=mode)
    kinds = [one.content.detail_type for one in fake.delivered if isinstance(one.content, Event)]
    assert kinds == ([] if mode is Mode.PLAN else ["Sweep Planned"])
    assert not messages(fake, OWNERS)


def test_a_schedule_s_plan_is_an_event_and_no_owner_s_news() -> None:
    fake = an_organization(2, 2, standing=True, notifications=Notifications(PLATFORM, EVERY_OWNER))
    told(fake, mode=Mode.PLAN)
    assert [one.detail_type for one in events(fake)] == ["Sweep Planned"]
    assert messages(fake, SLACK)[""].subject == "nonprod: 4 would be stopped"  # which asked for plans
    assert not messages(fake, OWNERS)


def test_a_channel_that_is_dead_costs_no_sweep_and_is_a_warning_and_a_count() -> None:
    fake = an_organization(2, 2, notifications=Notifications(PLATFORM, EVERY_OWNER))
    fake.undelivered[f"{SLACK} sweep"] = "it answered with HTTP status 500"
    assert told(fake)["status"] == "complete"
    summary = fake.ledger.sweep(SWEEP_ID)
    assert summary is not None
    assert summary.warning == ("1 of 4 messages were not delivered: slack ssm:/slack: it answered with HTTP status 500")
    assert (summary.status, fake.undelivered_counts) == ("complete", [1])


def test_an_error_in_telling_itself_costs_no_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> Iterator[object]:
        raise KeyError("owner")

    monkeypatch.setattr(telling_module, "owner_shares", broken)
    fake = an_organization(2, 2, notifications=Notifications(PLATFORM, EVERY_OWNER))
    assert told(fake)["status"] == "complete"
    assert fake.warned == [f"{SWEEP_ID}: a message could not be written: KeyError: 'owner'"]
    assert len(events(fake)) == 1  # what was written before it is sent


def test_a_ledger_that_takes_no_mark_costs_no_sweep() -> None:
    fake = an_organization(2, 2, notifications=Notifications(PLATFORM, EVERY_OWNER))

    def refuse(event: str) -> None:
        if event.endswith(" TOLD"):
            raise LedgerError("no")

    fake.life.before = refuse
    assert told(fake)["status"] == "complete"
    assert (len(fake.delivered), fake.undelivered_counts) == (4, [0])
    assert fake.warned == [f"{SWEEP_ID}: which messages were delivered is not recorded: no"]


@pytest.mark.parametrize("died_after", [5, 30, 41])
def test_a_resumed_sweep_tells_those_who_were_not_told_and_repeats_few(died_after: int) -> None:
    fake = an_organization(40, 40, notifications=Notifications(PLATFORM, EVERY_OWNER))

    def kill(event: str) -> None:
        if event.startswith("tell") and len(fake.delivered) == died_after:
            die(fake)

    fake.life.before = kill
    with pytest.raises(Died):
        told(fake)
    live_again(fake)
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    document, _ = resume_sweep(fake.world(), a_policy(EVERYTHING), begun)
    assert document["status"] == "complete"
    keys = Counter(one.key for one in fake.delivered)
    assert len(keys) == 42
    assert sum(keys.values()) - len(keys) == died_after % 25  # those after the last mark


def test_without_channels_nothing_is_read_or_written_for_them() -> None:
    fake = an_organization(2, 2)
    told(fake)
    assert not [one for one in fake.life.events if "TOLD" in one]


def test_a_hundred_thousand_owners_are_no_hundred_thousand_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling_module, "MOST_OWNERS", 5)
    fake = an_organization(10, 12, notifications=Notifications(PLATFORM, EVERY_OWNER))
    told(fake)
    assert len(messages(fake, OWNERS)) == 5
    assert [one for one in messages(fake, SLACK)[""].lines if one.startswith("7 owners of ")]


# --- a warning before -------------------------------------------------------------------------------------------------

AFTER_HOURS = """
schedules: {office-hours: {timezone: Europe/Berlin, running: ["mon-fri 07:00-20:15"]}}
rules: [{name: all, where: everything, schedule: office-hours}]
"""
"""At 19:00 UTC it is 20:00 in Berlin: what runs is to run, and half an hour later it is to be stopped."""


def warned(fake: FakeWorld, policy: str = AFTER_HOURS) -> Row:
    document, _ = run_sweep(fake.world(), a_policy(policy), SWEEP_ID, Mode.PLAN, notify_before="30m")
    return document


def a_warning(**fields: Any) -> FakeWorld:
    return an_organization(4, 2, standing=True, notifications=Notifications(PLATFORM, EVERY_OWNER), **fields)


def test_a_preview_decides_for_the_moment_of_the_sweep_that_stops_and_warns_each_owner_once() -> None:
    fake = a_warning()
    document = warned(fake)
    assert (document["as_of"], document["totals"]["would_stop"]) == ("2026-11-23T19:30:00Z", 8)
    found = messages(fake, OWNERS)
    assert {owner: one.subject for owner, one in found.items()} == {
        f"team-{number}": f"nonprod: 4 resources will be stopped at 19:30 UTC (team-{number})" for number in (0, 1)
    }
    commands = [command for part in found["team-0"].sections for command in part.commands]
    assert commands[0] == (
        "aws resourcegroupstaggingapi tag-resources --region eu-central-1 "
        "--tags stop-orchestrator:opt-out=2026-11-24,stop-orchestrator:opt-out-reason=tonight "
        "--resource-arn-list arn:aws:ec2:eu-central-1:000000000001:instance/i-0"
    )
    assert fake.stopped == []
    assert events(fake)[0].detail["as_of"] == "2026-11-23T19:30:00Z"


def test_a_plan_of_now_stops_nothing_then_and_warns_nobody() -> None:
    fake = a_warning()
    assert told(fake, AFTER_HOURS, Mode.PLAN)["totals"]["would_stop"] == 0
    assert not messages(fake, OWNERS)


def test_a_link_is_there_for_what_will_be_stopped_where_links_are_made() -> None:
    fake = a_warning(link_for=lambda row: f"https://keep.example/?arn={row['arn']}")
    warned(fake)
    links = messages(fake, OWNERS)["team-0"].links
    assert [one.text for one in links] == ["Keep i-0", "Keep i-2", "Keep i-4", "Keep i-6"]
    assert links[0].url == "https://keep.example/?arn=arn:aws:ec2:eu-central-1:000000000001:instance/i-0"


def test_a_preview_that_warns_can_never_be_applied() -> None:
    fake = a_warning()
    warned(fake)
    with pytest.raises(PlanError, match="is a preview that warned of what is done 30m after it began; plan again"):
        open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)


def test_a_preview_that_is_resumed_warns_of_the_same_moment() -> None:
    fake = a_warning()

    def kill(event: str) -> None:
        if event == "file plan.json":
            die(fake)

    fake.life.before = kill
    with pytest.raises(Died):
        warned(fake)
    live_again(fake)
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    fake.at += timedelta(minutes=5)
    document, _ = resume_sweep(fake.world(), a_policy(AFTER_HOURS), begun)
    assert document["as_of"] == "2026-11-23T19:30:00Z"
    assert len(messages(fake, OWNERS)) == 2


def test_an_opt_out_that_ends_now_is_in_the_warning_of_an_owner_who_has_nothing_else() -> None:
    fake = a_warning()
    target = Target(AccountId("000000000001"), Region("eu-central-1"))
    spared = {"Owner": "night-owls", "stop-orchestrator:opt-out": "2026-11-24"}
    fake.resources[target] = (*given(fake.resources[target]), a_resource("i-99", "000000000001", tags=spared))
    warned(fake)
    [part] = messages(fake, OWNERS)["night-owls"].sections
    assert (part.heading, part.rows) == (
        "Opt-outs that end soon",
        ("i-99 (resource in account-000000000001): through 2026-11-24",),
    )


def test_a_preview_that_a_guardrail_would_hold_warns_no_owner_and_says_so_to_the_platform() -> None:
    fake = a_warning()
    assert warned(fake, f"{AFTER_HOURS}\nguardrails: {{max_stops: 2}}")["status"] == "held"
    assert not messages(fake, OWNERS)
    assert messages(fake, SLACK)[""].subject == "nonprod held, nothing done: max_stops is 8, the limit 2"


# --- whose a resource is, once its account is listed no more ----------------------------------------------------------

OF_ACCOUNTS = f"{EVERYTHING}\nowner_contacts: {{contacts: {{search: {{sns: '{OWNERS.address}'}}}}, account_tag: Team}}"


def owned_by_accounts() -> FakeWorld:
    contacts = OwnerContacts((("payments", OWNERS), ("search", OWNERS)), account_tag="Team")
    fake = a_world(ONE, TWO, workers=1, notifications=Notifications(owners=contacts))
    fake.accounts = (an_account(ONE, tags={"Owner": "payments"}), an_account(TWO, tags={"Team": "search"}))
    return fake


def test_an_owner_by_the_account_s_tag_hears_of_a_plan_that_was_applied() -> None:
    fake = owned_by_accounts()
    told(fake, OF_ACCOUNTS, Mode.PLAN)
    _, plan = open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    apply_plan(fake.world(), a_policy(OF_ACCOUNTS), APPLIED, plan)
    assert messages(fake, OWNERS).keys() == {"payments", "search"}


def test_an_owner_by_the_account_s_tag_hears_of_a_sweep_that_was_resumed() -> None:
    fake = owned_by_accounts()

    def kill(event: str) -> None:
        if event.startswith("stop i-2"):
            die(fake)

    fake.life.before = kill
    with pytest.raises(Died):
        told(fake, OF_ACCOUNTS)
    live_again(fake)
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    document, _ = resume_sweep(fake.world(), a_policy(OF_ACCOUNTS), begun)
    assert {row["account_id"]: row["owner"] for row in document["decisions"]} == {ONE: "payments", TWO: ""}
    assert messages(fake, OWNERS).keys() == {"payments", "search"}


def test_approvers_and_all_others_are_told_under_one_deadline() -> None:
    fake, delivered = an_organization(2, 2, notifications=Notifications(PLATFORM)), []
    deliver = fake.deliver
    fake.deliver = lambda parcels, heard: delivered.append(len(parcels)) or deliver(parcels, heard)  # type: ignore[method-assign]  # counts the calls, each of which may take 5 s
    told(fake, mode=Mode.APPROVE)
    assert (len(delivered), {one.key for one in fake.delivered if "approval" in one.key} != set()) == (1, True)


def test_owners_hear_nothing_of_a_sweep_that_nobody_agreed_to() -> None:
    fake = an_organization(4, 2, notifications=Notifications(PLATFORM, EVERY_OWNER))
    document = told(fake)
    assert messages(fake, OWNERS)
    fake.delivered.clear()
    nobody = {**document, "sweep_id": APPLIED, "status": "abandoned", "consent": None}
    telling_module.tell_of_sweep(fake.world(), nobody, "report.json")
    assert not messages(fake, OWNERS)


@pytest.mark.parametrize("bus", [True, False])
def test_a_plan_that_waits_for_approval_says_so_where_nobody_hears_of_it(*, bus: bool) -> None:
    listeners = (Listener(BUS, frozenset(Occasion)),) if bus else ()
    fake = an_organization(2, 2, notifications=Notifications(listeners))
    told(fake, mode=Mode.APPROVE)
    (said,) = [one for one in fake.warned if "approval" in one]
    assert said.startswith(f"{SWEEP_ID} waits for approval, and nobody is told: no topic or channel is named")

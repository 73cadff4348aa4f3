"""Which channels hear of a policy's sweeps, how owners are reached, and what is said of a mistake in it."""

from __future__ import annotations

import pytest

from orchestrator.core.model.notification import BUT_PLANS, Channel, ChannelKind, Occasion
from tests.support.policies import HEAD, load, problems

ARN = "arn:aws:sns:eu-central-1:111122223333:team-a"
SECRET = "https://hooks.slack.com/services/T0/B0/secret"
SLACK = Channel(ChannelKind.SLACK, "ssm:/slack")
BUS = Channel(ChannelKind.EVENTBRIDGE, "default")


def test_a_list_of_channels_hears_of_all_but_plans_and_an_event_bus_of_everything() -> None:
    notify = load(HEAD + "notify: [{slack: 'ssm:/slack'}, {eventbridge: default}]\n").notify
    assert notify.channels == (SLACK, BUS)
    assert {one: notify.hearing(one) for one in Occasion} == {
        **dict.fromkeys(BUT_PLANS, (SLACK, BUS)),
        Occasion.PLANNED: (BUS,),
    }


def test_a_channel_hears_only_of_what_it_asks_for() -> None:
    notify = load(HEAD + "notify: [{teams: 'secretsmanager:a/b', on: [held, missed]}]\n").notify
    assert [one for one in Occasion if notify.hearing(one)] == [Occasion.HELD, Occasion.MISSED]


def test_owners_are_reached_by_contacts_an_account_tag_and_a_default() -> None:
    body = "owner_contacts: {contacts: {pay*: {slack: 'ssm:/slack'}}, account_tag: Team, default: {sns: '%s'}}\n"
    owners = load(HEAD + body % ARN).notify.owners
    assert owners is not None
    assert (owners.contacts, owners.account_tag) == ((("pay*", SLACK),), "Team")
    assert owners.default == Channel(ChannelKind.SNS, ARN)


@pytest.mark.parametrize("key", ["notify: [{slack: '%s'}]", "owner_contacts: {default: {teams: '%s'}}"])
def test_a_url_in_the_policy_is_refused_and_never_quoted(key: str) -> None:
    [problem] = problems(HEAD + key % SECRET)
    assert "must name where the webhook's URL is kept, as `ssm:/name`" in problem.message
    assert "secret" not in problem.message.replace("secretsmanager", "").lower()


@pytest.mark.parametrize(
    ("body", "place", "text"),
    [
        ("notify: [{slack: 'ssm:/a', sns: '%s'}]", "notify[0]", "exactly one of `sns`, `slack`, `teams` and `event"),
        ("notify: [{on: [held]}]", "notify[0]", "must have exactly one of"),
        ("notify: []", "notify", "must have at least one entry"),
        ("notify: [{slak: 'ssm:/a'}]", "notify[0].slak", "did you mean `slack`?"),
        ("notify: [{slack: 'ssm:/a', on: [helt]}]", "notify[0].on[0]", "did you mean 'held'?"),
        ("notify: [{eventbridge: 'a b'}]", "notify[0].eventbridge", "named by its name, such as `default`"),
        ("notify: [{slack: 'ssm:/a'}, {slack: 'ssm:/a'}]", "notify[1].slack", "is the channel of entry 1 too"),
        ("owner_contacts: {}", "owner_contacts", "must reach somebody"),
        (
            "owner_contacts: {account_tag: Team, default: {sns: '%s'}}",
            "owner_contacts.account_tag",
            "has no meaning without `contacts`",
        ),
        ("owner_contacts: {contacts: {a: {}}}", "owner_contacts.contacts.a", "exactly one of `sns`, `slack` and"),
        ("owner_contacts: {contacts: {a: {eventbridge: b}}}", "owner_contacts.contacts.a.eventbridge", "is unknown"),
        ("sweeps: [{name: a, mode: plan, rate: 1 hour, notify_before: 30m}]", "sweeps[0].notify_before", "owner_con"),
    ],
)
def test_a_mistake_is_told_at_its_place_with_what_would_be_right(body: str, place: str, text: str) -> None:
    [problem] = problems(HEAD + body.replace("%s", ARN))
    assert (problem.path, text in problem.message) == (place, True), problem.message


def test_only_a_preview_warns() -> None:
    body = "owner_contacts: {default: {sns: '%s'}}\nsweeps: [{name: a, mode: %s, rate: 1 hour, notify_before: 30m}]"
    assert load(HEAD + body % (ARN, "plan")).sweeps[0].notify_before == "30m"
    [problem] = problems(HEAD + body % (ARN, "enforce"))
    assert "must stand in an entry with `mode: plan`" in problem.message


def test_more_topics_than_an_alarm_can_tell_are_refused() -> None:
    topics = ", ".join(f"{{sns: '{ARN}{number}'}}" for number in range(5))
    [problem] = problems(HEAD + f"notify: [{topics}]")
    assert problem.message.startswith("`notify` has 5 SNS topics")

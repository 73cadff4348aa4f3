"""Whom to ask about a policy, and which topic hears of its sweeps."""

from __future__ import annotations

import pytest

from orchestrator.core.model.notification import TOLD_NOBODY, Channel, ChannelKind, Occasion
from tests.support.policies import HEAD, load, problems

ARN = "arn:aws:sns:eu-central-1:111122223333:team-a"


def test_a_policy_names_its_owners_as_it_likes_and_a_topic_of_its_own() -> None:
    policy = load(f"{HEAD}owners: [team-a@example.com, Team A, '#nights']\nnotify: {ARN}\n")
    assert policy.owners == ("team-a@example.com", "Team A", "#nights")
    assert policy.notify.topics == policy.notify.own_topics == (ARN,)
    assert policy.notify.hearing(Occasion.APPROVAL) == (Channel(ChannelKind.SNS, ARN),)
    assert not policy.notify.hearing(Occasion.HELD)  # of that its alarms tell


def test_without_them_there_is_no_owner_and_the_hub_s_topic_hears() -> None:
    assert (load(HEAD).owners, load(HEAD).notify) == ((), TOLD_NOBODY)


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov", "aws-eusc", "aws-iso-b"])
def test_a_topic_of_another_partition_is_one(partition: str) -> None:
    arn = ARN.replace(":aws:", f":{partition}:")
    assert load(f"{HEAD}notify: {arn}\n").notify.topics == (arn,)


@pytest.mark.parametrize(
    "notify", ["team-a", f"{ARN}.fifo", ARN.replace(":sns:", ":sqs:"), "arn:aws:sns:eu-central-1:1111:a", f"{ARN}/x"]
)
def test_what_names_no_topic_that_can_be_told_is_refused_with_what_would(notify: str) -> None:
    [problem] = problems(f"{HEAD}notify: {notify}\n")
    assert problem.message.startswith(f"'{notify}' does not fit: an SNS topic is named by its ARN")
    assert problem.line == 3


@pytest.mark.parametrize("body", ["owners: team-a", "owners: [5]", "owners: ['']", "owners:", "notify:"])
def test_an_owner_is_text_and_a_topic_that_is_named_has_a_name(body: str) -> None:
    assert len(problems(f"{HEAD}{body}\n")) == 1

"""Whether a topic's mail addresses were confirmed: until a person has clicked AWS's link, no mail arrives."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.pages import each_page

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

_PENDING = "PendingConfirmation"
"""What SNS has in the place of the subscription's ARN until then."""


def told_of_mail(client: SNSClient, topic_arn: str, address: str) -> str:
    """A sentence for a person; empty where the address is confirmed."""
    try:
        found = dict(_addresses(client, topic_arn))
    except AWS_FAILURES as failure:
        return (
            f"Whether {address} was confirmed cannot be seen ({error_of(failure)}): look for AWS's mail with the link."
        )
    state = found.get(address)
    if state == _PENDING:
        return f"NOT CONFIRMED: {address} gets no mail until somebody there clicks the link in AWS's first one."
    return "" if state else f"NOT SUBSCRIBED: {address} is not a subscription of {topic_arn}; it gets no mail."


def _addresses(client: SNSClient, topic_arn: str) -> Iterator[tuple[str, str]]:
    ask = partial(client.list_subscriptions_by_topic, TopicArn=topic_arn)
    for page in each_page("sns:ListSubscriptionsByTopic", ask):
        for one in page["Subscriptions"]:
            if one["Protocol"] == "email":
                yield one["Endpoint"], one["SubscriptionArn"]

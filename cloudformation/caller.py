"""Who deploys: the session of the command, and whether its account is the one that `config/deploy.env` names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from cloudformation.env_file import Problem
from cloudformation.inputs import Inputs
from cloudformation.regions import nearest_region, region_problem
from orchestrator.aws.failures import AWS_FAILURES, text_of
from orchestrator.aws.html_answers import explain_html_pages
from orchestrator.errors import SettingsError

_QUICK = Config(connect_timeout=10, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


class Session(boto3.Session):
    """One whose clients name a proxy's page instead of quoting it."""

    if not TYPE_CHECKING:  # boto3's stubs have a type for each service, and keep them

        def client(self, *arguments: Any, **named: Any) -> Any:
            """As boto3's."""
            client = super().client(*arguments, **named)
            explain_html_pages(client)
            return client


def open_session(region: str | None) -> Session:
    """In that region, or the one of the AWS_* variables: boto3 reads AWS_DEFAULT_REGION only, other SDKs AWS_REGION."""
    return Session(region_name=region or os.environ.get("AWS_REGION"))


def checked_session(what: str, inputs: Inputs, problems: list[str]) -> tuple[Session, str]:
    """The session and its account. AWS is asked for nothing but that; with mistakes too, so that all are told at once.

    `problems`: what was found without AWS. Raises SettingsError that names all, and what AWS fails with where that is
    the only one.
    """
    session = open_session(inputs.region)
    if session.region_name and (wrong := region_problem(session.region_name)):
        if not inputs.region:
            problems = [*problems, f"AWS_REGION: {wrong}"]
        session = open_session(nearest_region(session.region_name) or "us-east-1")
    if not session.region_name:
        missing = Problem("Region", "Region is missing: the region of the stack, such as eu-central-1")
        told = inputs.env.tell([missing])
        raise SettingsError("\n".join([*(one for one in told if one not in problems), *problems]))
    try:
        account_id: str = session.client("sts", config=_QUICK).get_caller_identity()["Account"]
    except AWS_FAILURES as failure:
        if not problems:
            raise
        raise SettingsError("\n".join([*problems, f"the account was not compared: {text_of(failure)}"])) from failure
    told = inputs.env.tell(_account_problem(what, inputs, account_id))
    problems = [*(one for one in told if one not in problems), *problems]
    if problems:
        raise SettingsError("\n".join(problems))
    return session, account_id


def _account_problem(what: str, inputs: Inputs, account_id: str) -> list[Problem]:
    """Only the hub's stack has to be in the hub's account; the StackSet may be another account's business."""
    hub = inputs.env.values.get("HubAccountId")
    if what != "hub" or hub in (None, account_id):
        return []
    right = f"use the hub account's credentials, or say HubAccountId={account_id}"
    text = f"HubAccountId: {hub!r} is not the account of these credentials, which is {account_id}: {right}"
    return [Problem("HubAccountId", text)]

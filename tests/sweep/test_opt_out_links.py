"""A sweep makes a link for each decision with one KMS call; none without links in its policy, or where KMS refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from orchestrator.core.decide.opt_out_links import OptOutLink, read_link
from orchestrator.core.report.document import Row, document_of
from orchestrator.errors import StopOrchestratorError
from orchestrator.sweep.opt_out_links import LinkFor, link_maker
from tests.support.builders import AT, SWEEP_ID, a_decision, a_policy, a_report, a_resource

LINKS = 'opt_out: {max_days: 14, links: {url: "https://keep.example/keep", key: alias/links, valid_for: 12h}}'


class Kms:
    """Counts what it is asked."""

    def __init__(self, refusal: str = "") -> None:
        self.asked: list[tuple[str, str]] = []
        self._refusal = refusal

    def __call__(self, key: str, sweep_id: str) -> bytes:
        self.asked.append((key, sweep_id))
        if self._refusal:
            raise StopOrchestratorError(self._refusal)
        return b"the sweep's"


def maker(kms: Kms, policy: str = LINKS, warn: Callable[[str], None] = print, **fields: str) -> LinkFor | None:
    return link_maker(a_policy(policy, **fields), SWEEP_ID, AT, kms, warn)


def row(resource_id: str = "i-1", **fields: Any) -> Row:
    [decided] = document_of(a_report(decisions=(a_decision(a_resource(resource_id)),)))["decisions"]
    return {**decided, **fields}


def test_a_link_is_good_for_the_days_and_hours_that_the_policy_says() -> None:
    kms = Kms()
    link_for = maker(kms, timezone="Europe/Berlin")
    assert link_for is not None
    url = link_for(row(owner="ann"))
    assert url is not None
    assert url.startswith("https://keep.example/keep?")
    assert read_link(urlsplit(url).query, AT, lambda _: b"the sweep's") == OptOutLink(
        arn=a_resource("i-1").arn,
        until=AT.date() + timedelta(days=14),
        sweep_id=SWEEP_ID,
        expires_at=AT + timedelta(hours=12),
        timezone="Europe/Berlin",
        given_to="ann",
        needs_reason=True,
    )


def test_thousands_of_links_ask_kms_once() -> None:
    kms = Kms()
    link_for = maker(kms)
    assert link_for is not None
    one = row()
    urls = {link_for({**one, "arn": f"{one['arn']}{number}"}) for number in range(1000)}
    assert len(urls - {None}) == 1000
    assert kms.asked == [("alias/links", SWEEP_ID)]


def test_a_policy_without_links_makes_none_and_asks_nothing() -> None:
    kms = Kms()
    assert maker(kms, "") is None
    assert kms.asked == []


def test_a_key_that_cannot_be_used_costs_the_links_and_one_warning() -> None:
    kms, warnings = Kms("the key alias/links cannot sign"), list[str]()
    link_for = maker(kms, warn=warnings.append)
    assert link_for is not None
    assert [link_for(row()), link_for(row())] == [None, None]
    assert warnings == ["Messages have no opt-out links: the key alias/links cannot sign"]
    assert len(kms.asked) == 1


@pytest.mark.parametrize("owner", ["<img src=x onerror=alert(1)>", "\ud800", "o" * 500])
def test_whatever_an_owner_is_called_the_link_is_one(owner: str) -> None:
    link_for = maker(Kms())
    assert link_for is not None
    url = link_for(row(owner=owner))
    assert url is not None
    assert url.isascii()
    assert "<" not in url
    assert isinstance(read_link(urlsplit(url).query, AT, lambda _: b"the sweep's"), OptOutLink)


def test_what_has_no_arn_has_no_link() -> None:
    link_for = maker(Kms())
    assert link_for is not None
    assert link_for(row(arn="")) is None

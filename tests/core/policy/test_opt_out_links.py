"""What a policy says of opt-outs by link: where they lead, which key signs them, and for how long they are good."""

from __future__ import annotations

import pytest

from orchestrator.core.policy.schema.governance import OptOutLinks
from tests.support.builders import a_policy
from tests.support.policies import HEAD, problems, the_problem

URL = "https://abcdefghij.execute-api.eu-central-1.amazonaws.com/keep"
ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def links(**fields: str) -> str:
    """A policy's section with these links."""
    values = ", ".join(f"{key}: '{value}'" for key, value in {"url": URL, "key": "alias/links", **fields}.items())
    return f"opt_out: {{max_days: 14, links: {{{values}}}}}"


def test_a_policy_has_no_links_unless_it_says_so() -> None:
    assert a_policy().opt_out.links is None


@pytest.mark.parametrize("key", ["alias/links", ARN, ARN.replace("key/", "alias/").replace("aws", "aws-cn")])
@pytest.mark.parametrize("url", [URL, "https://keep.example.com", "https://keep.example.com:8443/a/b"])
def test_links_have_a_url_a_key_and_a_life_of_36_hours(url: str, key: str) -> None:
    assert a_policy(links(url=url, key=key)).opt_out.links == OptOutLinks(url=url, key=key, valid_for="36h")


@pytest.mark.parametrize(
    "url",
    ["http://keep.example.com", "https://", "keep.example.com", f"{URL}?a=b", f"{URL}#a", "https://a b", "https://u@h"],
)
def test_the_url_is_https_and_has_no_query(url: str) -> None:
    place, _, message = the_problem(links(url=url))
    assert place == "opt_out.links.url"
    assert "it begins with https:// and has no query" in message


@pytest.mark.parametrize("key", ["links", "1234abcd-12ab-34cd-56ef-1234567890ab", "arn:aws:sns:eu-central-1:1:a"])
def test_the_key_is_an_alias_or_an_arn(key: str) -> None:
    place, _, message = the_problem(links(key=key))
    assert (place, "by its ARN or its alias" in message) == ("opt_out.links.key", True)


@pytest.mark.parametrize("life", ["59m", "169h", "a day"])
def test_a_link_is_good_for_an_hour_to_a_week(life: str) -> None:
    assert the_problem(links(valid_for=life))[0] == "opt_out.links.valid_for"


def test_links_need_max_days() -> None:
    place, line, message = the_problem(f"opt_out:\n  links: {{url: '{URL}', key: alias/links}}\n")
    assert (place, line) == ("opt_out.links", 2)
    assert message == "must have `max_days` beside it: no link opts out for longer, such as `max_days: 14`"


def test_every_mistake_is_told_at_once() -> None:
    found = problems(HEAD + "opt_out: {links: {uri: 'x', valid_for: 5}}")
    assert {one.path for one in found} == {
        "opt_out.links",
        "opt_out.links.url",
        "opt_out.links.key",
        "opt_out.links.uri",
        "opt_out.links.valid_for",
    }


def test_an_unknown_key_names_the_near_one() -> None:
    assert "did you mean `valid_for`?" in the_problem(links(valid_fro="36h"))[2]

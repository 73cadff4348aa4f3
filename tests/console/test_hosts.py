"""For which names the console answers: by a name of its own a strange site may lead a browser to this machine."""

from __future__ import annotations

import pytest

from orchestrator.console.hosts import checked_public_name, is_for_us
from orchestrator.errors import SettingsError

PUBLIC = "sweeps.example.com"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "LOCALHOST", "[::1]:80", "localhost.:80"]
)
def test_it_answers_for_this_machine_at_whatever_port(host: str) -> None:
    assert is_for_us([host])
    assert is_for_us([host], PUBLIC)


@pytest.mark.parametrize("host", [PUBLIC, f"{PUBLIC}:443", PUBLIC.upper(), f"{PUBLIC}."])
def test_it_answers_for_the_proxys_name_only_where_that_was_named(host: str) -> None:
    assert is_for_us([host], PUBLIC)
    assert not is_for_us([host])


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["localhost", "localhost"],
        ["localhost, evil.example"],
        ["evil.example"],
        [f"evil.{PUBLIC}"],
        [f"{PUBLIC}.evil.example"],
        ["localhost@evil.example"],
        ["evil.example:localhost"],
        ["127.0.0.1.evil.example"],
        ["127.0.0.1:80:80"],
        ["127.0.0.1:"],
        ["127.0.0.2"],
        ["0.0.0.0"],
        ["[::]"],
        ["[::1"],
        ["localhost\x00"],
        ["localhost/"],
        ["ⓛocalhost"],
        ["localhost\n127.0.0.1"],
    ],
    ids=repr,
)
def test_it_answers_for_no_other(hosts: list[str]) -> None:
    assert not is_for_us(hosts, PUBLIC)


@pytest.mark.parametrize("name", ["https://a.example", "a.example:80", "a b", "a_b.example", "", ".", "-a", "a" * 300])
def test_a_public_name_that_is_none_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(SettingsError, match=r"is no host name, such as sweeps\.example\.com"):
        checked_public_name(name)


def test_a_public_name_is_compared_in_lower_case() -> None:
    assert checked_public_name("Sweeps.Example.COM") == PUBLIC

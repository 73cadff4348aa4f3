"""Which page an address asks for; whatever is no page of ours is none, and never part of a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.console.routes import (
    DOWNLOADS,
    BadQueryError,
    DownloadRoute,
    ExplainRoute,
    FilesRoute,
    IndexRoute,
    MovedRoute,
    ReportRoute,
    route_of,
)
from orchestrator.core.model.marks import SWEEP_ID as FORM
from tests.support.builders import SWEEP_ID

SWEEP = f"/sweeps/{SWEEP_ID}"
WORK = "work"
"""The folder of a sweep's own processes."""


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/", IndexRoute()),
        ("/?utm=1", IndexRoute()),
        ("/index.html", IndexRoute()),
        (SWEEP, MovedRoute(f"{SWEEP_ID}/")),
        (f"{SWEEP}/", ReportRoute(SWEEP_ID)),
        (f"{SWEEP}/files", FilesRoute(SWEEP_ID)),
        (f"{SWEEP}/decisions.csv", DownloadRoute(SWEEP_ID, "decisions.csv")),
        (f"{SWEEP}/manifest.json", DownloadRoute(SWEEP_ID, "manifest.json")),
        (f"{SWEEP}/explain?resource=i-1", ExplainRoute(SWEEP_ID, "i-1")),
        (
            f"{SWEEP}/explain?resource=a%2Fb%3Cimg%3E&account=111111111111&region=eu-west-1&kind=ec2",
            ExplainRoute(SWEEP_ID, "a/b<img>", "111111111111", "eu-west-1", "ec2"),
        ),
    ],
)
def test_each_page_has_its_address(target: str, route: object) -> None:
    assert route_of(target) == route


@pytest.mark.parametrize(
    "target",
    [
        "",
        "*",
        "http://127.0.0.1/",
        "//evil.example/",
        "/..",
        "/sweeps/",
        "/sweeps/latest/",
        "/sweeps/../ledger.sqlite",
        f"{SWEEP}/..",
        f"{SWEEP}/../../../ledger.sqlite",
        f"{SWEEP}/..%2F..%2Fledger.sqlite",
        f"{SWEEP}/%2e%2e/",
        f"{SWEEP}/report.json/",
        f"{SWEEP}//",
        f"{SWEEP}/inventory-1.json",
        f"{SWEEP}/{WORK}/listing.json",
        f"{SWEEP}/policy-{'a' * 64}.yaml",
        f"{SWEEP}/.part",
        f"{SWEEP}\\",
        f"{SWEEP}\n/",
        f"{SWEEP}/\n",
        f"/sweeps/{SWEEP_ID.upper()}/",
        f"/sweeps/\N{FULLWIDTH DIGIT TWO}{SWEEP_ID[1:]}/",
        f"{SWEEP}/files#x",
        "/index/sweeps.json",
        "/favicon.ico",
        f"/{'a' * 10_000}",
    ],
)
def test_whatever_else_is_asked_is_no_page(target: str) -> None:
    assert route_of(target) is None


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        "?resource=",
        "?resource=a&resource=b",
        "?resource",
        "?resource=a&bucket=b",
        "?resource=%ff",
        "?resource=a&&",
        f"?resource={'a' * 3_000}",
        "?" + "&".join(f"a{number}=1" for number in range(100)),
    ],
)
def test_a_query_that_explain_does_not_take_is_refused(query: str) -> None:
    with pytest.raises(BadQueryError):
        route_of(f"{SWEEP}/explain{query}")


@given(st.text(max_size=60).map("/".__add__) | st.text(max_size=40).map(f"{SWEEP}/".__add__))
def test_nothing_of_an_address_becomes_part_of_a_key(target: str) -> None:
    try:
        route = route_of(target)
    except BadQueryError:
        return
    sweep_id = getattr(route, "sweep_id", SWEEP_ID)
    assert FORM.fullmatch(sweep_id)
    assert getattr(route, "name", "report.json") in DOWNLOADS

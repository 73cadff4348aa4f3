"""README and docs/ are led to, say whom they are for, and link to nothing that is not there."""

from __future__ import annotations

import posixpath
import re

import pytest

from tests.docs.pages import (
    README,
    ROOT,
    every_page,
    fragments,
    links,
    operators_pages,
    text_of,
    whom_it_is_for,
)

MAP = "docs/README.md"


def target_of(page: str, link: str) -> tuple[str, str]:
    """The file from the top level, and the part of it."""
    path, _, fragment = link.partition("#")
    return (posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page), fragment


def broken(page: str) -> list[str]:
    wrong = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            wrong += [] if link.startswith("https://") else [f"{link}: not https"]
            continue
        path, fragment = target_of(page, link)
        if not (ROOT / path).exists():
            wrong.append(f"{link}: there is no {path}")
        elif fragment and fragment not in fragments(path):
            wrong.append(f"{link}: {path} has no such heading")
    return wrong


@pytest.mark.parametrize("page", every_page())
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    assert broken(page) == []


def test_a_link_is_found_broken_by_its_file_by_its_heading_and_by_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = ["none.md", "../README.md#none", "#none", "http://example.com"]
    monkeypatch.setattr("tests.docs.test_pages.links", lambda _: ["glossary.md", "../README.md", *wrong])
    assert [one.partition(": ")[0] for one in broken("docs/policy.md")] == wrong


@pytest.mark.parametrize("page", [page for page in operators_pages() if page != README])
def test_a_page_says_at_its_top_whom_it_is_for(page: str) -> None:
    assert whom_it_is_for(page)


def test_the_map_of_the_docs_leads_to_every_page() -> None:
    linked = {target_of(MAP, link)[0] for link in links(MAP)}
    assert sorted({*operators_pages()} - {README, MAP} - linked) == []


def test_the_readme_is_short_and_leads_to_the_map() -> None:
    assert len(text_of(README).splitlines()) <= 180
    assert MAP in links(README)


def test_the_first_screen_of_the_readme_says_what_it_stops_how_to_install_it_and_what_it_cannot_do() -> None:
    first = "\n".join(text_of(README).splitlines()[:40])
    for heading in ("What it stops", "Install", "What it cannot do"):
        assert re.search(rf"\[{heading}\]\(#[\w-]+\)", first), heading

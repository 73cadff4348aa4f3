"""Globs over text, and the paths of OUs."""

from __future__ import annotations

from copy import deepcopy
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import path_names, unit_path
from orchestrator.core.policy.conditions.matching import Globs, is_glob, path_within, tags_match
from tests.support.strategies import quick

signs = st.text(st.sampled_from("ab-*?[]!^&|~\\.(")) | st.text()


@pytest.mark.parametrize(
    ("path", "ancestor", "within"),
    [
        ("/Dev", "/Dev", True),
        ("/Dev/A", "/Dev", True),
        ("/Developers", "/Dev", False),
        ("/Dev", "/Dev/A", False),
        ("/A/Dev", "/Dev", False),
        ("/", "/Dev", False),
        ("/", "/", True),
        ("/Dev", "/", True),
        ("/Dev/A/B", "/D*/A", True),
        ("/Dev/A", "/*/*/*", False),
        ("/Old [2]", "/Old [2]", True),
        ("/Old [2]/A", "/Old [2]", True),
        ("/Old 2", "/Old [2]", True),
    ],
)
def test_an_ou_holds_what_is_below_it_segment_by_segment(path: str, ancestor: str, within: bool) -> None:
    assert path_within(path, ancestor) is within


@quick
@given(texts=st.lists(signs, max_size=4).map(tuple), value=signs)
def test_globs_match_themselves_and_what_one_of_them_matches(texts: tuple[str, ...], value: str) -> None:
    assert Globs(texts).match(value) is any(value == text or fnmatchcase(value, text) for text in texts)


@quick
@given(names=st.lists(st.text(st.sampled_from("AB/\\*[")).filter(bool), min_size=1, max_size=4))
def test_the_path_of_an_ou_is_that_of_no_other(names: list[str]) -> None:
    path = ""
    for name in names:
        path = unit_path(path, name)
    assert path_names(path) == tuple(names)
    assert path_within(path, path)
    assert not path_within(path, unit_path(path, "A"))


@quick
@given(text=st.text(st.sampled_from("ab*?[")), value=st.text(st.sampled_from("ab*?[")))
def test_only_a_glob_matches_another_text_than_itself(text: str, value: str) -> None:
    assert is_glob(text) or Globs((text,)).match(value) is (value == text)


def test_no_globs_match_nothing() -> None:
    assert not Globs(()).match("")
    assert not Globs(()).match("a")


def test_globs_are_what_their_texts_are() -> None:
    assert Globs(("a*", "b")) == Globs(("a*", "b")) == deepcopy(Globs(("a*", "b")))
    assert Globs(("a",)) != Globs(("b",))
    assert len({Globs(("a*",)), Globs(("a*",))}) == 1
    assert repr(Globs(("a*",))) == "Globs(texts=('a*',))"


def test_tags_match_when_every_key_that_is_asked_for_does() -> None:
    wanted = (("A", Globs(("1",))), ("B", Globs(("*",))))
    assert tags_match(wanted, {"A": "1", "B": "", "C": "x"})
    assert not tags_match(wanted, {"A": "1"})
    assert not tags_match(wanted, {"A": "2", "B": ""})

"""Which service owns what carries certain tags."""

from __future__ import annotations

from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model.owners import _OWNED_BY_TAG, owner_of_tagged


def _near(pattern: str) -> st.SearchStrategy[str]:
    longer = st.text(max_size=3).map(lambda more: pattern.replace("*", "") + more)
    return st.sampled_from([pattern, pattern[:-1], f"x{pattern}", pattern.upper()]) | longer


@given(key=st.sampled_from(sorted(_OWNED_BY_TAG)).flatmap(_near) | st.text(max_size=20))
def test_the_owner_of_a_tag_is_the_one_whose_glob_matches_it(key: str) -> None:
    told = owner_of_tagged(["Name", key])
    owners = [owner for pattern, (_, owner) in _OWNED_BY_TAG.items() if fnmatchcase(key, pattern)]
    assert told == (f"{owners[0]} (tag {key})" if owners else None)
    assert all("*" not in one[:-1] and not set(one) & {"?", "["} for one in _OWNED_BY_TAG), "a glob of another form"

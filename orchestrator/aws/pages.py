"""The one way to read what AWS gives in pages: it ends, whatever token AWS names (tests/test_paging.py)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.parsers import ResponseParserError

Page = TypeVar("Page")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The names by which a service's calls ask for a page and its answers name the next one."""

    asked: str
    answered: str


NEXT_TOKEN = Tokens("NextToken", "NextToken")
NEXT_TOKEN_IN_XML = Tokens("NextToken", "nextToken")
"""EC2's, as it is in the answer itself."""
NEXT_TOKEN_IN_LOWER_CASE = Tokens("nextToken", "nextToken")
"""As of EKS and other services whose names begin in lower case."""
MARKER = Tokens("Marker", "Marker")
NEXT_MARKER = Tokens("Marker", "NextMarker")
CONTINUATION_TOKEN = Tokens("ContinuationToken", "NextContinuationToken")
PAGINATION_TOKEN = Tokens("PaginationToken", "PaginationToken")
EVALUATED_KEY = Tokens("ExclusiveStartKey", "LastEvaluatedKey")


def _field(page: Any, name: str) -> Any:
    return page.get(name)


def each_page(
    operation: str,
    ask: Callable[..., Page],
    tokens: Tokens = NEXT_TOKEN,
    token_of: Callable[[Page, str], Any] = _field,
) -> Iterator[Page]:
    """Every page of `ask`, which is called with what it asked for first and the token; an empty page is just a page.

    Raises ResponseParserError where AWS names a page for the second time: there would be no end to the reading.
    """
    known: set[str] = set()
    page = ask()
    while True:
        yield page
        token = token_of(page, tokens.answered)
        if not token:
            return
        as_text = json.dumps(token, sort_keys=True, default=repr)
        if as_text in known:
            raise ResponseParserError(f"{operation} names a next page that was read already")
        known.add(as_text)
        page = ask(**{tokens.asked: token})

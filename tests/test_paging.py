"""Whatever comes in pages is read by orchestrator/aws/pages.py alone, which ends where AWS names a page twice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from botocore.parsers import ResponseParserError

from orchestrator.aws.pages import EVALUATED_KEY, NEXT_TOKEN, Tokens, each_page

ROOT = Path(__file__).parents[1]
PAGES = "orchestrator/aws/pages.py"
BY_ITSELF = {"orchestrator/demo/fleets"}
"""Folders that hold the product to what AWS says, without any of the product's code."""
OWN = {"get_paginator", "can_paginate", "paginate", "build_full_result"}
TOKENS = {
    "ContinuationToken",
    "ExclusiveStartKey",
    "LastEvaluatedKey",
    "LastEvaluatedTableName",
    "Marker",
    "NextContinuationToken",
    "NextMarker",
    "NextToken",
    "PaginationToken",
    "StartingToken",
    "nextToken",
}


def pages_by_itself(code: str) -> Iterator[str]:
    """Each name in it by which pages are asked for or told, or botocore's own paginator is."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Attribute(attr=name) if name in OWN:
                yield name
            case ast.Constant(value=str(name)) if name in TOKENS | OWN:
                yield name
            case ast.keyword(arg=str(name)) if name in TOKENS:
                yield name


@pytest.mark.parametrize(
    "code",
    [
        'client.get_paginator("list_roots")',
        'getattr(client, "get_paginator")',
        "client.list_roots(NextToken=token)",
        'client.list_roots(**{"NextToken": token})',
        'page.get("LastEvaluatedKey")',
        'root.findtext("nextToken")',
    ],
)
def test_what_pages_by_itself_is_found(code: str) -> None:
    assert [*pages_by_itself(code)]


def test_nothing_pages_by_itself() -> None:
    files = [path for folder in ("orchestrator", "cloudformation") for path in (ROOT / folder).rglob("*.py")]
    found = {str(one.relative_to(ROOT)): [*pages_by_itself(one.read_text(encoding="utf-8"))] for one in files}
    assert found[PAGES]
    pages = {file for file, names in found.items() if names}
    folders = {file: str(Path(file).parent) for file in pages}
    assert {folders[one] if folders[one] in BY_ITSELF else one for one in pages} == {PAGES, *BY_ITSELF}


@pytest.mark.parametrize(
    ("tokens", "named"),
    [
        (NEXT_TOKEN, ["a", "a"]),
        (NEXT_TOKEN, ["a", "b", "a"]),
        (NEXT_TOKEN, ["a", "b", "c", "b"]),
        (EVALUATED_KEY, [{"PK": {"S": "a"}, "SK": {"S": "b"}}, {"SK": {"S": "b"}, "PK": {"S": "a"}}]),
    ],
)
def test_a_page_that_is_named_twice_ends_the_reading_with_the_operation(tokens: Tokens, named: list[object]) -> None:
    answers = iter({tokens.answered: one} for one in named)
    with pytest.raises(ResponseParserError, match="s3:ListIt names a next page that was read already"):
        list(each_page("s3:ListIt", lambda **_: next(answers), tokens))
    assert not [*answers]


def test_every_page_is_asked_for_with_the_token_before_it_until_there_is_none() -> None:
    asked: list[dict[str, str]] = []
    answers = iter([{"NextToken": "a"}, {"NextToken": "b", "Items": [1]}, {"NextToken": ""}])

    def ask(**more: str) -> dict[str, object]:
        asked.append(more)
        return dict(next(answers))

    assert len([*each_page("s3:ListIt", ask)]) == 3
    assert asked == [{}, {"NextToken": "a"}, {"NextToken": "b"}]


def test_a_reader_that_has_enough_asks_for_no_further_page() -> None:
    answers = iter([{"NextToken": "a"}, {"NextToken": "b"}])
    assert len([*islice(each_page("s3:ListIt", lambda **_: next(answers)), 1)]) == 1
    assert len([*answers]) == 1

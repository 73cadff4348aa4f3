"""Which accounts are production: those that the policy names; where it names none, those that look like it.

It sets them off for a person who is about to agree; nothing is kept or stopped because of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise

from orchestrator.core.model import Account, AccountId, Coverage
from orchestrator.core.model.production import ProductionAccount
from orchestrator.core.policy.conditions.matching import (
    account_within,
    globs_of,
    is_unit_id,
    path_within,
    tags_match,
)
from orchestrator.core.policy.schema.scope import ProductionScope

_WORDS = frozenset({"prd", "prod", "production"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
"""Also within `eShopProd`."""
_NEGATIONS = frozenset({"no", "non", "not", "pre"})
_ENVIRONMENT = "environment"


def find_production(
    scope: ProductionScope | None,
    concerned: Collection[AccountId],
    coverage: Iterable[Coverage],
    accounts: Iterable[Account],
    known: Iterable[ProductionAccount] = (),
) -> tuple[ProductionAccount, ...]:
    """Those of the accounts `concerned` that are production, sorted by id.

    `coverage` names them, `accounts` has the tags and OUs of those that were listed just now, and `known` is what was
    found when the plan was made: a later look has no tags, and takes nothing back.
    """
    found = {one.account_id: one for one in known if one.account_id in concerned}
    listed = {one.id: one for one in accounts if one.id in concerned}
    rows = {row.account_id: row for row in coverage if row.account_id in concerned}
    for account_id in concerned - found.keys():
        account, row = listed.get(account_id), rows.get(account_id)
        name = account.name if account else row.account_name if row else ""
        path = account.ou_path if account else row.ou_path if row else ""
        if scope is None:
            why = next(_looks_like_it(name, path, account), "")
        else:
            why = next(_declared(scope, account_id, path, account), "")
        if why:
            found[account_id] = ProductionAccount(account_id, why, declared=scope is not None)
    return tuple(sorted(found.values(), key=lambda one: one.account_id))


def _declared(scope: ProductionScope, account_id: str, path: str, account: Account | None) -> Iterator[str]:
    if account_id in scope.accounts:
        yield "the policy names it under production"
    for unit in scope.organizational_units:
        if account_within(account, unit) if account else not is_unit_id(unit) and path_within(path, unit):
            yield f"the policy names its OU {unit}"
    tags = account.tags if account else {}
    for key, values in scope.account_tags.items():
        if tags_match(((key, globs_of(*values)),), tags):
            yield f"the policy names its tag {key}={tags[key]}"


def _looks_like_it(name: str, path: str, account: Account | None) -> Iterator[str]:
    if word := _word_in(name):
        yield f"its name has the word {word}"
    if word := _word_in(path):
        yield f"its OU {path} has the word {word}"
    for key, value in account.tags.items() if account else ():
        if key.casefold() == _ENVIRONMENT and (word := _word_in(value)):
            yield f"its tag {key} has the word {word}"


def _word_in(text: str) -> str:
    """As it is written there: `prod` is one of `shop-prod` and `shopProd`, and none of `product` and `non-prod`."""
    words = ["", *_WORD.findall(text)]
    found = (
        word for before, word in pairwise(words) if word.casefold() in _WORDS and before.casefold() not in _NEGATIONS
    )
    return next(found, "")

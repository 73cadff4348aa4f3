"""GetResources of what Organizations tags, which moto's Resource Groups Tagging API knows nothing of.

As AWS does: from the management account in us-east-1, what was ever tagged; from anywhere else an empty list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.organizations.models import organizations_backends

from orchestrator.aws.pages import PAGINATION_TOKEN
from orchestrator.demo.calls import Answer, Call

_REGION, _PARTITION = "us-east-1", "aws"


@dataclass(slots=True)
class TaggingIndex:
    """What the API answers by: it hears of changes later than Organizations itself. Its fields are for tests."""

    stale: list[dict[str, Any]] | None = None
    """Rows as they were; None: as they are."""
    lacks: set[str] = field(default_factory=set)
    """Ids of accounts, OUs or roots of which it has nothing."""
    a_page: int = 100
    """It may give fewer than were asked for."""

    def clear(self) -> None:
        """As it is at first."""
        self.stale, self.lacks, self.a_page = None, set(), 100

    def freeze(self, management: str) -> None:
        """It hears of no change from now on."""
        self.stale = list(_rows(management))

    def rows(self, management: str) -> list[dict[str, Any]]:
        """What it lists for that account."""
        rows = _rows(management) if self.stale is None else self.stale
        return [one for one in rows if one["ResourceARN"].rpartition("/")[2] not in self.lacks]


INDEX = TaggingIndex()


def tagging_gate(call: Call) -> Answer | None:
    """A page of it; None for any other question."""
    asked = call.json if call.service == "tagging" and call.action == "GetResources" else {}
    types = {one.removeprefix("organizations:") for one in asked.get("ResourceTypeFilters", ())}
    if not types & {"account", "ou", "root"}:
        return None
    rows = [
        one for one in INDEX.rows(call.account_id) if call.region == _REGION and _type_of(one["ResourceARN"]) in types
    ]
    start, size = int(asked.get(PAGINATION_TOKEN.asked) or 0), min(asked.get("ResourcesPerPage", 100), INDEX.a_page)
    token = str(start + size) if start + size < len(rows) else ""
    document = {"ResourceTagMappingList": rows[start : start + size], PAGINATION_TOKEN.answered: token}
    return Answer(200, "application/x-amz-json-1.1", json.dumps(document))


def _rows(account_id: str) -> Iterator[dict[str, Any]]:
    backend = organizations_backends[account_id][_PARTITION]
    if backend.org is None or backend.org.master_account_id != account_id:
        return
    carriers: tuple[Any, ...] = (*backend.accounts, *backend.ou)
    for carrier in carriers:
        if carrier.tags:
            tags = [{"Key": key, "Value": value} for key, value in carrier.tags.items()]
            yield {"ResourceARN": carrier.arn, "Tags": tags}


def _type_of(arn: str) -> str:
    return arn.partition("::")[2].partition(":")[2].partition("/")[0]


GATES = (tagging_gate,)

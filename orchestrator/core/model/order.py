"""Numbers that say in which order the actions of one account are carried out: a kind's, or a resource's own by its tag.

Among an account's stops the smaller number is first, among its starts the greater one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from orchestrator.core.model.marks import ORDER_TAG

if TYPE_CHECKING:
    from orchestrator.core.model.organization import Tags
    from orchestrator.core.model.resource import Resource

Order = Mapping[str, int]
"""By kind. Empty: there is no order, everything is acted on at once."""
DEFAULT_ORDER = 20
"""Of a kind that says nothing else."""
MAX_ORDER = 1000
_WHOLE_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)


def number_in(tags: Tags) -> int | None:
    """That of the tag `stop-orchestrator:order`; None where there is none, or it is malformed."""
    value = tags.get(ORDER_TAG)
    if value is None or _WHOLE_NUMBER.fullmatch(value) is None or int(value) > MAX_ORDER:
        return None
    return int(value)


def malformed_order(tags: Tags) -> str:
    """What is wrong with the tag, and what would be right; empty where there is none, or it is right."""
    if ORDER_TAG not in tags or number_in(tags) is not None:
        return ""
    shown = f"{ORDER_TAG}={tags[ORDER_TAG]}"
    return f"{shown} is no whole number from 0 to {MAX_ORDER}, such as {ORDER_TAG}={DEFAULT_ORDER}"


def number_of(resource: Resource, order: Order) -> int:
    """Its own by its tag, else its kind's. A tag that is malformed counts as none: what has one is only started."""
    own = number_in(resource.tags)
    return order.get(resource.kind, DEFAULT_ORDER) if own is None else own


def order_needed(resources: Iterable[Resource], order: Order) -> Order:
    """As much of an order as these resources need; none where all of them have the same number."""
    some = tuple(resources)
    kinds = sorted({one.kind for one in some})
    if len(kinds) <= 1 and not any(ORDER_TAG in one.tags for one in some):
        return {}
    needed = {kind: order.get(kind, DEFAULT_ORDER) for kind in kinds}
    return needed if len({number_of(one, needed) for one in some}) > 1 else {}

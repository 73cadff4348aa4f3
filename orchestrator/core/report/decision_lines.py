"""A decision with what came of it, and of which sweep it is: a line of decisions.jsonl.gz, and of decisions.csv.

Rows of a report's document in, the fields beside a decision out. Both files take them from here, so that they agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

from orchestrator.core.report.lazy_rows import LazyRows, made_rows

Row = Mapping[str, Any]
PLACE = ("account_id", "region", "kind", "resource_id")
"""What names a resource in each row."""
_Place = tuple[Any, ...]
place_of = itemgetter(*PLACE)


FLATTENED = {
    "exemption_tag": ("exemption", "tag"),
    "exemption_value": ("exemption", "value"),
    "exemption_source": ("exemption", "source"),
    "exemption_until": ("exemption", "until"),
    "exemption_reason": ("exemption", "reason"),
}
"""Columns of decisions.csv for what is within a field of the line: the field, and what of it."""
SWEEP_FIELDS = ("sweep_id", "policy_name", "mode", "schema_version")
_NO_OUTCOME: Row = {"outcome": None, "code": None, "message": None, "requested_at": None, "verified_at": None}
_NOTHING: Row = {}
OUTCOME_FIELDS = tuple(_NO_OUTCOME)


def outcome_fields(outcome: Row | None) -> Row:
    """Of an outcome's row; of none they are null."""
    if outcome is None:
        return _NO_OUTCOME
    return {
        "outcome": outcome["status"],
        "code": outcome.get("code"),
        "message": "; ".join(filter(None, (outcome.get("message"), *outcome.get("warnings", ())))),
        "requested_at": outcome.get("requested_at"),
        "verified_at": outcome.get("verified_at"),
    }


def flattened(decision: Row) -> Row:
    """The columns of decisions.csv for what is within its fields; empty where a field is null or missing."""
    return {column: (decision.get(field) or _NOTHING).get(name) for column, (field, name) in FLATTENED.items()}


def sweep_fields(document: Row) -> Row:
    """The same on each line. A report of format 1 does not say that it is."""
    return {**{name: document.get(name) for name in SWEEP_FIELDS}, "schema_version": document.get("schema_version", 1)}


class Outcomes:
    """The outcomes of a report by their resources. Where all rows are sorted, one is held at a time."""

    def __init__(self, document: Row) -> None:
        self._document = document

    def begin(self) -> Callable[[Row], Row | None]:
        """The last outcome of a decision's resource. It is asked for each decision once, in their order."""
        rows = self._document["outcomes"]
        if not self._all_sorted:
            found = {place_of(row): row for row in made_rows(rows)}
            return lambda decision: found.get(place_of(decision))
        left = ((place, [*some][-1]) for place, some in groupby(made_rows(rows), place_of))
        ahead = next(left, None)

        def outcome_of(decision: Row) -> Row | None:
            nonlocal ahead
            if ahead is None:
                return None
            place = place_of(decision)
            while ahead is not None and ahead[0] < place:
                ahead = next(left, None)
            return ahead[1] if ahead is not None and ahead[0] == place else None

        return outcome_of

    @cached_property
    def _all_sorted(self) -> bool:
        return _are_sorted(self._document["outcomes"]) and _are_sorted(self._document["decisions"])


def _are_sorted(rows: Sequence[Row]) -> bool:
    """Those that are made when they are read always are."""
    places: Iterable[_Place] = map(place_of, rows)
    return isinstance(rows, LazyRows) or all(one <= later for one, later in pairwise(places))

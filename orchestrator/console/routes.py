"""Which page a request's target asks for. Sweep ids have their form, and names of files are those that sweeps write:
nothing else of a request ever becomes part of a path or a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from orchestrator.core.model.marks import SWEEP_ID
from orchestrator.core.report.manifest import MANIFEST, SEALED, SIGNATURE

DOWNLOADS = (*SEALED, MANIFEST, SIGNATURE)
"""What of a sweep's files is given out: all that a sweep writes, but for its working files."""
REPORT_PAGE = "report.html"
_LONGEST = 8_192
_MOST_FIELDS = 8
_LONGEST_FIELD = 2_048
_SWEEP = re.compile(rf"/sweeps/({SWEEP_ID.pattern})(?:(/)([A-Za-z0-9._-]{{0,100}}))?")
_EXPLAIN_FIELDS = ("resource", "account", "region", "kind")


@dataclass(frozen=True, slots=True)
class IndexRoute:
    """All sweeps."""


@dataclass(frozen=True, slots=True)
class ReportRoute:
    """The report of a sweep."""

    sweep_id: str


@dataclass(frozen=True, slots=True)
class FilesRoute:
    """The list of its files."""

    sweep_id: str


@dataclass(frozen=True, slots=True)
class DownloadRoute:
    """One of them; `name` is one of DOWNLOADS."""

    sweep_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ExplainRoute:
    """One decision of it. `resource` is an id or an ARN; what is empty was not told."""

    sweep_id: str
    resource: str
    account: str = ""
    region: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class MovedRoute:
    """Another address, relative to this one."""

    to: str


Route = IndexRoute | ReportRoute | FilesRoute | DownloadRoute | ExplainRoute | MovedRoute


class BadQueryError(Exception):
    """The query of an address is not as `explain` takes it; the text says what is wrong, and has nothing of it."""


def route_of(target: str) -> Route | None:
    """None where there is no such page. Raises BadQueryError.

    A target is what the request's line has, not decoded: no page of ours has anything in its path to decode.
    """
    path, _, query = target.partition("?")
    if len(target) > _LONGEST or not target.isascii():
        return None
    found = _SWEEP.fullmatch(path)
    if found is None:
        return IndexRoute() if path in ("/", "/index.html") else None
    sweep_id, slash, name = found.groups()
    if not slash:
        return MovedRoute(f"{sweep_id}/")
    return _of_sweep(sweep_id, name, query)


def _of_sweep(sweep_id: str, name: str, query: str) -> Route | None:
    match name:
        case "":
            return ReportRoute(sweep_id)
        case "files":
            return FilesRoute(sweep_id)
        case "explain":
            fields = _fields(query)
            return ExplainRoute(sweep_id, **{one: fields.get(one, "") for one in _EXPLAIN_FIELDS})
    return next((DownloadRoute(sweep_id, one) for one in DOWNLOADS if one == name), None)


def _fields(query: str) -> Mapping[str, str]:
    try:
        found = parse_qs(
            query, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError as wrong:
        raise BadQueryError("the query is malformed") from wrong
    if set(found) - set(_EXPLAIN_FIELDS):
        raise BadQueryError(f"a query has {', '.join(_EXPLAIN_FIELDS)}, and nothing else")
    if any(len(values) > 1 or len(values[0]) > _LONGEST_FIELD for values in found.values()):
        raise BadQueryError("a field of the query is there twice, or too long")
    if not found.get("resource", [""])[0]:
        raise BadQueryError("name the resource: explain?resource=i-0123456789abcdef0")
    return {name: values[0] for name, values in found.items()}

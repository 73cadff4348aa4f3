"""Of services whose operations are methods and paths: which operation a request is for, by botocore's own model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import botocore.session

_LABEL = re.compile(r"\\\{(\w+)\\\}")


class RestCall(NamedTuple):
    """An operation's name, and what its path names, by AWS's labels."""

    operation: str
    fields: Mapping[str, str]


def rest_call(service: str, method: str, path: str) -> RestCall | None:
    """None where the service has no such operation. `path` is decoded: a label at its end may have `/` in it."""
    for asked_by, pattern, operation in _operations(service):
        found = pattern.fullmatch(path) if asked_by == method else None
        if found is not None:
            return RestCall(operation, found.groupdict())
    return None


@cache
def _operations(service: str) -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Those with the longer paths first, since a shorter one's last label would take them in."""
    model = botocore.session.get_session().get_service_model(service)
    of_http = [(model.operation_model(name).http, name) for name in model.operation_names]
    of_http.sort(key=lambda one: -one[0]["requestUri"].count("/"))
    return tuple((http["method"], _pattern(http["requestUri"]), name) for http, name in of_http)


def _pattern(uri: str) -> re.Pattern[str]:
    before_query = re.escape(uri.partition("?")[0])
    inside = _LABEL.sub(lambda label: f"(?P<{label[1]}>[^/]+)", before_query)
    return re.compile(inside.removesuffix("[^/]+)") + ".+)" if inside.endswith("[^/]+)") else inside)

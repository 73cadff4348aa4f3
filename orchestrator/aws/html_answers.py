"""An HTML page where an answer of AWS should be: one sentence with its status and the endpoint, never the page itself.

A proxy, a gateway or a portal answers in place of AWS. botocore takes the page for a message (JSON), fails on it and
quotes it whole (XML), or reads it as an answer without anything in it (JSON with status 200). What the call comes to
stays as it was, code and class of the exception: only the text is another one. But a page with status 200 is no answer.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from xml.etree import ElementTree as ET

from botocore.parsers import ResponseParserError

_PAGE = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<((!doctype\s+)?html|head|title|body|center|h1)\b",
    re.IGNORECASE | re.DOTALL,
)
"""Gateways leave the beginning out, too; no answer of AWS begins with one of these."""
_FIRST_ERROR, _FIRST_SERVER_ERROR = 300, 500
_XML = frozenset({"ec2", "query", "rest-xml"})


def explain_html_pages(client: Any) -> None:
    """From now on the client's failures name a page instead of quoting it. For any client of botocore."""
    service, endpoint = client.meta.service_model.service_id.hyphenize(), client.meta.endpoint_url
    client.meta.events.register(f"before-parse.{service}", partial(_before_parse, endpoint))
    client.meta.events.register(f"after-call.{service}", partial(_after_call, endpoint))


def refuse_unreadable(endpoint: str, protocol: str, body: bytes, status: int) -> None:
    """Raises what botocore's parser would raise of a page, with another text; nothing for an answer of AWS."""
    if not _PAGE.match(body):
        return
    is_refusal = status >= _FIRST_ERROR
    if not is_refusal or (protocol in _XML and not _is_read_by_status(protocol, status, body) and not _is_xml(body)):
        raise ResponseParserError(_sentence(endpoint, status))


def _is_read_by_status(protocol: str, status: int, body: bytes) -> bool:
    """Whether botocore looks at the status alone: https://github.com/boto/botocore/blob/develop/botocore/parsers.py."""
    if protocol == "rest-xml":
        return status >= _FIRST_ERROR
    return status >= _FIRST_SERVER_ERROR and body.strip().startswith(b"<html>")


def _is_xml(body: bytes) -> bool:
    try:
        ET.fromstring(body)  # noqa: S314 - as botocore itself parses it
    except (ET.ParseError, LookupError, ValueError):  # the last two: an encoding that is not known
        return False
    return True


def replace_message(endpoint: str, body: bytes, status: int, parsed: dict[str, Any]) -> None:
    """Of a page that botocore read as a refusal. The code stays: what is done about the failure hangs on it."""
    if _PAGE.match(body):
        error = parsed.setdefault("Error", {})
        # As botocore has it of a page that it does not read; of one that is well-formed XML it finds no code at all.
        error["Code"] = error.get("Code") or str(status)
        error["Message"] = _sentence(endpoint, status)


def _before_parse(endpoint: str, operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    body = response_dict["body"]
    if isinstance(body, bytes):
        protocol = operation_model.service_model.resolved_protocol
        refuse_unreadable(endpoint, protocol, body, response_dict["status_code"])


def _after_call(endpoint: str, http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    if http_response.status_code >= _FIRST_ERROR:  # the content of any other may be a stream, which is read once
        replace_message(endpoint, http_response.content, http_response.status_code, parsed)


def _sentence(endpoint: str, status: int) -> str:
    return f"{endpoint} answered with HTTP status {status} and an HTML page, which is none of AWS's own (a proxy's?)"

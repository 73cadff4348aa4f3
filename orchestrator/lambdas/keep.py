"""The Lambda entry point behind opt-out links: a GET shows a page and changes nothing, its button's POST opts out.

It answers an HTTP API with payloads of version 2.0, as function URLs have them too. Its role may read and put opt-outs
in the table and use the key that signs links, and nothing else. Who comes is known by nothing but the link.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.utilities.typing import LambdaContext

from orchestrator import app
from orchestrator.core.decide.opt_out_links import LinkRefusal, OptOutLink, read_link
from orchestrator.core.model import time_text
from orchestrator.core.report.opt_out_page.pages import (
    LONGEST_REASON,
    content_policy,
    form_page,
    recorded_page,
    refusal_page,
)
from orchestrator.errors import StopOrchestratorError
from orchestrator.lambdas.entry import entry_point
from orchestrator.lambdas.log import logger
from orchestrator.ledger.items import Items
from orchestrator.ledger.opt_outs import GivenOptOut, give_opt_out, given_by_link, longest_given

_FORM = "application/x-www-form-urlencoded"
_LONGEST_BODY = 4096
"""Bytes: a day, and a reason in whatever alphabet."""
_LONGEST_AGENT = 200
_FIELDS = {"until", "reason"}
_KEYS = 32
"""Signing keys of sweeps that a warm function keeps."""


@dataclass(frozen=True, slots=True)
class Request:
    """What of an event counts."""

    method: str
    query: str
    content_type: str
    body: bytes | None
    """None: it is not what its encoding says."""
    source_ip: str
    user_agent: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Request:
        """Of an HTTP API. Raises KeyError and TypeError for another event."""
        http = event["requestContext"]["http"]
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        body = _body(event.get("body") or "", encoded=bool(event.get("isBase64Encoded")))
        agent = http.get("userAgent") or ""
        return cls(
            http["method"],
            event.get("rawQueryString") or "",
            content_type,
            body,
            http.get("sourceIp") or "",
            agent[:_LONGEST_AGENT],
        )


@dataclass(frozen=True, slots=True)
class Service:
    """What answers a request."""

    items: Items
    key_of: Callable[[str], bytes]
    """The signing key of a sweep by its id."""
    now: Callable[[], datetime]

    def answer(self, request: Request) -> dict[str, Any]:
        """Raises StopOrchestratorError where the table or the key cannot be asked: then nothing is known."""
        if request.method not in ("GET", "POST"):
            text = "This address answers a browser that shows its page, and the page's button."
            return _answer(HTTPStatus.METHOD_NOT_ALLOWED, refusal_page("Not like this", text), allow="GET, POST")
        if request.body is not None and len(request.body) > _LONGEST_BODY:
            return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "This answer is too long.")
        link = read_link(request.query, self.now(), self.key_of)
        if isinstance(link, LinkRefusal):
            return _refuse_link(link)
        return self._show(link, request) if request.method == "GET" else self._give(link, request)

    def _show(self, link: OptOutLink, request: Request) -> dict[str, Any]:
        """Reads alone: mail scanners follow links."""
        used = given_by_link(self.items, link.sweep_id, link.arn)
        longest = longest_given(self.items, link.arn)
        if longest is not None and (used is not None or longest.until >= link.until):
            return self._recorded(link, longest)
        today = link.today(self.now())
        recorded = longest.until if longest is not None and longest.until >= today else None
        return _answer(HTTPStatus.OK, form_page(link, request.query, self.now(), recorded=recorded))

    def _give(self, link: OptOutLink, request: Request) -> dict[str, Any]:
        if request.content_type != _FORM:
            return _refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "This is no answer of the page's form.")
        form = _form(request.body)
        if form is None:
            return _refuse(HTTPStatus.BAD_REQUEST, "This is no answer of the page's form.")
        until, reason = form.get("until", ""), " ".join(form.get("reason", "").split())
        day, problem = self._check(link, until, reason)
        if day is None or problem:
            page = form_page(link, request.query, self.now(), problem=problem, until=until, reason=reason)
            return _answer(HTTPStatus.BAD_REQUEST, page)
        asked = GivenOptOut(
            link.arn,
            min(day, link.until),
            reason,
            link.sweep_id,
            link.given_to,
            time_text(self.now()) or "",
            request.source_ip,
            request.user_agent,
        )
        given, is_new = give_opt_out(self.items, asked)
        logger.info(
            "Opted out by a link" if is_new else "Opted out before",
            resource=given.arn,
            until=given.until.isoformat(),
            sweep=given.sweep_id,
            given_to=given.given_to,
            source_ip=request.source_ip,
        )
        return self._recorded(link, given, is_new=is_new)

    def _recorded(self, link: OptOutLink, given: GivenOptOut, *, is_new: bool = False) -> dict[str, Any]:
        page = recorded_page(link, given.until, given.reason, given.given_at, self.now(), is_new=is_new)
        return _answer(HTTPStatus.OK, page)

    def _check(self, link: OptOutLink, until: str, reason: str) -> tuple[date | None, str]:
        try:
            day = date.fromisoformat(until)
        except ValueError:
            return None, "Choose until when."
        if day < link.today(self.now()):
            return None, "That day is over: choose a later one."
        if link.needs_reason and not reason:
            return day, "Say why, in a few words."
        if len(reason) > LONGEST_REASON:
            return day, f"Say why in at most {LONGEST_REASON} characters."
        return day, ""


@logger.inject_lambda_context(clear_state=True)
@entry_point
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`{statusCode, headers, body}` for the request in the event."""
    del context
    try:
        request = Request.of(event)
    except (KeyError, TypeError, AttributeError):
        return _refuse(HTTPStatus.BAD_REQUEST, "This is no request of a browser.")
    try:
        return _service().answer(request)
    except StopOrchestratorError as failure:
        logger.error("A link could not be answered", reason=str(failure))
        text = "It cannot be told right now. Try again in some minutes, or set the opt-out tag on the resource."
        return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, text)


@cache
def _service() -> Service:
    """Made once for each process of the function."""
    items, key_of = app.make_opt_out_service(os.environ)
    return Service(items, lru_cache(_KEYS)(key_of), app.now)


def _body(text: str, *, encoded: bool) -> bytes | None:
    if not encoded:
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _form(body: bytes | None) -> dict[str, str] | None:
    """None for what no browser sends from the page."""
    if not body:
        return None
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=len(_FIELDS),
        )
    except ValueError:
        return None
    form = dict(fields)
    return form if len(form) == len(fields) and form.keys() <= _FIELDS else None


def _refuse_link(why: LinkRefusal) -> dict[str, Any]:
    if why is LinkRefusal.EXPIRED:
        text = "Its time is over. A later message has a fresh one; or set the opt-out tag on the resource."
        return _answer(HTTPStatus.GONE, refusal_page("This link has expired", text))
    text = "It is not as it was sent: open it from the message itself, or copy all of it."
    return _answer(HTTPStatus.FORBIDDEN, refusal_page("This link is not valid", text))


def _refuse(status: HTTPStatus, text: str) -> dict[str, Any]:
    return _answer(status, refusal_page("That did not work", text))


def _answer(status: HTTPStatus, page: str, **headers: str) -> dict[str, Any]:
    return {
        "statusCode": int(status),
        "headers": {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": content_policy(),
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "x-robots-tag": "noindex, nofollow",
            "strict-transport-security": "max-age=31536000",
            **headers,
        },
        "body": page,
        "isBase64Encoded": False,
    }

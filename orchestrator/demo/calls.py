"""One request to the embedded AWS, and refusals in each protocol's own form: what gates look at and what they give."""

from __future__ import annotations

import io
import json
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode
from xml.sax.saxutils import escape

from moto.iam.models import get_account_id_from

from orchestrator.demo.rest_calls import RestCall, rest_call

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_REQUEST_ID = "00000000-0000-0000-0000-000000000000"
_REST_SERVICES = frozenset({"eks"})
"""Whose operations are told by botocore's model. Of others with paths the path is the action."""
_JSON_SERVICES = _REST_SERVICES | {
    "account",
    "application-autoscaling",
    "dynamodb",
    "ecs",
    "monitoring",
    "organizations",
    "sagemaker",
    "ssm",
    "tagging",
}


class Call:
    """A request as AWS sees it: who asks which service for what, where. The body can be read and replaced."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ
        scope = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        self.access_key = scope["key"] if scope else ""
        self.region = scope["region"] if scope else "us-east-1"
        self.service = scope["service"] if scope else ""
        self.body = _body(environ)
        self._give_back(self.body)
        self.afterwards: Answer | None = None
        """Answered in place of moto's answer, after moto has done what was asked."""

    @cached_property
    def account_id(self) -> str:
        """The account that owns the session; moto's own header for tests comes first, as in moto."""
        return self.environ.get("HTTP_X_MOTO_ACCOUNT_ID") or get_account_id_from(self.access_key)

    @property
    def account_concerned(self) -> str:
        """The session's own account; for AssumeRole the account of the role."""
        if self.service == "sts" and self.action == "AssumeRole":
            return account_of(self.form.get("RoleArn", ""))
        return self.account_id

    @cached_property
    def action(self) -> str:
        """Such as `StopInstances`; for most REST services the path, such as `/enableRegion`."""
        if self._rest is not None:
            return self._rest.operation
        target = self.environ.get("HTTP_X_AMZ_TARGET")
        if target:
            return str(target).rpartition(".")[2]
        return self.form.get("Action", "") or str(self.environ.get("PATH_INFO", ""))

    @cached_property
    def path_fields(self) -> Mapping[str, str]:
        """What the path names, by AWS's labels; empty but for some REST services."""
        return self._rest.fields if self._rest is not None else {}

    @cached_property
    def _rest(self) -> RestCall | None:
        if self.service not in _REST_SERVICES:
            return None
        return rest_call(self.service, str(self.environ["REQUEST_METHOD"]), str(self.environ.get("PATH_INFO", "")))

    @cached_property
    def form(self) -> Mapping[str, str]:
        """The fields of a query-protocol body; empty for other protocols."""
        if not self.environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return {key: values[0] for key, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    @property
    def json(self) -> dict[str, Any]:
        """The body as JSON."""
        parsed: dict[str, Any] = json.loads(self.body or b"{}")
        return parsed

    @property
    def texts(self) -> list[str]:
        """What its fields say, of a form, a JSON document or its path; not what is asked for by filters."""
        document = self.json if self.service in _JSON_SERVICES else {}
        named = [value for key, value in self.form.items() if not key.startswith("Filter")]
        return [*named, *self.path_fields.values(), *(value for value in document.values() if isinstance(value, str))]

    def form_list(self, name: str) -> list[str]:
        """`InstanceId.1`, `InstanceId.2`, ... in their order."""
        pattern = re.compile(rf"{re.escape(name)}\.\d+")
        numbered = [(key, value) for key, value in self.form.items() if pattern.fullmatch(key)]
        return [value for _, value in sorted(numbered, key=lambda item: int(item[0].rpartition(".")[2]))]

    def query_list(self, name: str) -> list[str]:
        """Each value of that name in the query of the address."""
        return parse_qs(str(self.environ.get("QUERY_STRING", "")), keep_blank_values=True).get(name, [])

    def filters(self) -> dict[str, list[str]]:
        """EC2's `Filter.1.Name` with its `Filter.1.Value.1`, `Filter.1.Value.2`, ..."""
        names = {key: value for key, value in self.form.items() if re.fullmatch(r"Filter\.\d+\.Name", key)}
        return {name: self.form_list(f"{key.removesuffix('.Name')}.Value") for key, name in names.items()}

    def replace_json(self, document: Mapping[str, Any]) -> None:
        """Puts another body in place."""
        self.body = json.dumps(document).encode()
        self._give_back(self.body)

    def replace_form(self, fields: Mapping[str, str]) -> None:
        """Puts another form in place."""
        self.body = urlencode(fields).encode()
        self._give_back(self.body)

    def refused(self, code: str, message: str, status: int = 400) -> Answer:
        """AWS's refusal in the form that this service uses."""
        if self.service in _JSON_SERVICES:
            document = {"__type": code, "message": message}
            return Answer(status, "application/x-amz-json-1.1", json.dumps(document), {"x-amzn-ErrorType": code})
        code, message = escape(code), escape(message)
        if self.service == "ec2":
            text = (
                f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
                f"<RequestID>{_REQUEST_ID}</RequestID></Response>"
            )
        elif self.service == "s3":
            text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        else:
            text = (
                f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
                f"<RequestId>{_REQUEST_ID}</RequestId></ErrorResponse>"
            )
        return Answer(status, "text/xml", text)

    def hung_up(self) -> Answer:
        """The end of the connection in place of an answer."""
        return _NoAnswer(0, "", "", connection=self.environ["werkzeug.socket"])

    def _give_back(self, body: bytes) -> None:
        self.environ["wsgi.input"] = io.BytesIO(body)
        self.environ["CONTENT_LENGTH"] = str(len(body))


def account_of(arn: str) -> str:
    """The account id in an ARN; empty for a text without one."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""  # noqa: PLR2004 - arn:partition:service:region:account


def _body(environ: WSGIEnvironment) -> bytes:
    """Whole; one that comes in chunks, without a length, is not in chunks any more."""
    stream = environ["wsgi.input"]
    is_chunked = environ.pop("wsgi.input_terminated", False)
    body: bytes = stream.read() if is_chunked else stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    if is_chunked:
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    return body


@dataclass(frozen=True, slots=True)
class Answer:
    """What the front answers in moto's place."""

    status: int
    content_type: str
    text: str
    headers: Mapping[str, str] | None = None

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """The answer to a WSGI server: status and headers by `start_response`, then the body."""
        body = self.text.encode()
        headers = {"Content-Type": self.content_type, "Content-Length": str(len(body)), **(self.headers or {})}
        start_response(f"{self.status} {'OK' if self.status < 400 else 'Refused'}", list(headers.items()))  # noqa: PLR2004 - HTTP
        return [body]


@dataclass(frozen=True, slots=True)
class _NoAnswer(Answer):
    connection: socket.socket | None = None

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Raises ConnectionAbortedError, by which the server knows that there is nothing more to say."""
        del start_response
        assert self.connection is not None
        self.connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError

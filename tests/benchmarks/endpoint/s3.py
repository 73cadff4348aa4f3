"""S3 in memory: conditional puts, uploads in parts, reads and lists of one bucket, whatever its name."""

from __future__ import annotations

import hashlib
from collections import Counter
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

Answer = tuple[int, dict[str, str], bytes]
_XML = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_PRICED_AS_PUT = frozenset({"PUT", "POST"})
_PAGE = 1000


class S3Answers:
    """`requests` counts by the prices' words: puts (PUT, COPY, POST, LIST) and gets; deletes are free."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._uploads: dict[str, dict[int, bytes]] = {}
        self.requests: Counter[str] = Counter()
        self.bytes_stored = 0

    def answer(  # noqa: C901, PLR0911 - one for each operation
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[str, Answer]:
        """The operation's name, and status, headers and body."""
        place, _, query = path.partition("?")
        _, _, key = unquote(place).lstrip("/").partition("/")
        asked = parse_qs(query, keep_blank_values=True)
        operation = _operation(method, key, asked)
        if method in _PRICED_AS_PUT or operation == "ListObjectsV2":
            self.requests["put"] += 1
        elif method != "DELETE":
            self.requests["get"] += 1
        if operation == "ListObjectsV2":
            return operation, self._list(asked)
        if operation == "CreateMultipartUpload":
            upload = f"upload-{len(self._uploads)}"
            self._uploads[upload] = {}
            text = f"<Bucket>bucket</Bucket><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
            return operation, _xml(f"<InitiateMultipartUploadResult {_XML}>{text}</InitiateMultipartUploadResult>")
        if operation == "UploadPart":
            self._uploads[asked["uploadId"][0]][int(asked["partNumber"][0])] = body
            return operation, (200, {"ETag": _tag(body)}, b"")
        if operation == "AbortMultipartUpload":
            self._uploads.pop(asked["uploadId"][0], None)
            return operation, (204, {}, b"")
        if operation == "CompleteMultipartUpload":
            parts = self._uploads.pop(asked["uploadId"][0])
            status, answer_headers, content = self._put(key, b"".join(parts[one] for one in sorted(parts)), headers)
            if status != 200:
                return operation, (status, answer_headers, content)
            text = f"<Key>{escape(key)}</Key><ETag>{answer_headers['ETag']}</ETag>"
            return operation, _xml(f"<CompleteMultipartUploadResult {_XML}>{text}</CompleteMultipartUploadResult>")
        if operation == "PutObject":
            return operation, self._put(key, body, headers)
        if operation == "DeleteObject":
            self._objects.pop(key, None)
            return operation, (204, {}, b"")
        return operation, self._get(method, key, headers)

    def _put(self, key: str, body: bytes, headers: dict[str, str]) -> Answer:
        if headers.get("if-none-match") == "*" and key in self._objects:
            return _error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        self._objects[key] = body
        self.bytes_stored += len(body)
        return 200, {"ETag": _tag(body)}, b""

    def _get(self, method: str, key: str, headers: dict[str, str]) -> Answer:
        body = self._objects.get(key)
        if body is None:
            return (404, {}, b"") if method == "HEAD" else _error(404, "NoSuchKey", "The specified key does not exist.")
        whole = {"ETag": _tag(body), "Last-Modified": "Mon, 23 Nov 2026 19:00:00 GMT", "Accept-Ranges": "bytes"}
        if wanted := headers.get("range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or len(body)), len(body) - 1)
            content_range = f"bytes {start}-{end}/{len(body)}"
            return 206, {**whole, "Content-Range": content_range}, body[start : end + 1]
        if method == "HEAD":
            return 200, {**whole, "Content-Length": str(len(body))}, b""
        return 200, whole, body

    def _list(self, asked: dict[str, list[str]]) -> Answer:
        prefix = asked.get("prefix", [""])[0]
        after = asked.get("continuation-token", asked.get("start-after", [""]))[0]
        keys = [key for key in sorted(self._objects) if key.startswith(prefix) and key > after]
        page = keys[:_PAGE]
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self._objects[key])}</Size>"
            f"<ETag>{_tag(self._objects[key])}</ETag><LastModified>2026-11-23T19:00:00.000Z</LastModified></Contents>"
            for key in page
        )
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if len(keys) > _PAGE else ""
        truncated = f"<IsTruncated>{str(len(keys) > _PAGE).lower()}</IsTruncated><KeyCount>{len(page)}</KeyCount>"
        return _xml(f"<ListBucketResult {_XML}><Name>bucket</Name>{truncated}{more}{items}</ListBucketResult>")


def _operation(method: str, key: str, asked: dict[str, list[str]]) -> str:
    if method == "GET" and not key:
        return "ListObjectsV2"
    if method == "POST":
        return "CreateMultipartUpload" if "uploads" in asked else "CompleteMultipartUpload"
    if "uploadId" in asked:
        return "UploadPart" if method == "PUT" else "AbortMultipartUpload"
    return {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}[method]


def _tag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


def _xml(text: str) -> Answer:
    return 200, {"Content-Type": "application/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def _error(status: int, code: str, message: str) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>a-request</RequestId></Error>"
    return status, {"Content-Type": "application/xml"}, text.encode()

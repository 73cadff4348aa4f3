"""What a request is answered: a status, headers and a body in pieces. Every answer has the same protective headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

NO_CONTENT_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'"
"""Of what is no page."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
PLAIN, PAGE = "text/plain; charset=utf-8", "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """The body may be long: it is read piece by piece while it is sent, and may raise StopOrchestratorError."""

    status: HTTPStatus
    body: Iterable[bytes]
    content_type: str = PLAIN
    content_policy: str = NO_CONTENT_POLICY
    more: Mapping[str, str] = field(default_factory=dict)
    """Headers of this answer alone."""

    @property
    def headers(self) -> Mapping[str, str]:
        """All of them. None lets another site read it: there is no header of CORS."""
        own = {
            "Content-Type": self.content_type,
            "Content-Security-Policy": f"{self.content_policy}; frame-ancestors 'none'",
        }
        return {**own, **_HEADERS, **self.more}


def text_answer(status: HTTPStatus, text: str, **more: str) -> Answer:
    """A sentence for a person; a name in `more` is a header's, with `_` for `-`."""
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    return Answer(status, (f"{text}\n".encode(errors="replace"),), more=headers)

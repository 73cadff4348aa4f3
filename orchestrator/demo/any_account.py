"""Clients of an embedded AWS that act in any account of it: what seeds the demo, and what checks it from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import boto3


class AnyAccount:
    """Clients of an embedded AWS that act in any account without a role, by moto's own header."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._url = environment["AWS_ENDPOINT_URL"]
        self._session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )
        self._made: dict[tuple[str, str | None], Any] = {}
        self._account: ContextVar[str | None] = ContextVar("account", default=None)

    def client(self, service: str, region: str | None = None) -> Any:
        """One client per service and region, for whatever account is current."""
        key = (service, region)
        if key not in self._made:
            made = self._session.client(service, region_name=region, endpoint_url=self._url)  # type: ignore[call-overload]  # the name is a variable
            made.meta.events.register("before-send", self._name_account)
            self._made[key] = made
        return self._made[key]

    @contextmanager
    def acting_in(self, account_id: str) -> Iterator[None]:
        token = self._account.set(account_id)
        try:
            yield
        finally:
            self._account.reset(token)

    def _name_account(self, request: Any, **_: object) -> None:
        account_id = self._account.get()
        if account_id is not None:
            request.headers["x-moto-account-id"] = account_id

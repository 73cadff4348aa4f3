"""moto's DynamoDB, one of the two tables of the ledger."""

from __future__ import annotations

from tests.support.moto_server import hub, moto_url  # noqa: F401 - pytest finds fixtures by their names in this file

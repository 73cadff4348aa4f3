"""Both tables of the ledger: DynamoDB, which is moto's, and SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.demo.organization import create_table
from orchestrator.ledger.items import Items
from orchestrator.local.sqlite_items import SqliteItems
from tests.support.leases import World
from tests.support.moto_server import hub, moto_url  # noqa: F401 - pytest finds fixtures by their names here
from tests.support.moto_speed import _moto_is_quick  # noqa: F401 - the same

TABLE = "sweeps"


@pytest.fixture(params=["dynamodb", "sqlite"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Items:
    if request.param == "sqlite":
        return SqliteItems(tmp_path)
    client = request.getfixturevalue("hub").dynamodb()
    create_table(client, TABLE)
    return DynamoItems(client, TABLE)


@pytest.fixture
def world() -> World:
    return World()
